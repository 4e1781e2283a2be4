//! The file form of a custody key: one line with its name, the key and a checksum.

use std::fmt::Write as _;

use strongroom_base::ids::from_hex;
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::hash::hash;
use strongroom_crypto::secret::SecretBytes;

use crate::ImportError;

/// How the text starts.
const NAME: &str = "strongroom-custody-key-v1:";
/// How the text of every version starts.
const FAMILY: &str = "strongroom-custody-key-v";
const KEY_DIGITS: usize = 64;
const CHECK_DIGITS: usize = 8;
/// Digits, colon, digits.
const REST_LEN: usize = KEY_DIGITS + 1 + CHECK_DIGITS;

/// Longest file that is read as an exported key, in bytes.
pub const FILE_LEN_MAX: u64 = 4_096;

/// Returns the content of the file, newline included.
pub fn to_file(key: &CustodyKey) -> SecretBytes {
    let mut text = text(key);
    text.push('\n');
    SecretBytes::new(text.into_bytes())
}

/// Returns the text without the newline, as a QR code carries it.
pub(crate) fn to_line(key: &CustodyKey) -> SecretBytes {
    SecretBytes::new(text(key).into_bytes())
}

/// Reads the text of a file or a QR code; white space around it is not part of it.
pub fn from_text(text: &[u8]) -> Result<CustodyKey, ImportError> {
    let text = text.trim_ascii();
    let Some(rest) = text.strip_prefix(NAME.as_bytes()) else {
        if text.starts_with(FAMILY.as_bytes()) {
            return Err(ImportError::TooNew);
        }
        return Err(ImportError::NotAKey { expected: NAME });
    };
    if rest.len() != REST_LEN {
        return Err(ImportError::Length {
            found: rest.len(),
            expected: REST_LEN,
        });
    }
    let wrong = rest
        .iter()
        .enumerate()
        .find(|(at, byte)| !fits(*at, **byte));
    if let Some((at, _)) = wrong {
        return Err(ImportError::NotHexadecimal { position: at + 1 });
    }
    let rest = std::str::from_utf8(rest).map_err(|_| ImportError::Checksum)?;
    let (digits, check) = rest.split_at(KEY_DIGITS);
    let bytes: [u8; 32] = from_hex(digits).ok_or(ImportError::Checksum)?;
    if check[1..] != checksum(&bytes) {
        return Err(ImportError::Checksum);
    }
    Ok(CustodyKey::from_bytes(bytes))
}

fn fits(at: usize, byte: u8) -> bool {
    if at == KEY_DIGITS {
        byte == b':'
    } else {
        matches!(byte, b'0'..=b'9' | b'a'..=b'f')
    }
}

/// Writes into a buffer that never grows, so that no copy of the key stays behind.
fn text(key: &CustodyKey) -> String {
    let mut text = String::with_capacity(NAME.len() + REST_LEN + 1);
    text.push_str(NAME);
    for byte in key.expose_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text.push(':');
    text.push_str(&checksum(key.expose_bytes()));
    text
}

fn checksum(bytes: &[u8; 32]) -> String {
    strongroom_base::ids::to_hex(&hash(bytes)[..CHECK_DIGITS / 2])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The key of the examples: the bytes 0 to 31.
    pub(crate) fn example() -> CustodyKey {
        CustodyKey::from_bytes(std::array::from_fn::<u8, 32, _>(|at| at.to_le_bytes()[0]))
    }

    const EXAMPLE: &str = "strongroom-custody-key-v1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f:e528e957\n";

    fn refused(text: &str) -> String {
        from_text(text.as_bytes())
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn the_file_is_the_specified_one() {
        assert_eq!(
            std::str::from_utf8(to_file(&example()).expose_bytes()),
            Ok(EXAMPLE)
        );
    }

    #[test]
    fn a_file_leads_back_to_its_key_with_any_white_space_around() {
        for text in [
            EXAMPLE.to_owned(),
            EXAMPLE.trim().to_owned(),
            format!("\r\n {EXAMPLE}\r\n"),
        ] {
            let key = from_text(text.as_bytes()).unwrap();
            assert_eq!(key.expose_bytes(), example().expose_bytes());
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let text = EXAMPLE.trim();
        for at in 0..text.len() {
            let mut changed = text.as_bytes().to_vec();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            assert!(from_text(&changed).is_err(), "character {at}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        insta::assert_snapshot!(refused("ssh-ed25519 AAAA"), @"this is no exported custody key: it does not start with `strongroom-custody-key-v1:`");
        insta::assert_snapshot!(refused("strongroom-custody-key-v2:00"), @"this custody key was exported by a newer program");
        insta::assert_snapshot!(refused(&EXAMPLE[..60]), @"the custody key has 34 characters after its name; it should have 73");
        insta::assert_snapshot!(refused(&EXAMPLE.replace("0a0b", "0A0b")), @"character 22 of the custody key is not one of 0-9 and a-f");
        insta::assert_snapshot!(refused(&EXAMPLE.replace("0a0b", "0a0c")), @"the checksum of the custody key does not fit: some character is not as it was");
    }
}
