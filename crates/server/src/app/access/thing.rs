//! What a request is about.

use strongroom_base::ids::{ComputerId, OrganisationId};
use strongroom_db::computers;
use strongroom_db::groups;
use strongroom_db::organisations::Organisation;
use strongroom_db::passkeys::{self, Passkey};
use strongroom_db::sessions;
use strongroom_db::tokens;
use strongroom_db::users::User;
use strongroom_db::{Reading, grants, organisations, users};
use strongroom_domain::access::{Action, Grant, Guard, Kind, Subject, Target};

use super::{Access, Aim, Caller};
use crate::app::{Fault, Tree};

/// What a request is about, as it is stored.
#[derive(Clone, Debug)]
pub enum Thing {
    /// The servers, or nothing in particular.
    Servers,
    /// An organisation.
    Organisation(Organisation),
    /// A user.
    User(User),
    /// A group.
    Group(groups::Stored),
    /// A session, and whose it is.
    Session(sessions::Stored, User),
    /// A token, and whose it is.
    Token(tokens::Stored, User),
    /// A computer, and whose it is.
    Computer(computers::Stored, User),
    /// A passkey, and whose it is.
    Passkey(Passkey, User),
}

/// What the rules ask about it.
pub(super) struct Facts {
    /// What those hold who are concerned.
    grants: Vec<Grant>,
    computer: Option<ComputerId>,
}

impl Thing {
    /// Finds what a path names. What is not there cannot be seen.
    pub(super) async fn find(
        reading: &Reading,
        caller: &Caller,
        kind: Kind,
        aim: Aim,
    ) -> Result<Self, Fault> {
        let user = async |id| -> Result<User, Fault> {
            users::find(reading, id).await?.ok_or(Fault::Unseen)
        };
        Ok(match aim {
            Aim::Nothing if kind == Kind::Account => Self::User(user(caller.user).await?),
            Aim::Nothing => Self::Servers,
            Aim::Nowhere => return Err(Fault::Unseen),
            Aim::Organisation(id) => {
                let found = organisations::find(reading, id).await?;
                Self::Organisation(found.ok_or(Fault::Unseen)?)
            }
            Aim::User(id) => Self::User(user(id).await?),
            Aim::Group(id) => {
                let found = groups::find(reading, id).await?;
                Self::Group(found.ok_or(Fault::Unseen)?)
            }
            Aim::Session(id) => {
                let found = sessions::find(reading, id).await?.ok_or(Fault::Unseen)?;
                let owner = user(found.session.user).await?;
                Self::Session(found, owner)
            }
            Aim::Token(id) => {
                let found = tokens::find(reading, id).await?.ok_or(Fault::Unseen)?;
                let owner = user(found.token.owner).await?;
                Self::Token(found, owner)
            }
            Aim::Computer(id) => {
                let found = computers::find(reading, id).await?.ok_or(Fault::Unseen)?;
                let owner = user(found.computer.owner).await?;
                Self::Computer(found, owner)
            }
            Aim::Passkey(id) => {
                let found = passkeys::find(reading, id).await?.ok_or(Fault::Unseen)?;
                let owner = user(found.user).await?;
                Self::Passkey(found, owner)
            }
        })
    }

    /// Reads what the rules ask about it.
    pub(super) async fn facts(
        &self,
        reading: &Reading,
        tree: &Tree,
        action: Action,
    ) -> Result<Facts, Fault> {
        let computer = match self {
            Self::Computer(stored, _) => Some(stored.computer.id),
            _ => None,
        };
        let grants = match (self.owner(), self.organisation_id()) {
            _ if action.rule().guard == Guard::Nobody => Vec::new(),
            (Some(owner), _) => grants::of(reading, owner.account.user).await?,
            (None, Some(organisation)) => {
                grants::roles_within(reading, &tree.within(organisation)).await?
            }
            (None, None) => Vec::new(),
        };
        Ok(Facts { grants, computer })
    }

