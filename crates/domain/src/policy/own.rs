//! The own groups of an organisation, and all that holds at one.
//!
//! Here is the list of the groups that the server takes part in; a setting is named by its group and itself, as in
//! `sessions.idle`.

use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

use super::group::{Chain, Level, Lock, LockedAbove, Settings};
use super::groups::{
    PasswordPolicy, PasswordSettings, RegistrationPolicy, RegistrationSettings, SessionPolicy,
    SessionSettings,
};
use super::value::ValueError;

/// Why a setting was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no setting, or no group, of this name.
    #[error("there is no setting of this name")]
    Unknown,
    /// The text is no value of it.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// Somebody above has locked it.
    #[error(transparent)]
    Locked(#[from] LockedAbove),
}

impl Classified for ChangeError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// One setting as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it holds for everything below.
    pub lock: Lock,
}

/// One setting as it holds somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holds {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Whose it is.
    pub owner: Level,
    /// Who locked it, if somebody did.
    pub locked_by: Option<Level>,
}

macro_rules! groups {
    ($($(#[$doc:meta])* $field:ident: $settings:ident => $policy:ident;)*) => {
        /// The server's own groups, above every organisation.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct ServerGroups {
            $($(#[$doc])* pub $field: $settings,)*
        }

        /// The groups that an organisation has of its own; it inherits the others.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct OwnGroups {
            $($(#[$doc])* pub $field: Option<$settings>,)*
        }

        /// What holds at an organisation.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Policies {
            $($(#[$doc])* pub $field: $policy,)*
        }

        impl Policies {
            /// Reckons what holds at the end of a path, the root first.
            pub fn of(server: &ServerGroups, path: &[(OrganisationId, &OwnGroups)]) -> Self {
                Self {
                    $($field: {
                        let below: Vec<_> = path
                            .iter()
                            .map(|(organisation, own)| (*organisation, own.$field.clone()))
                            .collect();
                        $settings::policy(&Chain { server: &server.$field, below: &below })
                    },)*
                }
            }

            /// Returns every setting with its name.
            pub fn all(&self) -> Vec<Holds> {
                let mut all = Vec::new();
                $(all.extend($settings::holds(&self.$field));)*
                all
            }

            /// Returns the names of the settings that let more happen than before, or are no longer locked.
            pub fn loosened_since(&self, before: &Self) -> Vec<&'static str> {
                let mut loosened = Vec::new();
                $(loosened.extend($settings::loosened(&before.$field, &self.$field));)*
                loosened
            }
        }

        impl OwnGroups {
            /// Reads what is stored. What this program does not know of, a newer one stored: it is passed over.
            pub fn from_rows<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Result<Self, ValueError> {
                let mut own = Self::default();
                for row in rows {
                    $(if $settings::NAMES.contains(&row.name.as_str()) {
                        let group = own.$field.get_or_insert_with(Default::default);
                        group.put(&row.name, &row.value, Some(row.lock))?;
                    })*
                }
                Ok(own)
            }

            /// Returns what is to be stored.
            pub fn rows(&self) -> Vec<Row> {
                let mut rows = Vec::new();
                $(rows.extend(self.$field.iter().flat_map(Settings::rows));)*
                rows
            }

            /// Gives a setting a value of its own; without a lock, that stays as it is. A group that was inherited becomes an own one
            /// with it: what held before goes on to hold. `path` ends above the organisation.
            pub fn set(
                &mut self,
                (server, path): (&ServerGroups, &[(OrganisationId, &Self)]),
                name: &str,
                value: &str,
                lock: Option<Lock>,
            ) -> Result<(), ChangeError> {
                $(if $settings::NAMES.contains(&name) {
                    let below: Vec<_> = path
                        .iter()
                        .map(|(organisation, own)| (*organisation, own.$field.clone()))
                        .collect();
                    let above = Chain { server: &server.$field, below: &below };
                    let inherited = || $settings::inherited(&$settings::policy(&above));
                    let group = self.$field.get_or_insert_with(inherited);
                    group.put(name, value, lock)?;
                    return group.check_one(name, &above).map_err(ChangeError::from);
                })*
                Err(ChangeError::Unknown)
            }

            /// Inherits the group of this name, or of a setting of this name, again: the own values are gone. Tells whether it had any.
            pub fn inherit(&mut self, name: &str) -> Result<bool, ChangeError> {
                let group = name.split('.').next().unwrap_or_default();
                $(if $settings::NAME == group && (name == group || $settings::NAMES.contains(&name)) {
                    return Ok(self.$field.take().is_some());
                })*
                Err(ChangeError::Unknown)
            }
        }
    };
}

groups! {
    /// What account passwords must be.
    password: PasswordSettings => PasswordPolicy;
    /// How long sessions and tokens last.
    sessions: SessionSettings => SessionPolicy;
    /// Who may register.
    registration: RegistrationSettings => RegistrationPolicy;
}
