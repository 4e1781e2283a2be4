//! What is sealed under the master key, which no change of the key ring reaches.

use sea_orm::{ActiveModelTrait as _, EntityTrait as _, PaginatorTrait as _, Set};
use strongroom_custody::ring::Place;

use crate::entity::under_master::{ActiveModel, Entity};
use crate::{DbError, Reading, Writing};

/// Returns the place of a value, to which it is bound.
pub fn place(name: &str) -> Place {
    Place::new("under_master", "value", name.as_bytes())
}

/// Returns a value.
pub async fn find(reading: &Reading, name: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = Entity::find_by_id(name.to_owned())
        .one(&reading.transaction)
        .await?;
    Ok(row.map(|row| row.value))
}

/// Adds one. It is never changed.
pub async fn add(writing: &Writing, name: &str, value: &[u8]) -> Result<(), DbError> {
    let row = ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value.to_vec()),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Tells whether there is none yet.
pub async fn is_empty(reading: &Reading) -> Result<bool, DbError> {
    Ok(Entity::find().count(&reading.transaction).await? == 0)
}
