//! Roles, add-ons and grants (mission A18; administration 3.1, 3.2).

use std::str::FromStr;

use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

/// The five roles, from the fewest to the most rights.
///
/// The first two are separate and normally given together; each of the others contains both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Backs up to the server and restores in the client (the mission's CPD).
    DesktopUser,
    /// Uses the web console for own computers and data (the mission's CPP).
    WebUser,
    /// Reads everything about the users of a part of the tree, and no file of theirs.
    Manager,
    /// Reads and writes the same.
    Admin,
    /// Reads and writes everything, the servers included.
    Sysadmin,
}

impl Role {
    /// All roles, in their order.
    pub const ALL: [Self; 5] = [
        Self::DesktopUser,
        Self::WebUser,
        Self::Manager,
        Self::Admin,
        Self::Sysadmin,
    ];

    /// Returns the name that the API has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DesktopUser => "desktop-user",
            Self::WebUser => "web-user",
            Self::Manager => "manager",
            Self::Admin => "admin",
            Self::Sysadmin => "sysadmin",
        }
    }
}

/// Rights that are in no role and are granted one by one.
///
/// None ranks above anything. What a sysadmin may do without one says the table; to restore other people's
/// files and to act as a recovery officer is in no role at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddOn {
    /// Restores other people's files where the key policy lets anybody.
    RestoreOthers,
    /// Sees recovery requests and approves them.
    RecoveryOfficer,
    /// Reads the audit log.
    AuditReader,
    /// Places and lifts legal holds.
    LegalHold,
}

impl AddOn {
    /// All add-ons.
    pub const ALL: [Self; 4] = [
        Self::RestoreOthers,
        Self::RecoveryOfficer,
        Self::AuditReader,
        Self::LegalHold,
    ];

    /// Returns the name that the API has for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RestoreOthers => "restore-others",
            Self::RecoveryOfficer => "recovery-officer",
            Self::AuditReader => "audit-reader",
            Self::LegalHold => "legal-hold",
        }
    }
}

/// Where a grant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In this organisation and everything below it.
    Subtree(OrganisationId),
    /// In every organisation; that does not include the servers themselves.
    Everywhere,
}

/// A right that a user holds. Rights add up; nothing is ever subtracted but by blocking or suspending the
/// account (administration 3.3, rule 1).
///
/// Each kind has the scope it can have and no other: a desktop user works for the own account, a sysadmin
/// everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    /// [`Role::DesktopUser`] for the own account.
    DesktopUser,
    /// [`Role::WebUser`] for the own account.
    WebUser,
    /// [`Role::Manager`] of an organisation and what is below it.
    Manager(OrganisationId),
    /// [`Role::Admin`] of an organisation and what is below it.
    Admin(OrganisationId),
    /// [`Role::Sysadmin`].
    Sysadmin,
    /// An add-on, somewhere.
    AddOn(AddOn, Scope),
}

