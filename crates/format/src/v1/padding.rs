//! How the lengths of what is sealed are made coarse: `spec/archive-v1.md`, section 4.1.
//!
//! A size that is seen says little then of how many files there are, or how long their names.

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_base::wire::{WireError, invalid};

/// Lengths above this one are rounded by PADMÉ, those up to it to powers of two.
const POWERS_LEN_MAX: usize = 32_768;
/// Least length of a body, in bytes.
pub(crate) const BODY_LEN_MIN: usize = 1_024;

/// What a pack or an index run is stored as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// An object of its own: of a backup that stores much.
    Object,
    /// A part of a record: of a small snapshot.
    Record,
}

impl Carrier {
    /// Returns what carries a pack or a run that lies in this object.
    pub fn of(object: &ObjectRef) -> Self {
        match object.kind() {
            ObjectKind::Record => Self::Record,
            ObjectKind::Pack | ObjectKind::Index | ObjectKind::Keys => Self::Object,
        }
    }

    /// Returns the least length in bytes of a pack's plaintext.
    pub(crate) fn pack_len_min(self) -> usize {
        match self {
            Self::Object => 32_768,
            Self::Record => 4_096,
        }
    }

    /// Returns the least length in bytes of the plaintext of an index run.
    pub(crate) fn run_len_min(self) -> usize {
        match self {
            Self::Object => 16_384,
            Self::Record => 4_096,
        }
    }
}

/// Returns the padded length of `len` bytes, where the shortest is `least`.
pub(crate) fn padded_len(len: usize, least: usize) -> usize {
    if len <= POWERS_LEN_MAX {
        len.next_power_of_two().max(least)
    } else {
        padme(len)
    }
}

/// Says whether there is something whose padded length this is.
pub(crate) fn is_padded_len(len: usize, least: usize) -> bool {
    padded_len(len, least) == len
}

/// Appends padding.
pub(crate) fn pad(bytes: &mut Vec<u8>, least: usize) {
    bytes.resize(padded_len(bytes.len(), least), 0);
}

/// Refuses what follows the first `used` bytes, where it is not their padding.
pub(crate) fn check_padding(bytes: &[u8], used: usize, least: usize) -> Result<(), WireError> {
    if bytes.len() != padded_len(used, least) {
        return Err(invalid("length"));
    }
    if bytes[used..].iter().any(|byte| *byte != 0) {
        return Err(invalid("padding"));
    }
    Ok(())
}

/// Rounds a length up so that it reveals only O(log log) bits: PADMÉ (Nikitin et al., 2019, section 4).
fn padme(len: usize) -> usize {
    let exponent = len.ilog2();
    let low_bits = exponent - (exponent.ilog2() + 1);
    let mask = (1_usize << low_bits) - 1;
    (len + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::limits::{BODY_LEN_MAX, PACK_LEN_MAX};

    #[track_caller]
    fn check(least: usize, len: usize, padded: usize) {
        assert_eq!(padded_len(len, least), padded);
        assert!(is_padded_len(padded, least));
        assert!(len == padded || !is_padded_len(len, least));
    }

    #[test]
    fn lengths_are_coarse() {
        check(4_096, 0, 4_096);
        check(4_096, 4_096, 4_096);
        check(4_096, 4_097, 8_192);
        check(1_024, 1_025, 2_048);
        check(16_384, 4_097, 16_384);
        check(32_768, 16_385, 32_768);
        check(32_768, 32_768, 32_768);
        check(4_096, 32_769, 34_816);
        check(32_768, 32_769, 34_816);
        check(32_768, PACK_LEN_MAX, PACK_LEN_MAX);
        check(1_024, BODY_LEN_MAX, BODY_LEN_MAX);
    }

    #[test]
    fn padding_costs_little_where_much_is_stored() {
        for len in [40_000, 1_000_003, 16_000_000] {
            let padded = padded_len(len, 4_096);
            assert!(
                padded >= len && padded * 100 < len * 107,
                "{len} -> {padded}"
            );
        }
    }

    #[test]
    fn padding_is_zero_and_as_long_as_it_has_to_be() {
        let mut bytes = vec![1; 700];
        pad(&mut bytes, 1_024);
        assert_eq!(check_padding(&bytes, 700, 1_024), Ok(()));
        bytes[1_023] = 1;
        let padding = check_padding(&bytes, 700, 1_024);
        assert_eq!(padding, Err(invalid("padding")));
        for len in [0, 700, 1_023, 2_048] {
            bytes.resize(len, 0);
            let length = check_padding(&bytes, 700, 1_024);
            assert_eq!(length, Err(invalid("length")), "{len}");
        }
    }
}
