//! All organisations in memory: what a node of the server reads once and asks often.

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::ids::OrganisationId;
use strongroom_base::{Class, Classified};

use super::{DEPTH_MAX, Move, MoveError, Organisations, Parent, Path, PathError, plan_move};

/// Why rows do not make a forest, or one cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForestError {
    /// There is one with this id.
    #[error("there is an organisation {0} already")]
    Taken(OrganisationId),
    /// Its parent is not there, or it is its own.
    #[error("the organisation above {0} does not exist")]
    NoParent(OrganisationId),
    /// It would be deeper than organisations may be.
    #[error("organisation {0} would be more than {DEPTH_MAX} levels deep")]
    TooDeep(OrganisationId),
}

impl Classified for ForestError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A forest of organisations, none deeper than [`DEPTH_MAX`] and none above itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forest {
    parents: BTreeMap<OrganisationId, Parent>,
    children: BTreeMap<OrganisationId, BTreeSet<OrganisationId>>,
}

impl Forest {
    /// Makes a forest with no organisation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes rows as they were stored, in any order; fails if they are no forest.
    pub fn from_rows(
        rows: impl IntoIterator<Item = (OrganisationId, Parent)>,
    ) -> Result<Self, PathError> {
        let mut forest = Self::default();
        for (organisation, parent) in rows {
            forest.hang(organisation, parent);
        }
        for organisation in forest.parents.keys() {
            Path::of(&forest, *organisation)?;
        }
        Ok(forest)
    }

    /// Adds an organisation without any below it.
    pub fn add(&mut self, new: OrganisationId, parent: Parent) -> Result<(), ForestError> {
        if self.parents.contains_key(&new) {
            return Err(ForestError::Taken(new));
        }
        if let Parent::Below(above) = parent {
            let path = Path::of(self, above).map_err(|_missing| ForestError::NoParent(new))?;
            if path.depth() >= DEPTH_MAX {
                return Err(ForestError::TooDeep(new));
            }
        }
        self.hang(new, parent);
        Ok(())
    }

    /// Carries out a move; plans it anew first, because this forest may be another by now.
    pub fn carry_out(&mut self, planned: &Move) -> Result<(), MoveError> {
        let planned = plan_move(self, planned.organisation(), planned.to())?;
        if let Some(Parent::Below(old)) = self.parents.get(&planned.organisation()).copied()
            && let Some(siblings) = self.children.get_mut(&old)
        {
            siblings.remove(&planned.organisation());
        }
        self.hang(planned.organisation(), planned.to());
        Ok(())
    }

    /// Returns how many organisations there are.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }

    fn hang(&mut self, organisation: OrganisationId, parent: Parent) {
        self.parents.insert(organisation, parent);
        if let Parent::Below(above) = parent {
            self.children.entry(above).or_default().insert(organisation);
        }
    }
}

impl Organisations for Forest {
    fn parent(&self, organisation: OrganisationId) -> Option<Parent> {
        self.parents.get(&organisation).copied()
    }

    fn children(&self, organisation: OrganisationId) -> Vec<OrganisationId> {
        let children = self.children.get(&organisation);
        children.map_or_else(Vec::new, |found| found.iter().copied().collect())
    }
}
