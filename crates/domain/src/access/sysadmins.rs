//! The last sysadmin stays (mission; administration 3.3, rule 2; identity 2.2).

use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_base::{Class, Classified};

use crate::organisation::Path;

/// Nobody could administer the server any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this would leave no sysadmin who can sign in")]
pub struct LastSysadmin;

impl Classified for LastSysadmin {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// What is about to be without its rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// This account is deactivated, blocked, suspended, demoted or removed.
    Account(UserId),
    /// Everybody in this organisation and below it is.
    Organisation(OrganisationId),
}

/// The sysadmins who can sign in: their accounts stand active, sign-in is open, and they have what it takes
/// (a password, a passkey or a directory that answers for them).
///
/// It is read under the same lock as the change that it is asked about, or two sysadmins could remove
/// each other.
#[derive(Clone, Debug)]
pub struct Sysadmins(Vec<(UserId, Path)>);

/// The proof that a removal leaves a sysadmin. Only [`Sysadmins::remove`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct SysadminRemains {
    without: Removal,
}

impl SysadminRemains {
    /// Returns what may be removed.
    pub fn without(&self) -> Removal {
        self.without
    }
}

impl Sysadmins {
    /// Takes those who can sign in, with the way to the organisation of each.
    pub fn who_can_sign_in(sysadmins: impl IntoIterator<Item = (UserId, Path)>) -> Self {
        Self(sysadmins.into_iter().collect())
    }

    /// Takes away whom a removal concerns, unless nobody would be left. Where it concerns no sysadmin it
    /// is always granted.
    pub fn remove(&mut self, without: Removal) -> Result<SysadminRemains, LastSysadmin> {
        let stays = |(user, path): &(UserId, Path)| match without {
            Removal::Account(removed) => *user != removed,
            Removal::Organisation(removed) => !path.is_within(removed),
        };
        let n_left = self.0.iter().filter(|sysadmin| stays(sysadmin)).count();
        if n_left == 0 && !self.0.is_empty() {
            return Err(LastSysadmin);
        }
        self.0.retain(stays);
        Ok(SysadminRemains { without })
    }

    /// Returns how many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether nobody is one.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
