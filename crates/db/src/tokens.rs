//! API tokens, each with the hash of the secret that proves it.

use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{TokenId, UserId};
use strongroom_domain::access::Action;
use strongroom_domain::session::ServerEpoch;
use strongroom_domain::token::{ApiToken, TokenScope};

use crate::convert::{count, nanos, parse, time};
use crate::entity::tokens::{ActiveModel, Column, Entity, Model};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "tokens";

/// A token as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The token.
    pub token: ApiToken,
    /// What its owner calls it.
    pub name: String,
}

/// Returns one.
pub async fn find(reading: &Reading, id: TokenId) -> Result<Option<Stored>, DbError> {
    let row = Entity::find_by_id(id.to_string())
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns the one whose secret has this hash.
pub async fn find_by_secret(reading: &Reading, hash: &[u8; 32]) -> Result<Option<Stored>, DbError> {
    let row = Entity::find()
        .filter(Column::SecretHash.eq(hash.to_vec()))
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns the tokens of a user that nobody revoked, the newest first.
pub async fn of_user(reading: &Reading, user: UserId) -> Result<Vec<Stored>, DbError> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::Revoked.is_null())
        .order_by_desc(Column::Made)
        .order_by_asc(Column::Id)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Adds one.
pub async fn add(writing: &Writing, new: &Stored, secret_hash: &[u8; 32]) -> Result<(), DbError> {
    let token = &new.token;
    let actions: Vec<&str> = token.scope.actions().map(Action::name).collect();
    let row = ActiveModel {
        id: Set(token.id.to_string()),
        user_id: Set(token.owner.to_string()),
        secret_hash: Set(secret_hash.to_vec()),
        name: Set(new.name.clone()),
        actions: Set(actions.join(" ")),
        organisation_id: Set(token.scope.within().map(|id| id.to_string())),
        made: Set(nanos(token.made)),
        expires: Set(nanos(token.expires)),
        last_used: Set(token.last_used.map(nanos)),
        epoch: Set(i64::from(token.epoch.0)),
        revoked: Set(token.revoked.map(nanos)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Notes that one was used; what is stored grows no younger.
pub async fn touch(writing: &Writing, id: TokenId, used: Timestamp) -> Result<(), DbError> {
    let is_older = Condition::any()
        .add(Column::LastUsed.is_null())
        .add(Column::LastUsed.lt(nanos(used)));
    Entity::update_many()
        .col_expr(Column::LastUsed, Expr::value(nanos(used)))
        .filter(Column::Id.eq(id.to_string()))
        .filter(is_older)
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Revokes one.
pub async fn revoke(writing: &Writing, id: TokenId, now: Timestamp) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Revoked, Expr::value(nanos(now)))
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::Revoked.is_null())
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Revokes all of a user; returns how many that were.
pub async fn revoke_all(writing: &Writing, user: UserId, now: Timestamp) -> Result<u64, DbError> {
    let revoked = Entity::update_many()
        .col_expr(Column::Revoked, Expr::value(nanos(now)))
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::Revoked.is_null())
        .exec(&writing.transaction)
        .await?;
    Ok(revoked.rows_affected)
}

fn read(row: Model) -> Result<Stored, DbError> {
    let actions: Result<Vec<Action>, DbError> = row
        .actions
        .split_whitespace()
        .map(|name| parse(TABLE, name))
        .collect();
    let within = row.organisation_id.as_deref();
    let within = within.map(|id| parse(TABLE, id)).transpose()?;
    let scope = TokenScope::new(actions?, within).map_err(|error| damaged(TABLE, error))?;
    Ok(Stored {
        token: ApiToken {
            id: parse(TABLE, &row.id)?,
            owner: parse(TABLE, &row.user_id)?,
            scope,
            made: time(row.made),
            expires: time(row.expires),
            last_used: row.last_used.map(time),
            epoch: ServerEpoch(count(TABLE, row.epoch)?),
            revoked: row.revoked.map(time),
        },
        name: row.name,
    })
}
