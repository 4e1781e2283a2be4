//! Moving an organisation, with all below it, to another place.

use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

use super::{DEPTH_MAX, Organisations, Parent, Path, PathError, height};

/// Why an organisation cannot be moved there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// It, or its new parent, is not there, or the stored tree is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The new parent is the organisation itself or below it.
    #[error("organisation {0} cannot be moved below itself")]
    Circle(OrganisationId),
    /// Something would be deeper than organisations may be.
    #[error("this would make {levels} levels of organisations; there may be {DEPTH_MAX}")]
    TooDeep {
        /// How deep the tree would be.
        levels: usize,
    },
    /// It is there already.
    #[error("organisation {0} is there already")]
    Unchanged(OrganisationId),
}

impl Classified for MoveError {
    fn class(&self) -> Class {
        match self {
            Self::Path(source) => source.class(),
            Self::Circle(_) | Self::TooDeep { .. } | Self::Unchanged(_) => Class::Caller,
        }
    }
}

/// A move that keeps the forest a forest.
///
/// Whether the mover may do it says [`crate::access::may_move_organisation`]; that the new parent is active, that no
/// sibling has the same name, and that a sysadmin is left are for the caller to check, with
/// [`crate::account::effective`], the names and [`crate::access::Sysadmins`]. Settings that were inherited
/// are others afterwards: archives may become cold or versions be pruned (administration 2.4), so the
/// difference is shown first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    organisation: OrganisationId,
    from: Parent,
    to: Parent,
}

impl Move {
    /// Returns what is moved.
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Returns where it was.
    pub fn from(&self) -> Parent {
        self.from
    }

    /// Returns where it is to be.
    pub fn to(&self) -> Parent {
        self.to
    }
}

/// Plans the move of an organisation below `to`, or checks why it cannot be.
pub fn plan_move(
    organisations: &dyn Organisations,
    organisation: OrganisationId,
    to: Parent,
) -> Result<Move, MoveError> {
    let path = Path::of(organisations, organisation)?;
    let from = path.parent();
    if from == to {
        return Err(MoveError::Unchanged(organisation));
    }
    let above = match to {
        Parent::Root => 0,
        Parent::Below(parent) => {
            let path = Path::of(organisations, parent)?;
            if path.is_within(organisation) {
                return Err(MoveError::Circle(organisation));
            }
            path.depth()
        }
    };
    let levels =
        above + height(organisations, organisation).ok_or(PathError::TooDeep(organisation))?;
    if levels > DEPTH_MAX {
        return Err(MoveError::TooDeep { levels });
    }
    Ok(Move {
        organisation,
        from,
        to,
    })
}
