//! Names of organisations, users, groups and people.
//!
//! A name has two spellings. What is *shown* is what was typed, in normalization form C, without white
//! space at its ends and with single spaces inside. The *key* is what is compared and what the database
//! keeps unique: compatibility-decomposed and case-folded (Unicode 3.13, D146), so that `Müller`, `MÜLLER`
//! and the same typed with a combining mark are one. Characters that nobody sees are refused, because they
//! would make two names out of what looks like one; the two joiners that some scripts need are shown and
//! do not count.

use std::fmt;
use std::hash::{Hash, Hasher};

use caseless::Caseless as _;
use strongroom_base::{Class, Classified};
use unicode_normalization::UnicodeNormalization as _;

/// Most characters of a name of an organisation, a group or a person.
pub const NAME_CHARS_MAX: usize = 100;

/// Most characters of a user name: as long as an e-mail address, which it often is.
pub const USER_NAME_CHARS_MAX: usize = 254;

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// There is nothing but white space.
    #[error("{what} is empty")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// There are too many characters.
    #[error("{what} has more than {most} characters")]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// The most there may be.
        most: usize,
    },
    /// There is a character that such a name cannot have.
    #[error("{what} cannot have the character U+{:04X}", u32::from(*.found))]
    Character {
        /// What was to be named.
        what: &'static str,
        /// The character.
        found: char,
    },
}

impl Classified for NameError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// What one kind of name may be.
struct Rules {
    what: &'static str,
    chars_max: usize,
    spaces: Spaces,
    refused: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spaces {
    Inside,
    Nowhere,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $rules:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            shown: String,
            key: String,
        }

        impl $name {
            /// Takes a name as it was typed.
            pub fn new(text: &str) -> Result<Self, NameError> {
                let shown = shown(text, &$rules)?;
                let key = folded(&shown);
                Ok(Self { shown, key })
            }

            /// Returns the name as it is shown.
            pub fn as_str(&self) -> &str {
                &self.shown
            }

            /// Returns what is compared: equal for names that differ in case or in form alone.
            pub fn key(&self) -> &str {
                &self.key
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.key == other.key
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.key.hash(state);
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.key.cmp(&other.key)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.shown)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), self.shown)
            }
        }
    };
}

name!(
    /// The name of an organisation, unique among those with the same parent. It has no `/`, so that a path
    /// of names has one reading.
    OrganisationName,
    Rules {
        what: "the name of an organisation",
        chars_max: NAME_CHARS_MAX,
        spaces: Spaces::Inside,
        refused: "/",
    }
);

name!(
    /// The name of a group, unique in its organisation.
    GroupName,
    Rules {
        what: "the name of a group",
        chars_max: NAME_CHARS_MAX,
        spaces: Spaces::Inside,
        refused: "/",
    }
);

name!(
    /// The name a user signs in with, unique on the server. It has no `:`, which ends it in basic
    /// authentication, and nothing that an LDAP filter, a path or a line of a CSV file gives a meaning.
    UserName,
    Rules {
        what: "a user name",
        chars_max: USER_NAME_CHARS_MAX,
        spaces: Spaces::Nowhere,
        refused: "/\\:;,*?|\"<>()",
    }
);

name!(
    /// What a person is called. It identifies nobody.
    PersonName,
    Rules {
        what: "the name of a person",
        chars_max: NAME_CHARS_MAX,
        spaces: Spaces::Inside,
        refused: "<>\"",
    }
);

