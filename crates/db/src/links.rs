//! One-time links, each with the hash of the secret in it.

use sea_orm::prelude::Expr;
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{LinkId, UserId};
use strongroom_domain::link::{Link, Purpose};
use strongroom_domain::session::ServerEpoch;

use crate::convert::{count, nanos, parse, time};
use crate::entity::links::{ActiveModel, Column, Entity, Model};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "links";

/// Returns the one whose secret has this hash.
pub async fn find_by_secret(reading: &Reading, hash: &[u8; 32]) -> Result<Option<Link>, DbError> {
    let row = Entity::find()
        .filter(Column::SecretHash.eq(hash.to_vec()))
        .one(&reading.transaction)
        .await?;
    row.map(|row| read(&row)).transpose()
}

/// Adds one.
pub async fn add(writing: &Writing, new: &Link, secret_hash: &[u8; 32]) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(new.id.to_string()),
        user_id: Set(new.user.to_string()),
        secret_hash: Set(secret_hash.to_vec()),
        purpose: Set(name(new.purpose).to_owned()),
        made: Set(nanos(new.made)),
        used: Set(new.used.map(nanos)),
        voided: Set(new.voided.map(nanos)),
        epoch: Set(i64::from(new.epoch.0)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Notes that one was used.
pub async fn used(writing: &Writing, id: LinkId, now: Timestamp) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Used, Expr::value(nanos(now)))
        .filter(Column::Id.eq(id.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Voids every one of a user that was not used.
pub async fn void_all(writing: &Writing, user: UserId, now: Timestamp) -> Result<u64, DbError> {
    let voided = Entity::update_many()
        .col_expr(Column::Voided, Expr::value(nanos(now)))
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::Used.is_null())
        .filter(Column::Voided.is_null())
        .exec(&writing.transaction)
        .await?;
    Ok(voided.rows_affected)
}

/// Returns the name that is stored and sent for what a link is for.
pub fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SetUp => "set-up",
        Purpose::Invitation => "invitation",
        Purpose::Reset => "reset",
    }
}

fn read(row: &Model) -> Result<Link, DbError> {
    let purpose = match row.purpose.as_str() {
        "set-up" => Purpose::SetUp,
        "invitation" => Purpose::Invitation,
        "reset" => Purpose::Reset,
        other => return Err(damaged(TABLE, format!("the purpose `{other}`"))),
    };
    Ok(Link {
        id: parse(TABLE, &row.id)?,
        user: parse(TABLE, &row.user_id)?,
        purpose,
        made: time(row.made),
        used: row.used.map(time),
        voided: row.voided.map(time),
        epoch: ServerEpoch(count(TABLE, row.epoch)?),
    })
}
