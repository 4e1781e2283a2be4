//! Sign-ins and new passwords under way.

use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;

use crate::convert::{nanos, parse, time};
use crate::entity::attempts::{ActiveModel, Column, Entity};
use crate::{DbError, Reading, Writing};

/// One that is under way.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The account, where there is one with the name that was typed.
    pub user: Option<UserId>,
    /// What the server must remember of it.
    pub state: Vec<u8>,
    /// When it began.
    pub made: Timestamp,
}

/// Adds one.
pub async fn add(writing: &Writing, id_hash: &[u8; 32], attempt: &Attempt) -> Result<(), DbError> {
    let row = ActiveModel {
        id_hash: Set(id_hash.to_vec()),
        user_id: Set(attempt.user.map(|user| user.to_string())),
        state: Set(attempt.state.clone()),
        made: Set(nanos(attempt.made)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Takes one away, and returns it: nobody else gets it.
pub async fn take(writing: &Writing, id_hash: &[u8; 32]) -> Result<Option<Attempt>, DbError> {
    let found = find(writing, id_hash).await?;
    let deleted = Entity::delete_by_id(id_hash.to_vec())
        .exec(&writing.transaction)
        .await?;
    Ok(found.filter(|_| deleted.rows_affected == 1))
}

/// Takes all of a user away.
pub async fn remove_all(writing: &Writing, user: UserId) -> Result<(), DbError> {
    Entity::delete_many()
        .filter(Column::UserId.eq(user.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Removes those that began before a time; returns how many that were.
pub async fn forget(writing: &Writing, before: Timestamp) -> Result<u64, DbError> {
    let removed = Entity::delete_many()
        .filter(Column::Made.lt(nanos(before)))
        .exec(&writing.transaction)
        .await?;
    Ok(removed.rows_affected)
}

async fn find(reading: &Reading, id_hash: &[u8; 32]) -> Result<Option<Attempt>, DbError> {
    let row = Entity::find_by_id(id_hash.to_vec())
        .one(&reading.transaction)
        .await?;
    row.map(|row| {
        let user = row.user_id.as_deref();
        Ok(Attempt {
            user: user.map(|id| parse("attempts", id)).transpose()?,
            state: row.state,
            made: time(row.made),
        })
    })
    .transpose()
}