fn shown(text: &str, rules: &Rules) -> Result<String, NameError> {
    let what = rules.what;
    let too_long = NameError::TooLong {
        what,
        most: rules.chars_max,
    };
    // Before anything is built from it: no character of UTF-8 has more than four bytes, and form C joins
    // at most three characters to one.
    if text.len() > rules.chars_max * 12 {
        return Err(too_long);
    }
    let mut shown = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !shown.is_empty() {
            if rules.spaces == Spaces::Nowhere {
                return Err(NameError::Character { what, found: ' ' });
            }
            shown.push(' ');
        }
        shown.extend(word.nfc());
    }
    let key = folded(&shown);
    let typed = shown.chars().find(|c| is_refused(*c, rules));
    // A full-width `／` is a `/` in the key.
    let meant = key.chars().find(|c| rules.refused.contains(*c));
    if let Some(found) = typed.or(meant) {
        return Err(NameError::Character { what, found });
    }
    if shown.chars().all(is_joiner) {
        return Err(NameError::Empty { what });
    }
    if shown.chars().count() > rules.chars_max || key.len() > rules.chars_max * 12 {
        return Err(too_long);
    }
    Ok(shown)
}

fn is_refused(c: char, rules: &Rules) -> bool {
    let joins = rules.spaces == Spaces::Inside && is_joiner(c);
    c.is_control() || (is_unseen(c) && !joins)
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

/// Tells the code points that Unicode calls *default ignorable*, and the marks that reverse the order of
/// a line or end one.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{034F}'
            | '\u{061C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Returns what a list is searched for, compared like the keys of names.
pub fn search_key(text: &str) -> String {
    folded(text.trim())
}

/// Returns what is compared of a text: the compatibility caseless form (Unicode 3.13, D146), composed.
pub(crate) fn folded(text: &str) -> String {
    text.chars()
        .filter(|c| !is_joiner(*c))
        .nfd()
        .default_case_fold()
        .nfkd()
        .default_case_fold()
        .nfkc()
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_look_alike_in_case_or_form_are_one() {
        let name = |text| OrganisationName::new(text).unwrap();
        assert_eq!(name("Müller GmbH"), name("  MU\u{308}LLER \t gmbh "));
        assert_eq!(name("Straße"), name("STRASSE"));
        assert_eq!(name("ΟΔΟΣ"), name("οδος"));
        assert_eq!(name("ＡＢＣ"), name("abc"));
        assert_eq!(name(" a  b ").as_str(), "a b");
        assert_ne!(name("Muller"), name("Müller"));
    }

    #[test]
    fn what_nobody_sees_is_refused() {
        for text in ["a\u{200B}b", "\u{202E}nimda", "a\u{7}b", "a\u{FEFF}"] {
            assert!(matches!(
                OrganisationName::new(text),
                Err(NameError::Character { .. })
            ));
        }
        assert!(UserName::new("ad\u{200D}min").is_err());
        assert_eq!(
            PersonName::new("a\u{200D}b").unwrap(),
            PersonName::new("ab").unwrap()
        );
    }

    #[test]
    fn a_user_name_fits_everywhere_it_goes() {
        assert_eq!(
            UserName::new("Jane.Doe+lab@Example.org").unwrap().key(),
            "jane.doe+lab@example.org"
        );
        for text in ["a b", "a:b", "corp\\jane", "a／b", "=cmd|'x'", ""] {
            assert!(UserName::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_has_a_length() {
        assert!(GroupName::new(&"ü".repeat(NAME_CHARS_MAX)).is_ok());
        for text in ["ü".repeat(NAME_CHARS_MAX + 1), "\u{FDFA}".repeat(90)] {
            assert!(matches!(
                GroupName::new(&text),
                Err(NameError::TooLong { .. })
            ));
        }
        assert!(matches!(
            GroupName::new(" \t "),
            Err(NameError::Empty { .. })
        ));
    }

    proptest! {
        /// What is shown is taken again unchanged, and so is the key: a name that was stored and read is the same.
        #[test]
        fn taking_a_name_twice_changes_nothing(text in "\\PC{0,40}") {
            if let Ok(name) = PersonName::new(&text) {
                let again = PersonName::new(name.as_str()).unwrap();
                prop_assert_eq!(again.as_str(), name.as_str());
                prop_assert_eq!(folded(name.key()), name.key());
            }
        }
    }
}
