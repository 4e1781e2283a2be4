//! What an account password must be (mission A22; identity 8.3, after ASVS 5.0 6.2 and OWASP).
//!
//! The check runs where the password is typed, with the policy that the server tells: the password does not
//! leave the device. There are no rules about kinds of characters and none about age. What is refused is
//! what is short, and what somebody would try early: common words, keyboard rows, dates and repeats, and
//! everything that has to do with the user. How early is `zxcvbn`'s estimate, whose lists of words are far
//! longer than the 3,000 asked for.
//!
//! A password must be worth as many guesses as there are numbers of as many digits as it must have
//! characters, up to [`DIGITS_MAX`]: so the shortest that a policy allows passes if it is random, whatever
//! the policy.

use strongroom_base::{Class, Classified};
use unicode_normalization::UnicodeNormalization as _;

use crate::name::folded;
use crate::policy::PasswordPolicy;

/// Most bytes of a password: more would be work for nothing (identity 8.3).
pub const PASSWORD_LEN_MAX: usize = 512;

/// The most that is asked for: a hundred million guesses.
pub const DIGITS_MAX: u8 = 8;

/// Fewest characters of a word that counts as having to do with the user.
const CONTEXT_CHARS_MIN: usize = 3;

/// Most words that are compared.
const CONTEXT_WORDS_MAX: usize = 64;

/// The fewest characters that a policy asks of passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasswordLength(u8);

impl PasswordLength {
    /// The least that a policy may ask for: the mission's.
    pub const FLOOR: Self = Self(6);
    /// What is asked for where nobody decided.
    pub const DEFAULT: Self = Self(12);
    /// The most that a policy may ask for (identity 8.3: 64 characters must be possible).
    pub const MOST: Self = Self(64);

    /// Makes a length.
    pub fn new(chars: u8) -> Result<Self, PasswordError> {
        if (Self::FLOOR.0..=Self::MOST.0).contains(&chars) {
            Ok(Self(chars))
        } else {
            Err(PasswordError::Length)
        }
    }

    /// Returns the number of characters.
    pub fn get(self) -> u8 {
        self.0
    }
}

/// Why a password, or a policy about them, was refused. No message repeats a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// A policy was to ask for too few or too many characters.
    #[error("a policy asks for {} to {} characters", PasswordLength::FLOOR.0, PasswordLength::MOST.0)]
    Length,
    /// There are too few characters.
    #[error("the password has {found} characters; it needs at least {least}")]
    TooShort {
        /// Its characters.
        found: usize,
        /// What is asked for.
        least: u8,
    },
    /// There are too many bytes.
    #[error("the password has more than {PASSWORD_LEN_MAX} bytes")]
    TooLong,
    /// It is one that anybody would try early.
    #[error("the password is easy to guess{}", because(.advice))]
    Common {
        /// Why, where that is known.
        advice: String,
    },
    /// It is easy to guess for somebody who knows the user.
    #[error("the password is easy to guess from the names around it")]
    Context,
}

impl Classified for PasswordError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

fn because(advice: &str) -> String {
    if advice.is_empty() {
        String::new()
    } else {
        format!(": {advice}")
    }
}

/// The words around a user: names, the parts of the address, the organisation's and the product's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(Vec<String>);

impl Context {
    /// Takes the texts that have to do with the user, and their parts.
    pub fn new<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words: Vec<String> = Vec::new();
        let own = ["strongroom", "backup"];
        for text in own.into_iter().chain(texts) {
            let text = folded(text);
            let parts = text.split(|c: char| !c.is_alphanumeric());
            let joined: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
            words.extend(parts.map(str::to_owned).chain([text.clone(), joined]));
        }
        words.retain(|word| word.chars().count() >= CONTEXT_CHARS_MIN);
        words.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        words.dedup();
        words.truncate(CONTEXT_WORDS_MAX);
        Self(words)
    }

    /// Returns how many digits a password is worth when each of the words in it is worth one: the estimate
    /// takes a row of several words for more than somebody needs who knows them all.
    fn digits_without(&self, password: &str) -> f64 {
        let mut rest = zeroize::Zeroizing::new(folded(password));
        let mut digits = 0.0;
        for word in &self.0 {
            let without = zeroize::Zeroizing::new(rest.replace(word.as_str(), ""));
            if without.len() < rest.len() {
                digits += 1.0;
                rest = without;
            }
        }
        if !rest.is_empty() {
            digits += zxcvbn::zxcvbn(&rest, &[]).guesses_log10();
        }
        digits
    }
}

