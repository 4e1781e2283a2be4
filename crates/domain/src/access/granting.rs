//! Giving and taking roles and add-ons (administration 3.1 "assign roles", 3.3 rules 2 and 5; mission A18).
//!
//! - Nobody gives or takes what is above or wider than what they hold.
//! - Nobody gives themselves a role. A sysadmin may give themselves an add-on, in full view: every sysadmin
//!   is told of every grant that reaches beyond its holder.
//! - Add-ons are given and taken by sysadmins alone: if an admin could give `restore-others` to a colleague,
//!   or to an account made for the purpose, the role would contain it after all.
//! - The last sysadmin stays one.

use strongroom_base::{Class, Classified};

use super::action::Action;
use super::decide::{Actor, Denial, Subject, Target, decide};
use super::grant::{Grant, Role};
use super::outrank::covers;
use super::sysadmins::{LastSysadmin, Removal, Sysadmins};
use crate::organisation::Organisations;

/// Why a grant was not given or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantRefusal {
    /// The actor may not change this user's grants.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// It is above or wider than what the actor holds.
    #[error("nobody gives or takes a role above or beyond their own")]
    AboveOwn,
    /// It is an add-on, and the actor no sysadmin.
    #[error("only a sysadmin gives or takes `{}`", .0.name())]
    SysadminOnly(Grant),
    /// It is a role for the actor.
    #[error("nobody gives themselves a role")]
    Oneself,
    /// The user has it already.
    #[error("the user has this already")]
    Held,
    /// The user does not have it.
    #[error("the user does not have this")]
    NotHeld,
    /// No sysadmin would be left.
    #[error(transparent)]
    Last(#[from] LastSysadmin),
}

impl Classified for GrantRefusal {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A grant that may be given.
#[derive(Debug, PartialEq, Eq)]
pub struct Given {
    /// What the user holds with it.
    pub grants: Vec<Grant>,
    /// Whether every sysadmin is told.
    pub tells_sysadmins: bool,
}

/// A grant that may be taken.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken {
    /// What the user holds without it.
    pub grants: Vec<Grant>,
    /// Whether every sysadmin is told.
    pub tells_sysadmins: bool,
}

/// Checks whether an actor may give a user a grant.
pub fn may_give(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    subject: &Subject<'_>,
    grant: Grant,
) -> Result<Given, GrantRefusal> {
    decide(
        organisations,
        actor,
        Action::GrantGive,
        &Target::Account(*subject),
    )
    .permit()?;
    check(organisations, actor, grant)?;
    if subject.user == actor.user && grant.role().is_some() {
        return Err(GrantRefusal::Oneself);
    }
    if subject.grants.contains(&grant) {
        return Err(GrantRefusal::Held);
    }
    let mut grants = subject.grants.to_vec();
    grants.push(grant);
    Ok(Given {
        grants,
        tells_sysadmins: grant.is_privileged(),
    })
}

/// Checks whether an actor may take a grant from a user; `sysadmins` are those who can sign in now.
pub fn may_take(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    subject: &Subject<'_>,
    grant: Grant,
    sysadmins: &mut Sysadmins,
) -> Result<Taken, GrantRefusal> {
    decide(
        organisations,
        actor,
        Action::GrantTake,
        &Target::Account(*subject),
    )
    .permit()?;
    check(organisations, actor, grant)?;
    if !subject.grants.contains(&grant) {
        return Err(GrantRefusal::NotHeld);
    }
    if grant == Grant::Sysadmin {
        sysadmins.remove(Removal::Account(subject.user))?;
    }
    let held = subject.grants.iter().copied();
    Ok(Taken {
        grants: held.filter(|held| *held != grant).collect(),
        tells_sysadmins: grant.is_privileged(),
    })
}

fn check(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    grant: Grant,
) -> Result<(), GrantRefusal> {
    let is_sysadmin = actor.grants.contains(&Grant::Sysadmin);
    if grant.role().is_none() && !is_sysadmin {
        return Err(GrantRefusal::SysadminOnly(grant));
    }
    let giving: Vec<Grant> = actor
        .grants
        .iter()
        .copied()
        .filter(|held| held.role() >= Some(Role::Admin))
        .collect();
    if !covers(organisations, &giving, grant) {
        return Err(GrantRefusal::AboveOwn);
    }
    Ok(())
}