    /// Returns it as the rules take it.
    pub(super) fn target<'a>(&'a self, facts: &'a Facts) -> Target<'a> {
        match (self.owner(), self.organisation_id()) {
            (Some(owner), _) => Target::Account(Subject {
                user: owner.account.user,
                organisation: owner.organisation,
                grants: &facts.grants,
                computer: facts.computer,
            }),
            (None, Some(organisation)) => Target::Organisation {
                organisation,
                roles_within: &facts.grants,
            },
            (None, None) => Target::System,
        }
    }

    /// Returns the user to whom it belongs.
    pub(crate) fn owner(&self) -> Option<&User> {
        match self {
            Self::User(user)
            | Self::Session(_, user)
            | Self::Token(_, user)
            | Self::Computer(_, user)
            | Self::Passkey(_, user) => Some(user),
            Self::Servers | Self::Organisation(_) | Self::Group(_) => None,
        }
    }

    /// Returns how often it was changed, where that is counted.
    pub(crate) fn version(&self) -> Option<i64> {
        match self {
            Self::Organisation(organisation) => Some(organisation.version),
            Self::User(user) => Some(user.version),
            Self::Group(group) => Some(group.version),
            Self::Computer(computer, _) => Some(computer.version),
            Self::Servers | Self::Session(..) | Self::Token(..) | Self::Passkey(..) => None,
        }
    }

    fn organisation_id(&self) -> Option<OrganisationId> {
        match self {
            Self::Organisation(organisation) => Some(organisation.id),
            Self::Group(stored) => Some(stored.group.organisation),
            Self::Servers
            | Self::User(_)
            | Self::Session(..)
            | Self::Token(..)
            | Self::Computer(..)
            | Self::Passkey(..) => None,
        }
    }
}

/// What a use case is about, which its endpoint's path names.
impl Access {
    /// Returns the organisation.
    pub(crate) fn organisation(&self) -> Result<Organisation, Fault> {
        match &self.thing {
            Thing::Organisation(organisation) => Ok(organisation.clone()),
            _ => Err(Fault::Program("the path names no organisation")),
        }
    }

    /// Returns the user: that of the path, or the caller.
    pub(crate) fn user(&self) -> Result<User, Fault> {
        match &self.thing {
            Thing::User(user) => Ok(user.clone()),
            _ => Err(Fault::Program("the path names no user")),
        }
    }

    /// Returns the group.
    pub(crate) fn group(&self) -> Result<groups::Stored, Fault> {
        match &self.thing {
            Thing::Group(group) => Ok(group.clone()),
            _ => Err(Fault::Program("the path names no group")),
        }
    }

    /// Returns the session, and whose it is.
    pub(crate) fn session(&self) -> Result<(sessions::Stored, User), Fault> {
        match &self.thing {
            Thing::Session(session, owner) => Ok((session.clone(), owner.clone())),
            _ => Err(Fault::Program("the path names no session")),
        }
    }

    /// Returns the token, and whose it is.
    pub(crate) fn token(&self) -> Result<(tokens::Stored, User), Fault> {
        match &self.thing {
            Thing::Token(token, owner) => Ok((token.clone(), owner.clone())),
            _ => Err(Fault::Program("the path names no token")),
        }
    }

    /// Returns the computer, and whose it is.
    pub(crate) fn computer(&self) -> Result<(computers::Stored, User), Fault> {
        match &self.thing {
            Thing::Computer(computer, owner) => Ok((computer.clone(), owner.clone())),
            _ => Err(Fault::Program("the path names no computer")),
        }
    }

    /// Returns the passkey, and whose it is.
    pub(crate) fn passkey(&self) -> Result<(Passkey, User), Fault> {
        match &self.thing {
            Thing::Passkey(passkey, owner) => Ok((passkey.clone(), owner.clone())),
            _ => Err(Fault::Program("the path names no passkey")),
        }
    }
}
