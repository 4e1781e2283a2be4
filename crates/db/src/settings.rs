//! The own settings of organisations.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_base::ids::OrganisationId;
use strongroom_domain::policy::{Lock, OwnGroups, Row};

use crate::convert::parse;
use crate::entity::settings::{ActiveModel, Column, Entity, Model};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "settings";

/// Returns the own groups of every organisation that has any.
pub async fn all(reading: &Reading) -> Result<BTreeMap<OrganisationId, OwnGroups>, DbError> {
    let rows = Entity::find().all(&reading.transaction).await?;
    let mut of: BTreeMap<OrganisationId, Vec<Row>> = BTreeMap::new();
    for row in rows {
        let organisation = parse(TABLE, &row.organisation_id)?;
        of.entry(organisation).or_default().push(read(row));
    }
    let read = of.into_iter().map(|(organisation, rows)| {
        let own = OwnGroups::from_rows(&rows).map_err(|error| damaged(TABLE, error))?;
        Ok((organisation, own))
    });
    read.collect()
}

/// Stores the own groups of an organisation in the place of those before. It is a change of the tree.
pub async fn store(
    writing: &Writing,
    organisation: OrganisationId,
    own: &OwnGroups,
) -> Result<(), DbError> {
    let id = organisation.to_string();
    Entity::delete_many()
        .filter(Column::OrganisationId.eq(&id))
        .exec(&writing.transaction)
        .await?;
    let rows: Vec<ActiveModel> = own
        .rows()
        .into_iter()
        .map(|row| ActiveModel {
            organisation_id: Set(id.clone()),
            name: Set(row.name),
            value: Set(row.value),
            locked: Set(i64::from(row.lock == Lock::Locked)),
        })
        .collect();
    if !rows.is_empty() {
        Entity::insert_many(rows)
            .exec_without_returning(&writing.transaction)
            .await?;
    }
    crate::server::tree_changed(writing).await
}

fn read(row: Model) -> Row {
    Row {
        name: row.name,
        value: row.value,
        lock: if row.locked == 0 {
            Lock::Open
        } else {
            Lock::Locked
        },
    }
}
