//! The password of an account: the bytes that stand for one in a sign-in (`spec/sign-in-v1.md`, section 1).
//!
//! What one must be is for the policy of a server to say; here it is made the same from every keyboard.

use strongroom_base::{Class, Classified};
use strongroom_crypto::opaque::SIGN_IN_PASSWORD_LEN_MAX;
use strongroom_crypto::secret::SecretBytes;
use unicode_normalization::UnicodeNormalization as _;

/// Why bytes are no password of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountPasswordError {
    /// The bytes are not text.
    #[error("the password is not text in UTF-8")]
    NotText,
    /// There is no password.
    #[error("the password is empty")]
    Empty,
    /// It is too long.
    #[error("the password has more than {SIGN_IN_PASSWORD_LEN_MAX} bytes")]
    TooLong,
}

impl Classified for AccountPasswordError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// The password of an account, normalized.
pub struct AccountPassword(SecretBytes);

impl AccountPassword {
    /// Takes what was typed; one line break at its end, as files have it, is not part of it.
    pub fn from_typed(bytes: &[u8]) -> Result<Self, AccountPasswordError> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.len() > SIGN_IN_PASSWORD_LEN_MAX {
            return Err(AccountPasswordError::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| AccountPasswordError::NotText)?;
        // No character grows to more than three times its length in form C.
        let mut normal = String::with_capacity(text.len() * 3);
        normal.extend(text.nfc());
        let normal = SecretBytes::new(normal.into_bytes());
        match normal.expose_bytes().len() {
            0 => Err(AccountPasswordError::Empty),
            len if len > SIGN_IN_PASSWORD_LEN_MAX => Err(AccountPasswordError::TooLong),
            _ => Ok(Self(normal)),
        }
    }

    /// Gives the bytes out.
    pub fn expose_bytes(&self) -> &[u8] {
        self.0.expose_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(typed: &[u8]) -> Result<Vec<u8>, AccountPasswordError> {
        AccountPassword::from_typed(typed).map(|password| password.expose_bytes().to_vec())
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        let composed = "k\u{e4}se".as_bytes();
        assert_eq!(bytes("ka\u{308}se\r\n".as_bytes()).as_deref(), Ok(composed));
        assert_eq!(bytes(composed).as_deref(), Ok(composed));
        // White space is a part of it.
        assert_eq!(bytes(b" a ").as_deref(), Ok(&b" a "[..]));
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(bytes(b"\n"), Err(AccountPasswordError::Empty));
        assert_eq!(bytes(b"\xff"), Err(AccountPasswordError::NotText));
        assert_eq!(bytes(&[b'a'; 513]), Err(AccountPasswordError::TooLong));
        assert!(bytes(&[b'a'; 512]).is_ok());
        // 258 bytes that are 516 in form C.
        let grows = "\u{fb2c}".repeat(86);
        assert_eq!(grows.len(), 258);
        assert_eq!(bytes(grows.as_bytes()), Err(AccountPasswordError::TooLong));
    }
}
