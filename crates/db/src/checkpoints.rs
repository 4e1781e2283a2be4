//! Signed heads of the audit log.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    Set,
};
use strongroom_custody::audit::Checkpoint;

use crate::convert::signed;
use crate::entity::checkpoints::{ActiveModel, Column, Entity};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "checkpoints";

/// Adds one.
pub async fn add(writing: &Writing, checkpoint: &Checkpoint) -> Result<(), DbError> {
    let row = ActiveModel {
        seq: Set(signed(TABLE, checkpoint.head.sequence)?),
        at: Set(signed(TABLE, checkpoint.time)?),
        value: Set(checkpoint.to_bytes()),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Returns the last one.
pub async fn last(reading: &Reading) -> Result<Option<Checkpoint>, DbError> {
    let row = Entity::find()
        .order_by_desc(Column::Seq)
        .one(&reading.transaction)
        .await?;
    row.map(|row| read(&row.value)).transpose()
}

/// Returns those of the entries from one number to another, in order.
pub async fn between(reading: &Reading, first: u64, last: u64) -> Result<Vec<Checkpoint>, DbError> {
    let rows = Entity::find()
        .filter(Column::Seq.gte(signed(TABLE, first)?))
        .filter(Column::Seq.lte(signed(TABLE, last)?))
        .order_by_asc(Column::Seq)
        .all(&reading.transaction)
        .await?;
    rows.iter().map(|row| read(&row.value)).collect()
}

fn read(bytes: &[u8]) -> Result<Checkpoint, DbError> {
    Checkpoint::from_bytes(bytes).map_err(|error| damaged(TABLE, error))
}
