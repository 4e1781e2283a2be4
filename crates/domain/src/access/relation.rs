//! How a thing lies to where a grant holds.

use strongroom_base::ids::OrganisationId;

use super::grant::Scope;
use crate::organisation::{Organisations, Parent, Path};

/// Where the account or organisation in question lies, seen from the organisation of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// It is the actor's own account, or belongs to it.
    Own,
    /// It is the organisation of the grant, or right in it.
    Organisation,
    /// It is below that organisation, at any depth.
    Child,
    /// It is above that organisation, at any height.
    Parent,
    /// It is below the same parent: that organisation's sibling, or below one.
    Sibling,
    /// It is anywhere else.
    Other,
}

impl Relation {
    /// All relations, from near to far.
    pub const ALL: [Self; 6] = [
        Self::Own,
        Self::Organisation,
        Self::Child,
        Self::Parent,
        Self::Sibling,
        Self::Other,
    ];

    /// Returns how an organisation lies to that of a grant. What cannot be found is elsewhere.
    pub fn of(
        organisations: &dyn Organisations,
        grant: OrganisationId,
        organisation: OrganisationId,
    ) -> Self {
        if grant == organisation {
            return Self::Organisation;
        }
        let Ok(path) = Path::of(organisations, organisation) else {
            return Self::Other;
        };
        if path.is_below(grant) {
            return Self::Child;
        }
        let Ok(from) = Path::of(organisations, grant) else {
            return Self::Other;
        };
        if from.is_below(organisation) {
            return Self::Parent;
        }
        match from.parent() {
            Parent::Below(parent) if path.is_below(parent) => Self::Sibling,
            Parent::Below(_) | Parent::Root => Self::Other,
        }
    }
}

/// Tells whether one scope holds wherever another does.
pub(super) fn contains(organisations: &dyn Organisations, outer: Scope, inner: Scope) -> bool {
    match (outer, inner) {
        (Scope::Everywhere, _) => true,
        (Scope::Subtree(_), Scope::Everywhere) => false,
        (Scope::Subtree(outer), Scope::Subtree(inner)) => {
            Path::of(organisations, inner).is_ok_and(|path| path.is_within(outer))
        }
    }
}
