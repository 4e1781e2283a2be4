//! The one decision: may this actor do this to that?

use strongroom_base::ids::{ComputerId, OrganisationId, UserId};
use strongroom_base::{Class, Classified};

use super::action::{Action, Kind, Reach};
use super::grant::{Grant, Role, Scope};
use super::outrank::may_act_on;
use super::relation::Relation;
use super::second_factor::SecondFactor;
use crate::account::Standing;
use crate::organisation::Organisations;
use crate::token::TokenScope;

/// By what somebody acts.
#[derive(Clone, Copy, Debug)]
pub enum Via<'a> {
    /// A session: everything the user may.
    Session,
    /// An API token: what the user may and the token's scope includes.
    Token(&'a TokenScope),
    /// The credential of a computer of the user: its own archive, to append and to read.
    Computer(ComputerId),
}

/// Who acts.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// The user.
    pub user: UserId,
    /// What the user holds.
    pub grants: &'a [Grant],
    /// How the user's account stands.
    pub standing: Standing,
    /// By what the user acts.
    pub via: Via<'a>,
    /// What of a second factor was shown.
    pub second_factor: SecondFactor,
}

/// An account that something is done to.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The user.
    pub user: UserId,
    /// Where the user is.
    pub organisation: OrganisationId,
    /// What the user holds.
    pub grants: &'a [Grant],
    /// Which computer it is about, if one.
    pub computer: Option<ComputerId>,
}

/// What something is done to.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// An account, or what belongs to it.
    Account(Subject<'a>),
    /// An organisation, or what belongs to it.
    Organisation {
        /// Which one.
        organisation: OrganisationId,
        /// The roles of managers and above that users in it and below it hold. What is done to an
        /// organisation is done to them: actions that have [`super::Guard::Rank`] compare.
        roles_within: &'a [Grant],
    },
    /// The servers.
    System,
}

/// What a permit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum On {
    /// This account, or what belongs to it.
    Account(UserId),
    /// This organisation, or what belongs to it.
    Organisation(OrganisationId),
    /// The servers.
    System,
}

/// The proof that somebody may do something. Only [`decide`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    actor: UserId,
    action: Action,
    on: On,
}

impl Permit {
    /// Returns who may.
    pub fn actor(&self) -> UserId {
        self.actor
    }

    /// Returns what may be done.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns what it may be done to.
    pub fn on(&self) -> On {
        self.on
    }

    /// Tells whether it is the permit for this.
    pub fn allows(&self, action: Action, on: On) -> bool {
        self.action == action && self.on == on
    }
}

/// Why somebody may not do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// The actor may not know that it is there; the answer is the one for what is not.
    #[error("there is nothing of that kind")]
    Unseen,
    /// The actor sees it, and may not do that to it.
    #[error("this needs a right that you do not have")]
    Forbidden,
    /// The one concerned has a right that the actor lacks.
    #[error("this concerns somebody with more rights than you have")]
    Outranked,
    /// The actor may not do it to themselves.
    #[error("somebody else must do this for you")]
    Oneself,
    /// The credential does not reach as far as its user.
    #[error("this credential is not for that")]
    Credential,
    /// The account of the actor does not stand active.
    #[error("your account is not active")]
    NotActive,
    /// A second factor is required of the actor, whose account has none.
    #[error("your organisation requires a second factor, and your account has none yet")]
    SecondFactorMissing,
    /// A second factor is required of the actor, who has not shown theirs.
    #[error("your organisation requires a second factor, and this sign-in was without yours")]
    SecondFactorNotShown,
    /// The action is not done to such a thing at all.
    #[error("this is not done to that kind of thing")]
    WrongKind,
}

impl Classified for Denial {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may be done; what else it needs says [`super::Rule::needs`].
    Allowed(Permit),
    /// It may not be done.
    Denied(Denial),
}

impl Decision {
    /// Returns the permit.
    pub fn permit(self) -> Result<Permit, Denial> {
        match self {
            Self::Allowed(permit) => Ok(permit),
            Self::Denied(denial) => Err(denial),
        }
    }

    /// Tells whether it may be done.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }
}

/// Decides whether an actor may do something, by the table of [`Action`] and nothing else
/// (administration 3.1 and 3.3).
pub fn decide(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    action: Action,
    target: &Target<'_>,
) -> Decision {
    match denial(organisations, actor, action, target) {
        Some(denial) => Decision::Denied(denial),
        None => Decision::Allowed(Permit {
            actor: actor.user,
            action,
            on: target.on(),
        }),
    }
}

