//! What of a list a caller sees: where the list's action reaches, asked of the one decision there is.

use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_domain::access::{Action, Kind, Subject, Target, decide};

use super::Access;

/// What an action reaches.
pub(crate) struct Reach {
    /// The organisations; `None` for all.
    pub(crate) organisations: Option<Vec<OrganisationId>>,
    /// The caller, where it reaches the own account.
    pub(crate) own: Option<UserId>,
}

/// Returns the accounts, and what belongs to them, that an action reaches.
pub(crate) fn accounts(access: &Access, action: Action) -> Reach {
    let caller = &access.caller;
    let own = Target::Account(Subject {
        user: caller.user,
        organisation: caller.organisation,
        grants: &caller.grants,
        computer: None,
    });
    let actor = caller.actor();
    let is_own = decide(access.tree.forest(), &actor, action, &own).is_allowed();
    Reach {
        organisations: organisations(access, action),
        own: is_own.then_some(caller.user),
    }
}

/// Returns the organisations that an action reaches, or whose accounts it does; `None` for all.
pub(crate) fn organisations(access: &Access, action: Action) -> Option<Vec<OrganisationId>> {
    // Somebody whom nobody is: any user of the organisation but the caller.
    let somebody = UserId([0; 16]);
    let actor = access.caller.actor();
    let is_reached = |organisation: &OrganisationId| {
        let target = match action.rule().kind {
            Kind::Organisation => Target::Organisation {
                organisation: *organisation,
                roles_within: &[],
            },
            Kind::Account | Kind::System => Target::Account(Subject {
                user: somebody,
                organisation: *organisation,
                grants: &[],
                computer: None,
            }),
        };
        decide(access.tree.forest(), &actor, action, &target).is_allowed()
    };
    let reached: Vec<_> = access.tree.ids().filter(is_reached).collect();
    (reached.len() < access.tree.ids().count()).then_some(reached)
}