/// The parts are no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// No role and no add-on has this name.
    #[error("there is no role `{0}`")]
    UnknownRole(String),
    /// A manager or admin is one of some organisation.
    #[error("the role `{0}` needs an organisation")]
    NeedsOrganisation(&'static str),
    /// The role is the same everywhere.
    #[error("the role `{0}` is not one of an organisation")]
    TakesNoOrganisation(&'static str),
}

impl Classified for GrantError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

impl Grant {
    /// What a user gets who registers without help: nothing that reaches anybody else (mission A19).
    pub const SELF_REGISTERED: [Self; 2] = [Self::DesktopUser, Self::WebUser];

    /// Takes a grant as it is stored and sent: a name, and an organisation where there is one.
    pub fn from_parts(
        name: &str,
        organisation: Option<OrganisationId>,
    ) -> Result<Self, GrantError> {
        if let Ok(role) = name.parse() {
            return match (role, organisation) {
                (Role::Manager, Some(top)) => Ok(Self::Manager(top)),
                (Role::Admin, Some(top)) => Ok(Self::Admin(top)),
                (Role::Manager | Role::Admin, None) => {
                    Err(GrantError::NeedsOrganisation(role.name()))
                }
                (Role::DesktopUser, None) => Ok(Self::DesktopUser),
                (Role::WebUser, None) => Ok(Self::WebUser),
                (Role::Sysadmin, None) => Ok(Self::Sysadmin),
                (Role::DesktopUser | Role::WebUser | Role::Sysadmin, Some(_)) => {
                    Err(GrantError::TakesNoOrganisation(role.name()))
                }
            };
        }
        let add_on = name.parse()?;
        let scope = organisation.map_or(Scope::Everywhere, Scope::Subtree);
        Ok(Self::AddOn(add_on, scope))
    }

    /// Returns the name that is stored and sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::AddOn(add_on, _) => add_on.name(),
            Self::DesktopUser
            | Self::WebUser
            | Self::Manager(_)
            | Self::Admin(_)
            | Self::Sysadmin => self.role().map_or("", Role::name),
        }
    }

    /// Returns the organisation that is stored and sent with the name.
    pub fn organisation(self) -> Option<OrganisationId> {
        match self {
            Self::Manager(top) | Self::Admin(top) | Self::AddOn(_, Scope::Subtree(top)) => {
                Some(top)
            }
            Self::DesktopUser
            | Self::WebUser
            | Self::Sysadmin
            | Self::AddOn(_, Scope::Everywhere) => None,
        }
    }

    /// Returns the role, unless it is an add-on.
    pub fn role(self) -> Option<Role> {
        match self {
            Self::DesktopUser => Some(Role::DesktopUser),
            Self::WebUser => Some(Role::WebUser),
            Self::Manager(_) => Some(Role::Manager),
            Self::Admin(_) => Some(Role::Admin),
            Self::Sysadmin => Some(Role::Sysadmin),
            Self::AddOn(..) => None,
        }
    }

    /// Returns where it reaches beyond the own account; `None` if it does not.
    pub fn scope(self) -> Option<Scope> {
        match self {
            Self::DesktopUser | Self::WebUser => None,
            Self::Manager(top) | Self::Admin(top) => Some(Scope::Subtree(top)),
            Self::Sysadmin => Some(Scope::Everywhere),
            Self::AddOn(_, scope) => Some(scope),
        }
    }

    /// Tells whether it reaches beyond the own account, so that every sysadmin is told when it is given
    /// (administration 3.3, rule 5).
    pub fn is_privileged(self) -> bool {
        self.scope().is_some()
    }
}

impl FromStr for Role {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let named = Self::ALL.into_iter().find(|role| role.name() == text);
        named.ok_or_else(|| GrantError::UnknownRole(text.to_owned()))
    }
}

impl FromStr for AddOn {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let named = Self::ALL.into_iter().find(|add_on| add_on.name() == text);
        named.ok_or_else(|| GrantError::UnknownRole(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_has_one_spelling() {
        let top = OrganisationId([7; 16]);
        for grant in [
            Grant::DesktopUser,
            Grant::WebUser,
            Grant::Manager(top),
            Grant::Admin(top),
            Grant::Sysadmin,
            Grant::AddOn(AddOn::RestoreOthers, Scope::Subtree(top)),
            Grant::AddOn(AddOn::AuditReader, Scope::Everywhere),
        ] {
            assert_eq!(
                Grant::from_parts(grant.name(), grant.organisation()),
                Ok(grant)
            );
        }
    }

    #[test]
    fn roles_have_the_scope_they_can_have() {
        let top = OrganisationId([7; 16]);
        assert_eq!(
            Grant::from_parts("admin", None),
            Err(GrantError::NeedsOrganisation("admin"))
        );
        assert_eq!(
            Grant::from_parts("sysadmin", Some(top)),
            Err(GrantError::TakesNoOrganisation("sysadmin"))
        );
        assert_eq!(
            Grant::from_parts("owner", None),
            Err(GrantError::UnknownRole("owner".to_owned()))
        );
    }
}
