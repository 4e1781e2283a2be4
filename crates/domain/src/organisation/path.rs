//! The way from a root to an organisation.

use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

use super::{DEPTH_MAX, Organisations, Parent};

/// Why there is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// There is no such organisation.
    #[error("there is no organisation {0}")]
    Unknown(OrganisationId),
    /// The organisations above it are more than there can be, or go round in a circle.
    #[error("the organisations above {0} are too many")]
    TooDeep(OrganisationId),
}

impl Classified for PathError {
    fn class(&self) -> Class {
        match self {
            Self::Unknown(_) => Class::Caller,
            Self::TooDeep(_) => Class::Damage,
        }
    }
}

/// The organisations from a root down to one, both included.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    above: Vec<OrganisationId>,
    own: OrganisationId,
}

impl Path {
    /// Follows the parents of an organisation to its root.
    pub fn of(organisations: &dyn Organisations, own: OrganisationId) -> Result<Self, PathError> {
        let mut above = Vec::new();
        let mut at = own;
        loop {
            match organisations.parent(at).ok_or(PathError::Unknown(at))? {
                Parent::Root => break,
                Parent::Below(parent) => {
                    above.push(parent);
                    at = parent;
                }
            }
            if above.len() >= DEPTH_MAX {
                return Err(PathError::TooDeep(own));
            }
        }
        above.reverse();
        Ok(Self { above, own })
    }

    /// Returns the organisation at its end.
    pub fn own(&self) -> OrganisationId {
        self.own
    }

    /// Returns where the organisation hangs.
    pub fn parent(&self) -> Parent {
        self.above
            .last()
            .map_or(Parent::Root, |p| Parent::Below(*p))
    }

    /// Returns the organisations above, the root first.
    pub fn ancestors(&self) -> &[OrganisationId] {
        &self.above
    }

    /// Returns all of them, the root first.
    pub fn levels(&self) -> impl DoubleEndedIterator<Item = OrganisationId> + '_ {
        self.above.iter().copied().chain([self.own])
    }

    /// Returns how many there are, from 1.
    pub fn depth(&self) -> usize {
        self.above.len() + 1
    }

    /// Tells whether the path ends at an organisation or below it.
    pub fn is_within(&self, top: OrganisationId) -> bool {
        self.own == top || self.is_below(top)
    }

    /// Tells whether the path ends strictly below an organisation.
    pub fn is_below(&self, top: OrganisationId) -> bool {
        self.above.contains(&top)
    }
}
