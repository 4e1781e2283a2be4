//! Secrets of other systems that belong to the servers, as values of the key ring.

use sea_orm::{ActiveModelTrait as _, EntityTrait as _, Set};
use strongroom_custody::ring::Place;

use crate::entity::secrets::{ActiveModel, Entity};
use crate::{DbError, Reading, Writing};

/// Returns the place of a secret, to which its value is bound.
pub fn place(name: &str) -> Place {
    Place::new("secrets", "value", name.as_bytes())
}

/// Returns a value.
pub async fn find(reading: &Reading, name: &str) -> Result<Option<Vec<u8>>, DbError> {
    let row = Entity::find_by_id(name.to_owned())
        .one(&reading.transaction)
        .await?;
    Ok(row.map(|row| row.value))
}

/// Stores a value in the place of the one before.
pub async fn store(writing: &Writing, name: &str, value: &[u8]) -> Result<(), DbError> {
    Entity::delete_by_id(name.to_owned())
        .exec(&writing.transaction)
        .await?;
    let row = ActiveModel {
        name: Set(name.to_owned()),
        value: Set(value.to_vec()),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}
