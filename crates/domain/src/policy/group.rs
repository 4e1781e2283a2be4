//! Groups of settings: own values, locks, and what holds where.

use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

use super::own::{Holds, Row};
use super::value::{Value, ValueError};

/// Whose a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The server's, above every organisation.
    Server,
    /// An organisation's.
    Organisation(OrganisationId),
}

/// Whether what is below may have another value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// It may.
    #[default]
    Open,
    /// It may not.
    Locked,
}

/// An own value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Whether it holds for everything below.
    pub lock: Lock,
}

impl<T> Setting<T> {
    /// Makes a value that may be changed below.
    pub fn open(value: T) -> Self {
        Self {
            value,
            lock: Lock::Open,
        }
    }

    /// Makes a value that holds for everything below.
    pub fn locked(value: T) -> Self {
        Self {
            value,
            lock: Lock::Locked,
        }
    }
}

/// The value that holds somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effective<T> {
    /// The value.
    pub value: T,
    /// Whose it is.
    pub owner: Level,
    /// Who locked it, if somebody did: the owner, then.
    pub locked_by: Option<Level>,
}

/// The own groups from the server's level down to an organisation.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a, G> {
    /// The server's own.
    pub server: &'a G,
    /// Those of the organisations of a path, the root first; `None` for one that inherits.
    pub below: &'a [(OrganisationId, Option<G>)],
}

impl<G> Chain<'_, G> {
    /// Returns what holds at its end for one setting.
    pub fn effective<T: Clone>(&self, setting: impl Fn(&G) -> &Setting<T>) -> Effective<T> {
        let own = self.below.iter().filter_map(|(organisation, group)| {
            let group = group.as_ref()?;
            Some((Level::Organisation(*organisation), setting(group)))
        });
        let mut found = Effective::of(Level::Server, setting(self.server));
        for (level, setting) in own {
            if found.locked_by.is_some() {
                break;
            }
            found = Effective::of(level, setting);
        }
        found
    }
}

impl<T: Value> Effective<T> {
    /// Tells whether it lets more happen than another one, or lets what is below say more.
    pub(super) fn is_looser_than(&self, other: &Self) -> bool {
        let is_unlocked = self.locked_by.is_none() && other.locked_by.is_some();
        is_unlocked || self.value.is_looser_than(&other.value)
    }
}

impl<T: Clone> Effective<T> {
    fn of(level: Level, setting: &Setting<T>) -> Self {
        Self {
            value: setting.value.clone(),
            owner: level,
            locked_by: (setting.lock == Lock::Locked).then_some(level),
        }
    }
}

/// A setting that somebody above has locked was to have another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the setting `{setting}` is locked above")]
pub struct LockedAbove {
    /// Which one.
    pub setting: &'static str,
    /// Who locked it.
    pub by: Level,
}

impl Classified for LockedAbove {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A group of settings.
pub trait Settings: Sized {
    /// What holds somewhere: the same settings, each with whose it is.
    type Policy;

    /// The name of the group.
    const NAME: &'static str;

    /// Reckons what holds at the end of a chain.
    fn policy(chain: &Chain<'_, Self>) -> Self::Policy;

    /// Checks that a group that is to be the own one of an organisation agrees with what is locked above
    /// it; `above` ends at its parent. It would not hold anyway: this is to say so.
    fn check(&self, above: &Chain<'_, Self>) -> Result<(), LockedAbove>;

    /// The same for one setting, by its name.
    fn check_one(&self, name: &str, above: &Chain<'_, Self>) -> Result<(), LockedAbove>;

    /// The names of its settings, each after that of the group.
    const NAMES: &'static [&'static str];

    /// Returns its settings as they are stored.
    fn rows(&self) -> Vec<Row>;

    /// Gives the setting of a name another value; without a lock, that stays as it is.
    fn put(&mut self, name: &str, value: &str, lock: Option<Lock>) -> Result<(), ValueError>;

    /// Returns every setting as it holds.
    fn holds(policy: &Self::Policy) -> Vec<Holds>;

    /// Returns the names of what lets more happen than before, or is no longer locked.
    fn loosened(before: &Self::Policy, after: &Self::Policy) -> Vec<&'static str>;

    /// Returns an own group with which the same holds as before.
    fn inherited(policy: &Self::Policy) -> Self;
}

/// Makes a group: the struct of own values, the struct of what holds, and its [`Settings`].
///
/// Each setting is named once, so that none can be left out of what is reckoned or checked.
macro_rules! settings {
    (
        $(#[$doc:meta])*
        $settings:ident => $policy:ident, $name:literal {
            $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr;)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $settings {
            $($(#[$field_doc])* pub $field: Setting<$type>,)*
        }

        #[doc = concat!("What holds somewhere of [`", stringify!($settings), "`].")]
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $policy {
            $($(#[$field_doc])* pub $field: Effective<$type>,)*
        }

        impl Default for $settings {
            /// The server's own values until somebody changes them.
            fn default() -> Self {
                Self { $($field: Setting::open($default),)* }
            }
        }

        impl Settings for $settings {
            type Policy = $policy;

            const NAME: &'static str = $name;

            fn policy(chain: &Chain<'_, Self>) -> $policy {
                $policy { $($field: chain.effective(|group| &group.$field),)* }
            }

            fn check(&self, above: &Chain<'_, Self>) -> Result<(), LockedAbove> {
                $(self.check_one(concat!($name, ".", stringify!($field)), above)?;)*
                Ok(())
            }

            fn check_one(&self, name: &str, above: &Chain<'_, Self>) -> Result<(), LockedAbove> {
                $(
                    let setting = concat!($name, ".", stringify!($field));
                    let holds = above.effective(|group: &Self| &group.$field);
                    if let Some(by) = holds.locked_by
                        && setting == name
                        && holds.value != self.$field.value
                    {
                        return Err(LockedAbove { setting, by });
                    }
                )*
                Ok(())
            }

            const NAMES: &'static [&'static str] =
                &[$(concat!($name, ".", stringify!($field))),*];

            fn rows(&self) -> Vec<Row> {
                vec![$(Row {
                    name: concat!($name, ".", stringify!($field)).to_owned(),
                    value: self.$field.value.text(),
                    lock: self.$field.lock,
                }),*]
            }

            fn put(
                &mut self,
                name: &str,
                value: &str,
                lock: Option<Lock>,
            ) -> Result<(), ValueError> {
                $(if name == concat!($name, ".", stringify!($field)) {
                    self.$field.value = Value::read(value)?;
                    self.$field.lock = lock.unwrap_or(self.$field.lock);
                })*
                Ok(())
            }

            fn holds(policy: &$policy) -> Vec<Holds> {
                vec![$(Holds {
                    name: concat!($name, ".", stringify!($field)),
                    value: policy.$field.value.text(),
                    owner: policy.$field.owner,
                    locked_by: policy.$field.locked_by,
                }),*]
            }

            fn loosened(before: &$policy, after: &$policy) -> Vec<&'static str> {
                let mut loosened = Vec::new();
                $(if after.$field.is_looser_than(&before.$field) {
                    loosened.push(concat!($name, ".", stringify!($field)));
                })*
                loosened
            }

            fn inherited(policy: &$policy) -> Self {
                Self { $($field: Setting::open(policy.$field.value.clone()),)* }
            }
        }
    };
}

pub(super) use settings;
