//! Who may move accounts and organisations (administration 3.1 "create, edit, move users", 3.3 rule 2).
//!
//! A move takes something from one place and puts it to another, so it needs the right at both: an admin
//! moves what is strictly below the own organisation to anywhere within it, and nothing out of it.

use strongroom_base::ids::OrganisationId;

use super::action::Action;
use super::decide::{Actor, Denial, Permit, Subject, Target, decide};
use super::grant::Grant;
use crate::organisation::{Move, Organisations, Parent};

/// Why somebody may not move something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoveDenial {
    /// It may not be taken from where it is.
    #[error("it may not be taken from where it is")]
    From(#[source] Denial),
    /// Nothing may be put there.
    #[error("it may not be put there")]
    To(#[source] Denial),
}

impl strongroom_base::Classified for MoveDenial {
    fn class(&self) -> strongroom_base::Class {
        strongroom_base::Class::Caller
    }
}

/// Decides whether an actor may carry out the planned move of an organisation.
///
/// `roles_within` are the roles of managers and above that users in the moved part hold.
pub fn may_move_organisation(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    planned: &Move,
    roles_within: &[Grant],
) -> Result<Permit, MoveDenial> {
    let from = Target::Organisation {
        organisation: planned.organisation(),
        roles_within,
    };
    let (action, to) = match planned.to() {
        Parent::Root => (Action::OrganisationCreateRoot, Target::System),
        Parent::Below(organisation) => (
            Action::OrganisationCreateChild,
            Target::Organisation {
                organisation,
                roles_within: &[],
            },
        ),
    };
    let permit = decide(organisations, actor, Action::OrganisationMove, &from)
        .permit()
        .map_err(MoveDenial::From)?;
    decide(organisations, actor, action, &to)
        .permit()
        .map_err(MoveDenial::To)?;
    Ok(permit)
}

/// Decides whether an actor may move a user to another organisation.
pub fn may_move_account(
    organisations: &dyn Organisations,
    actor: &Actor<'_>,
    subject: &Subject<'_>,
    to: OrganisationId,
) -> Result<Permit, MoveDenial> {
    let to = Target::Organisation {
        organisation: to,
        roles_within: &[],
    };
    let from = Target::Account(*subject);
    let permit = decide(organisations, actor, Action::AccountMove, &from)
        .permit()
        .map_err(MoveDenial::From)?;
    decide(organisations, actor, Action::AccountCreate, &to)
        .permit()
        .map_err(MoveDenial::To)?;
    Ok(permit)
}