/// Checks a new password. It is compared in normalization form C, as it is used.
pub fn check(
    password: &str,
    policy: &PasswordPolicy,
    context: &Context,
) -> Result<(), PasswordError> {
    if password.len() > PASSWORD_LEN_MAX {
        return Err(PasswordError::TooLong);
    }
    let password = zeroize::Zeroizing::new(password.nfc().collect::<String>());
    let least = policy.length_min.value.get();
    let found = password.chars().count();
    if found < usize::from(least) {
        return Err(PasswordError::TooShort { found, least });
    }
    let digits_min = f64::from(least.min(DIGITS_MAX));
    let alone = zxcvbn::zxcvbn(&password, &[]);
    if alone.guesses_log10() < digits_min {
        let warning = alone
            .feedback()
            .and_then(zxcvbn::feedback::Feedback::warning);
        let advice = warning.map_or_else(String::new, |warning| {
            warning.to_string().trim_end_matches('.').to_lowercase()
        });
        return Err(PasswordError::Common { advice });
    }
    let words: Vec<&str> = context.0.iter().map(String::as_str).collect();
    let known = zxcvbn::zxcvbn(&password, &words).guesses_log10();
    if known.min(context.digits_without(&password)) < digits_min {
        return Err(PasswordError::Context);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Chain, PasswordSettings, Setting, Settings as _};

    fn policy(chars: u8) -> PasswordPolicy {
        let server = PasswordSettings {
            length_min: Setting::open(PasswordLength::new(chars).unwrap()),
        };
        PasswordSettings::policy(&Chain {
            server: &server,
            below: &[],
        })
    }

    fn refused(password: &str, chars: u8) -> Option<PasswordError> {
        let context = Context::new(["jane.doe", "Jane Doe", "jane@initech.example", "Initech AG"]);
        check(password, &policy(chars), &context).err()
    }

    #[test]
    fn the_floor_is_the_missions_and_the_default_is_twelve() {
        assert_eq!(PasswordLength::new(5), Err(PasswordError::Length));
        assert_eq!(PasswordLength::new(6), Ok(PasswordLength::FLOOR));
        assert_eq!(PasswordLength::new(65), Err(PasswordError::Length));
        let holds = PasswordSettings::policy(&Chain {
            server: &PasswordSettings::default(),
            below: &[],
        });
        assert_eq!(holds.length_min.value.get(), 12);
    }

    #[test]
    fn characters_are_counted() {
        let short = |found, least| Some(PasswordError::TooShort { found, least });
        assert_eq!(refused("kV9#mq2!xT4", 12), short(11, 12));
        assert_eq!(refused("kV9#mq2!xT4z", 12), None);
        assert_eq!(refused("e\u{301}e\u{301}e\u{301}", 6), short(3, 6));
        assert_eq!(refused("", 6), short(0, 6));
        assert_eq!(refused(&"é".repeat(257), 6), Some(PasswordError::TooLong));
    }

    #[test]
    fn what_anybody_would_try_is_refused() {
        for password in [
            "password1234",
            "qwertyuiop12",
            "123456789012",
            "aaaaaaaaaaaaaaaa",
            "P@ssw0rdP@ssw0rd",
            "letmeinletmein",
        ] {
            assert!(
                matches!(refused(password, 12), Some(PasswordError::Common { .. })),
                "{password}"
            );
        }
    }

    #[test]
    fn what_has_to_do_with_the_user_is_refused() {
        for password in [
            "initech-jane-doe",
            "Strongroom2026!",
            "Initech1nitech",
            "jane.doe1990",
        ] {
            let error = refused(password, 12);
            assert_eq!(error, Some(PasswordError::Context), "{password}");
        }
        assert_eq!(refused("correct horse battery staple", 12), None);
    }

    #[test]
    fn a_short_random_password_passes_where_short_ones_are_allowed() {
        assert_eq!(refused("x7!Kq2", 6), None);
        assert!(matches!(
            refused("monkey", 6),
            Some(PasswordError::Common { .. })
        ));
        assert!(matches!(
            refused("janedoe", 6),
            Some(PasswordError::Context | PasswordError::Common { .. })
        ));
    }
}
