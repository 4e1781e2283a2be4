//! What a client pins: the SHA-256 hash of a certificate, or of another public thing.

use std::fmt;
use std::str::FromStr;

use strongroom_base::ids::{from_hex, to_hex};
use strongroom_base::{Class, Classified};

/// The SHA-256 hash of what must be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// The text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 64 hexadecimal digits")]
pub struct PinError;

impl Classified for PinError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl Pin {
    /// Makes one of a hash.
    pub fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl FromStr for Pin {
    type Err = PinError;

    /// Takes what other programs print, too: colons between bytes, capital letters.
    fn from_str(text: &str) -> Result<Self, PinError> {
        let digits = text.chars().filter(|c| !matches!(c, ':' | ' '));
        let digits: String = digits.map(|c| c.to_ascii_lowercase()).collect();
        from_hex(&digits).map(Self).ok_or(PinError)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_it_is_printed() {
        let pin = Pin::new([0xab; 32]);
        assert_eq!(pin.to_string().parse(), Ok(pin));
        let colons = ["AB"; 32].join(":");
        assert_eq!(colons.parse(), Ok(pin));
        for wrong in ["", "ab", &"g".repeat(64), &"a".repeat(66)] {
            assert_eq!(wrong.parse::<Pin>(), Err(PinError), "{wrong}");
        }
    }
}
