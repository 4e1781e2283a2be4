//! The key ring: one object that all nodes read and change in transactions.

use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_custody::ring::Ring;

use crate::convert::signed;
use crate::entity::key_ring::{ActiveModel, Column, Entity};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "key_ring";
const ONE: i64 = 1;

/// Returns the ring; `None` where there never was one.
pub async fn find(reading: &Reading) -> Result<Option<Ring>, DbError> {
    let row = Entity::find_by_id(ONE).one(&reading.transaction).await?;
    row.map(|row| Ring::from_bytes(&row.ring).map_err(|error| damaged(TABLE, error)))
        .transpose()
}

/// Stores the first ring.
pub async fn add(writing: &Writing, ring: &Ring) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(ONE),
        number: Set(signed(TABLE, ring.number())?),
        ring: Set(ring.to_bytes()),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Stores the ring that follows another one; fails where that is not the stored one.
pub async fn replace(writing: &Writing, before: &Ring, next: &Ring) -> Result<(), DbError> {
    let row = ActiveModel {
        number: Set(signed(TABLE, next.number())?),
        ring: Set(next.to_bytes()),
        ..Default::default()
    };
    let replaced = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(ONE))
        .filter(Column::Number.eq(signed(TABLE, before.number())?))
        .exec(&writing.transaction)
        .await?;
    if replaced.rows_affected == 1 {
        Ok(())
    } else {
        Err(damaged(TABLE, "it was changed outside of its lock"))
    }
}
