//! All organisations in memory, as this node last read them.
//!
//! The database counts every change of an organisation. A request reads that count in its own transaction, and takes
//! the tree from memory where it is of the same count: so no node decides by a tree that another one changed.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use strongroom_base::ids::OrganisationId;
use strongroom_db::organisations::{self, Organisation};
use strongroom_db::{DbError, Reading, settings};
use strongroom_domain::account::{Account, Origin, Standing, effective};
use strongroom_domain::organisation::{
    Forest, OrganisationState, Organisations, Parent, Path, subtree,
};
use strongroom_domain::policy::{OwnGroups, SecondFactorRule, second_factor_required_by};

/// All organisations.
#[derive(Debug, Default)]
pub struct Tree {
    version: Option<i64>,
    forest: Forest,
    states: BTreeMap<OrganisationId, OrganisationState>,
    /// Those that have groups of settings of their own.
    own: BTreeMap<OrganisationId, OwnGroups>,
    second_factors: BTreeMap<OrganisationId, SecondFactorRule>,
}

/// The tree that was last read.
#[derive(Default)]
pub struct Trees(RwLock<Arc<Tree>>);

impl Trees {
    /// Returns the tree of a version, if it is the one that was read last.
    pub(crate) fn known(&self, version: i64) -> Option<Arc<Tree>> {
        let known = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        Some(known).filter(|known| known.version == Some(version))
    }

    /// Returns the tree of a version. It is called before its transaction changes anything.
    pub(crate) async fn of_version(
        &self,
        reading: &Reading,
        version: i64,
    ) -> Result<Arc<Tree>, DbError> {
        if let Some(known) = self.known(version) {
            return Ok(known);
        }
        let mut tree = Tree::read(reading).await?;
        tree.version = Some(version);
        let tree = Arc::new(tree);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&tree);
        Ok(tree)
    }
}

impl Tree {
    /// Reads it as it is in this transaction.
    pub(crate) async fn read(reading: &Reading) -> Result<Self, DbError> {
        let rows = organisations::all(reading).await?;
        let own = settings::all(reading).await?;
        Self::of(&rows, own)
    }

    fn of(
        rows: &[Organisation],
        own: BTreeMap<OrganisationId, OwnGroups>,
    ) -> Result<Self, DbError> {
        let forest = Forest::from_rows(rows.iter().map(|row| (row.id, row.parent)));
        let forest = forest.map_err(|error| DbError::Damaged {
            table: "organisations",
            what: error.to_string(),
        })?;
        Ok(Self {
            version: None,
            forest,
            states: rows.iter().map(|row| (row.id, row.state)).collect(),
            own,
            second_factors: rows.iter().map(|row| (row.id, rule(row))).collect(),
        })
    }

    /// Returns the organisations as the rules ask for them.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// Returns all ids.
    pub(crate) fn ids(&self) -> impl Iterator<Item = OrganisationId> + '_ {
        self.states.keys().copied()
    }

    /// Returns an organisation and those above it, the root first, with their states; nothing if there is none such.
    pub(crate) fn levels(
        &self,
        organisation: OrganisationId,
    ) -> Vec<(OrganisationId, OrganisationState)> {
        let Ok(path) = Path::of(&self.forest, organisation) else {
            return Vec::new();
        };
        let state = |id| self.states.get(&id).map(|state| (id, *state));
        path.levels().filter_map(state).collect()
    }

    /// Returns the groups of settings that an organisation has of its own.
    pub(crate) fn own(&self, organisation: OrganisationId) -> OwnGroups {
        self.own.get(&organisation).cloned().unwrap_or_default()
    }

    /// Returns the own groups on the way to an organisation, the root's first; one that has none is left out.
    pub(crate) fn own_groups(
        &self,
        organisation: OrganisationId,
    ) -> Vec<(OrganisationId, &OwnGroups)> {
        let path = self.path(organisation);
        let levels = path.iter().flat_map(Path::levels);
        levels
            .filter_map(|level| Some((level, self.own.get(&level)?)))
            .collect()
    }

    /// The same, up to what is right above it.
    pub(crate) fn own_groups_above(
        &self,
        organisation: OrganisationId,
    ) -> Vec<(OrganisationId, &OwnGroups)> {
        let mut above = self.own_groups(organisation);
        above.retain(|(level, _)| *level != organisation);
        above
    }

    /// Returns how an account stands in an organisation.
    pub(crate) fn standing(&self, account: &Account, organisation: OrganisationId) -> Standing {
        effective(account, &self.levels(organisation))
    }

    /// Tells whether an organisation and all above it are active.
    pub(crate) fn is_active(&self, organisation: OrganisationId) -> bool {
        let levels = self.levels(organisation);
        let is_active = |level: &(_, OrganisationState)| level.1 == OrganisationState::Active;
        !levels.is_empty() && levels.iter().all(is_active)
    }

    /// Returns the state that counts for an organisation: the worst on the way to it.
    pub(crate) fn state(&self, organisation: OrganisationId) -> OrganisationState {
        let states = self.levels(organisation).into_iter().map(|level| level.1);
        states
            .max_by_key(|state| match state {
                OrganisationState::Active => 0,
                OrganisationState::Inactive { .. } => 1,
                OrganisationState::Blocked { .. } => 2,
            })
            .unwrap_or(OrganisationState::Active)
    }

    /// Returns which organisation requires a second factor of everybody in this one: the highest that does.
    pub(crate) fn second_factor_required_by(
        &self,
        organisation: OrganisationId,
    ) -> Option<OrganisationId> {
        let path = self.levels(organisation).into_iter().map(|(id, _)| {
            let rule = self.second_factors.get(&id).copied();
            (id, rule.unwrap_or_default())
        });
        second_factor_required_by(path)
    }

    /// Tells whether a second factor is required of an account. A directory has its own.
    pub(crate) fn requires_second_factor(
        &self,
        account: &Account,
        organisation: OrganisationId,
    ) -> bool {
        account.origin == Origin::Internal && self.second_factor_required_by(organisation).is_some()
    }

    /// Returns an organisation and all below it; nothing if there is none such.
    pub(crate) fn within(&self, top: OrganisationId) -> Vec<OrganisationId> {
        subtree(&self.forest, top).unwrap_or_default()
    }

    /// Returns the way to an organisation.
    pub(crate) fn path(&self, organisation: OrganisationId) -> Option<Path> {
        Path::of(&self.forest, organisation).ok()
    }

    /// Returns where an organisation hangs.
    pub(crate) fn parent(&self, organisation: OrganisationId) -> Option<Parent> {
        self.forest.parent(organisation)
    }
}

fn rule(organisation: &Organisation) -> SecondFactorRule {
    match organisation.second_factor {
        Some(_since) => SecondFactorRule::Required,
        None => SecondFactorRule::Inherited,
    }
}
