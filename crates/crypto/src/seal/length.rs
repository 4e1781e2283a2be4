//! The lengths of plaintexts and of what they are sealed to.

use super::PREFIX_LEN;
use crate::suite::Suite;

/// The largest number of cells, by section "Message chunking" of the specification.
pub const CELLS_MAX: u64 = 1 << 38;

/// Returns the length of what a plaintext of `plaintext_len` bytes is sealed to.
///
/// The answer for a plaintext that is too long to be sealed has no meaning and does not wrap.
pub fn sealed_len(suite: Suite, plaintext_len: u64) -> u64 {
    let cells = plaintext_len / suite.cell_len() as u64 + 1;
    (PREFIX_LEN as u64)
        .saturating_add(cells * suite.tag_len() as u64)
        .saturating_add(plaintext_len)
}

/// Returns the length of the plaintext that was sealed to `sealed_len` bytes, or `None` where no
/// plaintext has that sealed length.
pub fn plaintext_len(suite: Suite, sealed_len: u64) -> Option<u64> {
    let (cell_len, tag_len) = (suite.cell_len() as u64, suite.tag_len() as u64);
    let body = sealed_len.checked_sub(PREFIX_LEN as u64)?;
    let full_cells = body / (cell_len + tag_len);
    let last_len = (body % (cell_len + tag_len)).checked_sub(tag_len)?;
    (full_cells < CELLS_MAX).then_some(full_cells * cell_len + last_len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_the_specified_ones() {
        for (plain, sealed) in [
            (0, 72),
            (1, 73),
            (16_383, 16_455),
            (16_384, 16_472),
            (16_385, 16_473),
        ] {
            assert_eq!(sealed_len(Suite::Aes256, plain), sealed);
            assert_eq!(plaintext_len(Suite::Aes256, sealed), Some(plain));
        }
        assert_eq!(sealed_len(Suite::Blowfish448, 65_536), 56 + 65_536 + 64);
    }

    #[test]
    fn every_length_has_one_plaintext_or_none() {
        for suite in Suite::ALL {
            let full = (suite.cell_len() + suite.tag_len()) as u64;
            let mut valid = 0;
            for sealed in 0..2 * full + 200 {
                if let Some(plain) = plaintext_len(suite, sealed) {
                    assert_eq!(sealed_len(suite, plain), sealed);
                    assert_eq!(plain, valid, "every plaintext length comes once, in order");
                    valid += 1;
                }
            }
            assert_eq!(plaintext_len(suite, 56 + full), None);
            assert_eq!(plaintext_len(suite, 55), None);
        }
    }

    #[test]
    fn more_cells_than_allowed_have_no_plaintext() {
        let full = 16_384 + 16;
        let most = PREFIX_LEN as u64 + (CELLS_MAX - 1) * full + full - 1;
        assert_eq!(plaintext_len(Suite::Aes128, most), Some((1 << 52) - 1));
        assert_eq!(plaintext_len(Suite::Aes128, most + 17), None);
        assert_eq!(plaintext_len(Suite::Aes128, u64::MAX), None);
        assert_eq!(sealed_len(Suite::Aes128, u64::MAX), u64::MAX);
    }
}
