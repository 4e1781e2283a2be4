//! Key files: bytes and names. Who may read them, and that they are durable, is for whoever writes them.

use std::fmt::Write as _;

use strongroom_base::ids::{from_hex, to_hex};
use strongroom_crypto::custody::MasterKey;
use strongroom_crypto::hash::hash;
use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::stored::StoredKey;

use super::{FileError, KeyId};

const SECRET_NAME: &str = "strongroom-secret-key-v1:";
const SECRET_FAMILY: &str = "strongroom-secret-key-v";
const MASTER_NAME: &str = "strongroom-master-key-v1:";
const MASTER_FAMILY: &str = "strongroom-master-key-v";
const KEY_DIGITS: usize = 64;
const CHECK_DIGITS: usize = 8;
const EXTENSION: &str = ".key";

/// The name of the master key's file.
pub const MASTER_FILE_NAME: &str = "master.key";

/// The file of a secret key: its name in the folder `shared/keys`, and its content.
pub struct KeyFile {
    /// `<key id>.key`.
    pub name: String,
    /// The whole content, newline included.
    pub content: SecretBytes,
}

impl KeyFile {
    /// The longest content that is read, in bytes.
    pub const LEN_MAX: u64 = 4_096;

    /// Returns the file of a key.
    pub fn of(key: &StoredKey) -> Self {
        Self {
            name: Self::name_of(&KeyId::of(key)),
            content: line(SECRET_NAME, key.expose_bytes()),
        }
    }

    /// Returns the name of a key's file.
    pub fn name_of(key: &KeyId) -> String {
        format!("{key}{EXTENSION}")
    }

    /// Reads a file. Everything but the form that [`Self::of`] gives is refused.
    pub fn read(name: &str, content: &[u8]) -> Result<StoredKey, FileError> {
        let expected: KeyId = name
            .strip_suffix(EXTENSION)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| FileError::Name {
                name: name.to_owned(),
            })?;
        let key = StoredKey::from_bytes(from_line(SECRET_NAME, SECRET_FAMILY, content)?);
        let found = KeyId::of(&key);
        if found == expected {
            Ok(key)
        } else {
            Err(FileError::OtherKey { found })
        }
    }
}

/// Returns the content of the master key's file.
pub fn master_to_file(key: &MasterKey) -> SecretBytes {
    line(MASTER_NAME, key.expose_bytes())
}

/// Reads the content of the master key's file.
pub fn master_from_file(content: &[u8]) -> Result<MasterKey, FileError> {
    from_line(MASTER_NAME, MASTER_FAMILY, content).map(MasterKey::from_bytes)
}

/// Writes into a buffer that never grows, so that no copy of the key stays behind.
fn line(name: &str, key: &[u8; 32]) -> SecretBytes {
    let mut text = String::with_capacity(name.len() + KEY_DIGITS + 1 + CHECK_DIGITS + 1);
    text.push_str(name);
    for byte in key {
        let _ = write!(text, "{byte:02x}");
    }
    text.push(':');
    text.push_str(&checksum(key));
    text.push('\n');
    SecretBytes::new(text.into_bytes())
}

fn from_line(
    name: &'static str,
    family: &'static str,
    content: &[u8],
) -> Result<Secret<32>, FileError> {
    let Some(rest) = content.strip_prefix(name.as_bytes()) else {
        let is_newer = content.starts_with(family.as_bytes());
        return Err(if is_newer {
            FileError::TooNew
        } else {
            FileError::NotAKey { expected: name }
        });
    };
    let rest = std::str::from_utf8(rest).map_err(|_| FileError::Damaged)?;
    let rest = rest.strip_suffix('\n').ok_or(FileError::Damaged)?;
    let (digits, check) = rest.split_once(':').ok_or(FileError::Damaged)?;
    let key: [u8; 32] = from_hex(digits).ok_or(FileError::Damaged)?;
    let key = Secret::new(key);
    if check == checksum(key.expose_bytes()) {
        Ok(key)
    } else {
        Err(FileError::Damaged)
    }
}

fn checksum(key: &[u8; 32]) -> String {
    to_hex(&hash(key)[..CHECK_DIGITS / 2])
}
