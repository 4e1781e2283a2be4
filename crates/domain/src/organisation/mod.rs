//! Organisations: a forest whose trees are at most [`DEPTH_MAX`] deep (administration 2.1, 2.6).
//!
//! An organisation has users, settings and one registration key. A user belongs to exactly one. Most
//! servers have one tree; the levels above its root are the server's own ([`crate::policy::Level`]).

mod forest;
mod moves;
mod path;
mod state;

pub use forest::{Forest, ForestError};
pub use moves::{Move, MoveError, plan_move};
pub use path::{Path, PathError};
pub use state::{Organisation, OrganisationChange, OrganisationRefusal, OrganisationState};

use strongroom_base::ids::OrganisationId;

/// Most organisations on the way from a root to any organisation, both counted.
pub const DEPTH_MAX: usize = 8;

/// Where an organisation hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Parent {
    /// It is the root of a tree.
    Root,
    /// It is right below this one.
    Below(OrganisationId),
}

/// What the rules ask about the organisations there are.
pub trait Organisations {
    /// Returns where an organisation hangs; `None` if there is no such organisation.
    fn parent(&self, organisation: OrganisationId) -> Option<Parent>;

    /// Returns the organisations right below one, in any order.
    fn children(&self, organisation: OrganisationId) -> Vec<OrganisationId>;
}

/// Returns an organisation and all below it, each after its parent; `None` if there is none such or the
/// tree is deeper than it can be.
pub fn subtree(
    organisations: &dyn Organisations,
    top: OrganisationId,
) -> Option<Vec<OrganisationId>> {
    organisations.parent(top)?;
    let mut found = vec![top];
    let mut level = 0..1;
    let mut depth = 1;
    while !level.is_empty() {
        if depth > DEPTH_MAX {
            return None;
        }
        let below: Vec<_> = found
            .get(level.clone())?
            .iter()
            .flat_map(|organisation| organisations.children(*organisation))
            .collect();
        level = found.len()..found.len() + below.len();
        found.extend(below);
        depth += 1;
    }
    Some(found)
}

/// Returns how many levels an organisation and what is below it have: 1 if nothing is below it; `None`
/// as for [`subtree`].
pub fn height(organisations: &dyn Organisations, top: OrganisationId) -> Option<usize> {
    organisations.parent(top)?;
    let mut level = vec![top];
    let mut height = 0;
    while !level.is_empty() {
        height += 1;
        if height > DEPTH_MAX {
            return None;
        }
        level = level
            .iter()
            .flat_map(|organisation| organisations.children(*organisation))
            .collect();
    }
    Some(height)
}
