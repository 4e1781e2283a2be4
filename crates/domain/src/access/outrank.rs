//! Who outranks whom (administration 3.3, rule 3).
//!
//! Rank has a place: an admin of a department does not outrank a manager of the whole company, because
//! whoever gets into that manager's account reads the whole company. So one user may act on another only
//! if every role that the other holds is covered by one of theirs: as high, and as wide.

use super::action::Guard;
use super::grant::{Grant, Role};
use super::relation::contains;
use crate::organisation::Organisations;

/// Tells whether the holder of some grants may act, under a guard, on the holder of others.
pub(super) fn may_act_on(
    organisations: &dyn Organisations,
    guard: Guard,
    actor: &[Grant],
    subject: &[Grant],
) -> bool {
    let covered = |grant: &Grant| covers(organisations, actor, *grant);
    match guard {
        Guard::Nobody => true,
        Guard::Rank => subject
            .iter()
            .filter(|grant| grant.role().is_some())
            .all(covered),
        Guard::EveryGrant => subject.iter().all(covered),
    }
}

/// Tells whether somebody's grants include one as high and as wide as another. A sysadmin's cover every
/// one: they could give it to themselves.
pub(super) fn covers(organisations: &dyn Organisations, held: &[Grant], grant: Grant) -> bool {
    let Some(scope) = grant.scope() else {
        // It reaches nobody but its holder.
        return true;
    };
    held.iter().any(|held| {
        let is_as_high = match (held.role(), grant.role()) {
            (Some(Role::Sysadmin), _) => true,
            (Some(held), Some(role)) => held >= role,
            (None, None) => same_add_on(*held, grant),
            (Some(_), None) | (None, Some(_)) => false,
        };
        is_as_high
            && held
                .scope()
                .is_some_and(|held| contains(organisations, held, scope))
    })
}

fn same_add_on(one: Grant, other: Grant) -> bool {
    matches!((one, other), (Grant::AddOn(one, _), Grant::AddOn(other, _)) if one == other)
}
