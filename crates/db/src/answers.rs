//! Answers to creations, so that the same request sent again creates nothing and is answered the same.

use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;

use crate::convert::{hash, nanos, time};
use crate::entity::answers::{ActiveModel, Column, Entity};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "answers";

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The hash of the request.
    pub request_hash: [u8; 32],
    /// The status.
    pub status: u16,
    /// The body, without secrets.
    pub body: String,
    /// When.
    pub made: Timestamp,
}

/// Returns what a user was answered to a request with this key.
pub async fn find(reading: &Reading, user: UserId, key: &str) -> Result<Option<Answer>, DbError> {
    let row = Entity::find_by_id((user.to_string(), key.to_owned()))
        .one(&reading.transaction)
        .await?;
    row.map(|row| {
        Ok(Answer {
            request_hash: hash(TABLE, &row.request_hash)?,
            status: u16::try_from(row.status).map_err(|error| damaged(TABLE, error))?,
            body: row.body,
            made: time(row.made),
        })
    })
    .transpose()
}

/// Adds one.
pub async fn add(
    writing: &Writing,
    user: UserId,
    key: &str,
    answer: &Answer,
) -> Result<(), DbError> {
    let row = ActiveModel {
        user_id: Set(user.to_string()),
        idempotency_key: Set(key.to_owned()),
        request_hash: Set(answer.request_hash.to_vec()),
        status: Set(i64::from(answer.status)),
        body: Set(answer.body.clone()),
        made: Set(nanos(answer.made)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Removes those that are older; returns how many that were.
pub async fn forget(writing: &Writing, before: Timestamp) -> Result<u64, DbError> {
    let removed = Entity::delete_many()
        .filter(Column::Made.lt(nanos(before)))
        .exec(&writing.transaction)
        .await?;
    Ok(removed.rows_affected)
}
