//! Who asks, and whether they may: decided before the body of a request is read.

mod authenticate;
mod authorize;
mod thing;

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{
    ComputerId, GroupId, OrganisationId, PasskeyId, SessionId, TokenId, UserId,
};
use strongroom_db::Reading;
use strongroom_domain::access::{Action, Actor, Grant, Permit, SecondFactor, Via};
use strongroom_domain::account::Standing;
use strongroom_domain::computer::Computer;
use strongroom_domain::name::UserName;
use strongroom_domain::session::{ServerEpoch, Session};
use strongroom_domain::token::ApiToken;

use super::{App, Bearer, Tree};

pub use authorize::view;
pub(crate) use authorize::{Asked, authorize, authorize_too, charge_guess};
pub use thing::Thing;

/// What is needed to use an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Nothing.
    Public,
    /// The right to an action on what the path names: an account or what belongs to it, an organisation or what
    /// belongs to it. Without a name in the path it is the own account, or the servers.
    To(Action),
    /// A sign-in. What is listed is what the action reaches.
    List(Action),
    /// The credential of a computer, which is itself what it is about.
    Computer,
}

/// What the path of a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Nothing.
    Nothing,
    /// An organisation.
    Organisation(OrganisationId),
    /// A user.
    User(UserId),
    /// A group.
    Group(GroupId),
    /// A session.
    Session(SessionId),
    /// A token.
    Token(TokenId),
    /// A computer.
    Computer(ComputerId),
    /// A passkey.
    Passkey(PasskeyId),
    /// Something with an id that nothing can have.
    Nowhere,
}

/// By what a caller acts.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A session.
    Session(Session),
    /// An API token.
    Token(ApiToken),
    /// The credential of a computer.
    Computer(Computer),
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The name of the user.
    pub name: UserName,
    /// Where the user is.
    pub organisation: OrganisationId,
    /// What the user holds.
    pub grants: Vec<Grant>,
    /// How the account stands.
    pub standing: Standing,
    /// By what the user acts.
    pub credential: Credential,
    /// What of a second factor was shown, where one is required.
    pub second_factor: SecondFactor,
    /// From where.
    pub address: IpAddr,
}

/// A request, as far as its right goes.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// What is shown to prove who asks.
    pub bearer: Option<Bearer>,
    /// From where.
    pub address: IpAddr,
    /// What is needed.
    pub right: Right,
    /// What it is about.
    pub aim: Aim,
    /// How fast it may be asked.
    pub pace: super::Pace,
}

/// Who asks, and that they may.
pub struct Access {
    /// Who.
    pub caller: Caller,
    /// The proof that they may, unless what is listed is what they may.
    pub(crate) permit: Option<Permit>,
    /// What it is about.
    pub(crate) thing: Thing,
    /// The organisations.
    pub tree: Arc<Tree>,
    /// The epoch of the server.
    pub(crate) epoch: ServerEpoch,
    /// When.
    pub now: Timestamp,
}

/// A request that reads: who asks, that they may, and a transaction.
pub struct View {
    pub(crate) access: Access,
    pub(crate) reading: Reading,
    pub(crate) app: Arc<App>,
}

impl Deref for View {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Caller {
    /// Returns who acts, as the rules take it.
    pub(crate) fn actor(&self) -> Actor<'_> {
        Actor {
            user: self.user,
            grants: &self.grants,
            standing: self.standing,
            via: match &self.credential {
                Credential::Session(_) => Via::Session,
                Credential::Token(token) => Via::Token(&token.scope),
                Credential::Computer(computer) => Via::Computer(computer.id),
            },
            second_factor: self.second_factor,
        }
    }

    /// Returns the session by which the caller acts.
    pub(crate) fn session(&self) -> Option<&Session> {
        match &self.credential {
            Credential::Session(session) => Some(session),
            Credential::Token(_) | Credential::Computer(_) => None,
        }
    }
}