fn denial(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    action: Action,
    target: &Target<'_>,
) -> Option<Denial> {
    let rule = action.rule();
    if rule.kind != target.kind() {
        return Some(Denial::WrongKind);
    }
    let is_own = target.is_of(actor.user);
    let is_reached = reaches(organisations, actor, action, target, is_own);
    let is_seen =
        is_reached || is_own || reaches(organisations, actor, target.seen_by(), target, false);
    if !is_seen {
        // Before anything is said of the actor: it is answered like what is not there, whoever asks.
        return Some(Denial::Unseen);
    }
    if !stands(actor, action) {
        return Some(Denial::NotActive);
    }
    let second_factor = actor.second_factor;
    if let Some(denial) = second_factor.denial_of(actor.via, action, is_own) {
        return Some(denial);
    }
    if !is_reached {
        let is_for_others = reaches(organisations, actor, action, target, false);
        return Some(if is_own && is_for_others {
            Denial::Oneself
        } else {
            Denial::Forbidden
        });
    }
    if !credential_includes(organisations, actor, action, target) {
        return Some(Denial::Credential);
    }
    if !is_own && !may_act_on(organisations, rule.guard, actor.grants, target.grants()) {
        return Some(Denial::Outranked);
    }
    None
}

/// A computer goes on backing up while sign-in is suspended; a person who rests may come back, and no more.
fn stands(actor: &Actor<'_>, action: Action) -> bool {
    match actor.via {
        Via::Computer(_) => actor.standing.may_back_up(),
        Via::Session | Via::Token(_) => {
            actor.standing.may_sign_in()
                || action == Action::AccountReactivateOwn && actor.standing.may_reactivate_itself()
        }
    }
}

/// Tells whether any grant reaches the target, as the own or as somebody else's.
fn reaches(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    action: Action,
    target: &Target<'_>,
    is_own: bool,
) -> bool {
    let rule = action.rule();
    actor.grants.iter().any(|grant| {
        let reach = match (grant, rule.add_on) {
            (Grant::AddOn(held, _), Some((needed, reach))) if *held == needed => reach,
            (Grant::AddOn(..), _) => Reach::No,
            (_, _) => grant
                .role()
                .map_or(Reach::No, |role| reach_of(rule.roles, role)),
        };
        target.is_in(organisations, is_own, *grant, reach)
    })
}

fn reach_of(roles: [Reach; 5], role: Role) -> Reach {
    let [desktop_user, web_user, manager, admin, sysadmin] = roles;
    match role {
        Role::DesktopUser => desktop_user,
        Role::WebUser => web_user,
        Role::Manager => manager,
        Role::Admin => admin,
        Role::Sysadmin => sysadmin,
    }
}

fn credential_includes(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    action: Action,
    target: &Target<'_>,
) -> bool {
    match actor.via {
        Via::Session => true,
        Via::Token(scope) => scope.includes(organisations, action, target),
        Via::Computer(own) => {
            let computer = target.computer();
            action.is_for_computers()
                && (computer == Some(own) || computer.is_none() && action == Action::ProfileRead)
        }
    }
}

impl Target<'_> {
    /// Returns what a permit for it is for.
    pub fn on(&self) -> On {
        match self {
            Self::Account(subject) => On::Account(subject.user),
            Self::Organisation { organisation, .. } => On::Organisation(*organisation),
            Self::System => On::System,
        }
    }

    /// Returns the organisation in which it lies.
    pub(crate) fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Account(subject) => Some(subject.organisation),
            Self::Organisation { organisation, .. } => Some(*organisation),
            Self::System => None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Account(_) => Kind::Account,
            Self::Organisation { .. } => Kind::Organisation,
            Self::System => Kind::System,
        }
    }

    fn grants(&self) -> &[Grant] {
        match self {
            Self::Account(subject) => subject.grants,
            Self::Organisation { roles_within, .. } => roles_within,
            Self::System => &[],
        }
    }

    fn computer(&self) -> Option<ComputerId> {
        match self {
            Self::Account(subject) => subject.computer,
            Self::Organisation { .. } | Self::System => None,
        }
    }

    fn is_of(&self, user: UserId) -> bool {
        matches!(self, Self::Account(subject) if subject.user == user)
    }

    /// Returns what one must be able to do to know that it is there.
    fn seen_by(&self) -> Action {
        match self {
            Self::Account(_) => Action::AccountRead,
            Self::Organisation { .. } => Action::OrganisationRead,
            Self::System => Action::ServerRead,
        }
    }

    fn is_in(
        &self,
        organisations: &dyn Organisations,
        is_own: bool,
        grant: Grant,
        reach: Reach,
    ) -> bool {
        if is_own {
            return reach.includes(Relation::Own);
        }
        match (self.organisation(), grant.scope()) {
            // The own account, or a part of the tree, is all that it reaches.
            (_, None) | (None, Some(Scope::Subtree(_))) => false,
            (None, Some(Scope::Everywhere)) => reach == Reach::All,
            // Every organisation is within everywhere; a reach below it has nothing above to stop at.
            (Some(_), Some(Scope::Everywhere)) => reach.includes(Relation::Child),
            (Some(organisation), Some(Scope::Subtree(top))) => {
                reach.includes(Relation::of(organisations, top, organisation))
            }
        }
    }
}
