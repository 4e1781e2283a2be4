//! Private passwords: what one must be, and the bytes that stand for one.
//!
//! A password opens a key by its text as UTF-8 in normalization form C (`spec/keys-v1.md`, section 5), so
//! that it is the same from every keyboard.

use strongroom_base::{Class, Classified};
use strongroom_crypto::secret::SecretBytes;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::Score;

/// Fewest characters of a new private password.
pub const PASSWORD_CHARS_MIN: usize = 12;

/// Least score of a new private password, of 0 to 4.
const SCORE_MIN: Score = Score::Three;

/// Why a private password was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// The bytes are not text.
    #[error("the private password is not text in UTF-8")]
    NotText,
    /// There is no password.
    #[error("the private password is empty")]
    Empty,
    /// A new password has too few characters.
    #[error("the private password has {found} characters; it needs at least {PASSWORD_CHARS_MIN}")]
    TooShort {
        /// Its characters.
        found: usize,
    },
    /// A new password is one of the first that anybody would try.
    #[error("the private password is too easy to guess{}", because(.advice))]
    Guessable {
        /// Why, and what would help.
        advice: String,
    },
}

fn because(advice: &str) -> String {
    if advice.is_empty() {
        String::new()
    } else {
        format!(": {advice}")
    }
}

impl Classified for PasswordError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A private password, normalized.
pub struct PrivatePassword(SecretBytes);

impl PrivatePassword {
    /// Takes a password that is to open something, whatever its strength; one line break at its end, as
    /// files have it, is not part of it.
    pub fn to_open(bytes: &[u8]) -> Result<Self, PasswordError> {
        normalize(bytes).map(Self)
    }

    /// Takes a password that is to guard something, and refuses a weak one.
    pub fn to_guard(bytes: &[u8]) -> Result<Self, PasswordError> {
        let password = normalize(bytes)?;
        check(std::str::from_utf8(password.expose_bytes()).unwrap_or_default())?;
        Ok(Self(password))
    }

    /// Gives the bytes out.
    pub fn expose_bytes(&self) -> &[u8] {
        self.0.expose_bytes()
    }
}

fn normalize(bytes: &[u8]) -> Result<SecretBytes, PasswordError> {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| PasswordError::NotText)?;
    if text.is_empty() {
        return Err(PasswordError::Empty);
    }
    // No character grows to more than three times its length in form C.
    let mut normal = String::with_capacity(text.len() * 3);
    normal.extend(text.nfc());
    Ok(SecretBytes::new(normal.into_bytes()))
}

fn check(password: &str) -> Result<(), PasswordError> {
    let found = password.chars().count();
    if found < PASSWORD_CHARS_MIN {
        return Err(PasswordError::TooShort { found });
    }
    let strength = zxcvbn::zxcvbn(password, &["strongroom", "backup"]);
    if strength.score() >= SCORE_MIN {
        return Ok(());
    }
    let warning = strength
        .feedback()
        .and_then(zxcvbn::feedback::Feedback::warning);
    let advice = warning.map_or_else(String::new, |warning| {
        warning.to_string().trim_end_matches('.').to_lowercase()
    });
    Err(PasswordError::Guessable { advice })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(password: &str) -> String {
        PrivatePassword::to_guard(password.as_bytes())
            .err()
            .map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn a_new_password_is_neither_short_nor_easy_to_guess() {
        insta::assert_snapshot!(refused("kV9#mq2!xT4"), @"the private password has 11 characters; it needs at least 12");
        insta::assert_snapshot!(refused("password1234"), @"the private password is too easy to guess: this is a very common password");
        insta::assert_snapshot!(refused("aaaaaaaaaaaaaaaa"), @r#"the private password is too easy to guess: repeats like "aaa" are easy to guess"#);
        assert_eq!(refused("kV9#mq2!xT4z"), "");
        assert_eq!(refused("correct horse battery staple"), "");
    }

    #[test]
    fn characters_are_counted_and_not_bytes() {
        insta::assert_snapshot!(refused("äöüßéèñçøå"), @"the private password has 10 characters; it needs at least 12");
    }

    #[test]
    fn one_password_has_one_spelling() {
        let bytes = |text: &str| {
            let password = PrivatePassword::to_open(text.as_bytes()).unwrap();
            password.expose_bytes().to_vec()
        };
        assert_eq!(
            bytes("Stra\u{df}e e\u{301}"),
            "Stra\u{df}e \u{e9}".as_bytes()
        );
        assert_eq!(bytes("one\r\n"), b"one");
        assert_eq!(bytes(" one \n\n"), b" one \n");
    }

    #[test]
    fn what_is_no_text_is_no_password() {
        assert!(matches!(
            PrivatePassword::to_open(b"\xff"),
            Err(PasswordError::NotText)
        ));
        assert!(matches!(
            PrivatePassword::to_open(b"\n"),
            Err(PasswordError::Empty)
        ));
    }
}
