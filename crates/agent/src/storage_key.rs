//! What a storage service knows its customer by: an access key and its secret.
//!
//! A profile keeps one for each destination that needs it, in a file like its other keys; a keystore of the
//! operating system can take its place behind the same functions. Where the profile has none, the one from
//! the environment of the program is used.

use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

use strongroom_crypto::secret::SecretBytes;
use strongroom_store::s3::Credential;

use crate::AgentError;
use crate::profile::read_secret_file;

/// The names of the lines in a file, as Amazon's own programs write them.
const NAMES: [&str; 3] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];

/// An access key with its secret.
pub struct StorageKey {
    id: String,
    secret: SecretBytes,
    token: Option<SecretBytes>,
}

/// The key from the environment.
static OFFERED: OnceLock<StorageKey> = OnceLock::new();

/// Offers the key that the environment of the program holds; the first one stays.
pub fn offer(key: StorageKey) {
    let _ = OFFERED.set(key);
}

pub(crate) fn offered() -> Option<&'static StorageKey> {
    OFFERED.get()
}

impl StorageKey {
    /// Makes a key of its parts; `None` where one is empty or has a line break.
    pub fn new(id: &str, secret: SecretBytes, token: Option<SecretBytes>) -> Option<Self> {
        let is_line = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes);
            text.is_ok_and(|text| !text.is_empty() && !text.contains(char::is_control))
        };
        let good = is_line(id.as_bytes())
            && is_line(secret.expose_bytes())
            && token
                .as_ref()
                .is_none_or(|token| is_line(token.expose_bytes()));
        good.then(|| Self {
            id: id.to_owned(),
            secret,
            token,
        })
    }

    /// Reads a file with lines `aws_access_key_id = …` and `aws_secret_access_key = …`; of a file with
    /// sections, the first one. A file that others may read is refused.
    pub fn read(path: &Path) -> Result<Self, AgentError> {
        let shown = || path.display().to_string();
        let bytes = read_secret_file(path)?.ok_or_else(|| AgentError::Local {
            op: "open",
            path: shown(),
            source: rustix::io::Errno::NOENT.into(),
        })?;
        Self::from_text(&bytes).ok_or_else(|| AgentError::BadStorageKey { path: shown() })
    }

    pub(crate) fn from_text(bytes: &SecretBytes) -> Option<Self> {
        let text = std::str::from_utf8(bytes.expose_bytes()).ok()?;
        let mut values = [None, None, None];
        let mut sections = 0;
        for line in text.lines().map(str::trim) {
            sections += usize::from(line.starts_with('['));
            let Some((name, value)) = line.split_once('=').filter(|_| sections < 2) else {
                continue;
            };
            let name = name.trim().to_lowercase();
            if let Some(at) = NAMES.iter().position(|known| *known == name) {
                values[at] = Some(value.trim());
            }
        }
        let secret = |text: &str| SecretBytes::new(text.as_bytes().to_vec());
        Self::new(values[0]?, secret(values[1]?), values[2].map(secret))
    }

    pub(crate) fn to_text(&self) -> SecretBytes {
        let mut text = Vec::with_capacity(4_096);
        let token = self.token.as_ref().map(SecretBytes::expose_bytes);
        let values = [
            Some(self.id.as_bytes()),
            Some(self.secret.expose_bytes()),
            token,
        ];
        for (name, value) in NAMES.iter().zip(values) {
            let Some(value) = value else { continue };
            for part in [name.as_bytes(), b" = ", value, b"\n"] {
                text.extend_from_slice(part);
            }
        }
        SecretBytes::new(text)
    }

    pub(crate) fn credential(&self) -> Credential {
        let text = |bytes: &SecretBytes| String::from_utf8_lossy(bytes.expose_bytes()).into_owned();
        let token = self.token.as_ref().map(text);
        Credential::new(&self.id, &text(&self.secret), token.as_deref())
    }
}

/// The id alone; it is no secret.
impl fmt::Debug for StorageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorageKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        let key = StorageKey::from_text(&SecretBytes::new(text.as_bytes().to_vec()))?;
        Some(String::from_utf8(key.to_text().expose_bytes().to_vec()).unwrap())
    }

    #[test]
    fn files_of_other_programs_are_understood() {
        let plain = "aws_access_key_id = A\naws_secret_access_key = S=\n";
        assert_eq!(parsed(plain).as_deref(), Some(plain));
        let environment = "AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=S=\n";
        assert_eq!(parsed(environment).as_deref(), Some(plain));
        let sections = "# mine\n[default]\naws_access_key_id=A\naws_secret_access_key=S=\nregion=x\n[other]\naws_access_key_id=B\n";
        assert_eq!(parsed(sections).as_deref(), Some(plain));
        let session = format!("{plain}aws_session_token = T\n");
        assert_eq!(parsed(&session), Some(session));
        for bad in [
            "",
            "A:S",
            "aws_access_key_id = A",
            "aws_access_key_id =\naws_secret_access_key = S\n",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }
}
