//! Organisations.

mod change_state;
mod create;
mod list;
mod relocate;
mod rename;
mod second_factor;

use strongroom_api::v1;
use strongroom_db::organisations::Organisation;
use strongroom_domain::organisation::{OrganisationState, Parent};

use super::words::moment;
use super::{Fault, Tree, View};

pub use change_state::{Stop, reactivate, stop};
pub use create::{create_child, create_root};
pub use list::list;
pub use relocate::relocate;
pub use rename::rename;
pub use second_factor::{require_second_factor, waive_second_factor};

/// Returns the organisation that was asked for.
pub fn read(view: &View) -> Result<v1::Organisation, Fault> {
    Ok(shown(&view.organisation()?, &view.tree))
}

/// The tree may be of before a change to the organisation itself.
pub(super) fn shown(organisation: &Organisation, tree: &Tree) -> v1::Organisation {
    let above = match organisation.parent {
        Parent::Root => None,
        Parent::Below(parent) => tree.second_factor_required_by(parent),
    };
    let own = organisation.second_factor.map(|_since| organisation.id);
    v1::Organisation {
        id: organisation.id.to_string(),
        parent: match organisation.parent {
            Parent::Root => None,
            Parent::Below(parent) => Some(parent.to_string()),
        },
        name: organisation.name.as_str().to_owned(),
        state: match organisation.state {
            OrganisationState::Active => v1::OrganisationState::Active,
            OrganisationState::Inactive { .. } => v1::OrganisationState::Inactive,
            OrganisationState::Blocked { .. } => v1::OrganisationState::Blocked,
        },
        since: organisation.state.since().map(moment),
        second_factor_since: organisation.second_factor.map(moment),
        second_factor_required_by: above.or(own).map(|id| id.to_string()),
        made: moment(organisation.made),
        version: organisation.version,
    }
}

fn parent_text(parent: Parent) -> Option<String> {
    match parent {
        Parent::Root => None,
        Parent::Below(parent) => Some(parent.to_string()),
    }
}
