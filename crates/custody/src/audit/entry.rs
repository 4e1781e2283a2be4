//! What an entry says: who did what to whom, from where and why.

use std::collections::BTreeMap;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;

pub(super) const ID_LEN_MAX: usize = 64;
pub(super) const NAME_LEN_MAX: usize = 256;
pub(super) const ACTION_LEN_MAX: usize = 64;
pub(super) const SUBJECT_KIND_LEN_MAX: usize = 32;
pub(super) const ADDRESS_LEN_MAX: usize = 64;
pub(super) const TEXT_LEN_MAX: usize = 1_024;
pub(super) const DETAIL_NAME_LEN_MAX: usize = 64;
pub(super) const DETAILS_MAX: usize = 32;
/// The first time that is too late to be written with four digits of the year, in any time zone.
pub(super) const TIME_END: u64 = 253_402_207_200_000;

/// Stands where a text was not to be left empty.
const UNNAMED: &str = "-";

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal $word:literal),* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $code),*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the number that stands for it in stored bytes.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// Returns the one that `code` stands for.
            pub fn from_code(code: u8) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }

            /// Returns the word that stands for it in exports.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            /// Returns the one that `word` stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words!(
    /// What kind of actor did something.
    ActorKind {
        /// Somebody who signed in.
        User = 1 "user",
        /// A computer, by its own credential.
        Computer = 2 "computer",
        /// An API token.
        Token = 3 "token",
        /// The server itself: a job, a start, a command on its machine.
        System = 4 "system",
        /// An identity system.
        Directory = 5 "directory",
        /// Somebody who did not sign in.
        Nobody = 6 "nobody"
    }
);

words!(
    /// What became of it.
    Outcome {
        /// It was done.
        Done = 1 "done",
        /// It was not allowed.
        Refused = 2 "refused",
        /// It was allowed and failed.
        Failed = 3 "failed"
    }
);

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Of which kind.
    pub kind: ActorKind,
    /// The identifier, or nothing.
    pub id: String,
    /// The name at that time.
    pub name: String,
}

/// To whom or what something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Of which kind: `user`, `organisation`, `token` …
    pub kind: String,
    /// The identifier.
    pub id: String,
    /// The name at that time.
    pub name: String,
}

/// A deed, as it is told to the log. It holds no secret and no content of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who.
    pub actor: Actor,
    /// What: `user.block`, `session.begin` …
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// In which organisation, which decides who may see the entry.
    pub organisation: Option<OrganisationId>,
    /// To whom or what.
    pub subject: Option<Subject>,
    /// From where: an address, as the server believes it.
    pub address: String,
    /// Why, in the actor's own words.
    pub reason: String,
    /// What else: `before.role`, `after.role` …
    pub details: BTreeMap<String, String>,
}

impl Event {
    /// Returns it with every text as the log can hold it.
    #[must_use]
    pub fn cleaned(&self) -> Self {
        let subject = self.subject.as_ref().map(|subject| Subject {
            kind: named(&subject.kind, SUBJECT_KIND_LEN_MAX),
            id: clean(&subject.id, ID_LEN_MAX),
            name: clean(&subject.name, NAME_LEN_MAX),
        });
        let details = self.details.iter().take(DETAILS_MAX).map(|(name, value)| {
            let name = named(name, DETAIL_NAME_LEN_MAX);
            (name, clean(value, TEXT_LEN_MAX))
        });
        Self {
            actor: Actor {
                kind: self.actor.kind,
                id: clean(&self.actor.id, ID_LEN_MAX),
                name: clean(&self.actor.name, NAME_LEN_MAX),
            },
            action: named(&self.action, ACTION_LEN_MAX),
            outcome: self.outcome,
            organisation: self.organisation,
            subject,
            address: clean(&self.address, ADDRESS_LEN_MAX),
            reason: clean(&self.reason, TEXT_LEN_MAX),
            details: details.collect(),
        }
    }
}

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The place, from 1.
    pub sequence: u64,
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// What.
    pub event: Event,
}

/// Returns a time as entries have it: no earlier than 1970, no later than the year 9999.
pub(super) fn milliseconds(time: Timestamp) -> u64 {
    let time = time.0.div_euclid(1_000_000).max(0);
    u64::try_from(time).map_or(TIME_END - 1, |time| time.min(TIME_END - 1))
}

/// Returns a text without control characters and at most `max` bytes long.
pub fn clean(text: &str, max: usize) -> String {
    let mut cleaned = String::new();
    for c in text.chars() {
        let c = if is_control(c) { '\u{fffd}' } else { c };
        if cleaned.len() + c.len_utf8() > max {
            break;
        }
        cleaned.push(c);
    }
    cleaned
}

pub(super) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn named(text: &str, max: usize) -> String {
    if text.is_empty() {
        UNNAMED.to_owned()
    } else {
        clean(text, max)
    }
}
