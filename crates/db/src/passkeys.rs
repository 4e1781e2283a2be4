//! Passkeys of accounts.

use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{PasskeyId, UserId};
use strongroom_domain::name::PersonName;

use crate::convert::{count, nanos, parse, time};
use crate::entity::passkeys::{ActiveModel, Column, Entity, Model};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "passkeys";

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// Which one.
    pub id: PasskeyId,
    /// Whose.
    pub user: UserId,
    /// As its authenticator calls it.
    pub credential_id: Vec<u8>,
    /// What checks its signatures.
    pub public_key: Vec<u8>,
    /// How often its authenticator had signed, if it counts.
    pub counter: u32,
    /// Whether it may be copied to other devices of its user.
    pub may_be_copied: bool,
    /// What its user calls it.
    pub name: PersonName,
    /// When it was made.
    pub made: Timestamp,
    /// When it last signed in.
    pub last_used: Option<Timestamp>,
    /// Since when it signs in after the password only, because that was chosen by a link.
    pub after_password: Option<Timestamp>,
}

/// Returns one.
pub async fn find(reading: &Reading, id: PasskeyId) -> Result<Option<Passkey>, DbError> {
    let row = Entity::find_by_id(id.to_string())
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns the one that an authenticator calls so.
pub async fn find_by_credential(
    reading: &Reading,
    credential_id: &[u8],
) -> Result<Option<Passkey>, DbError> {
    let row = Entity::find()
        .filter(Column::CredentialId.eq(credential_id.to_vec()))
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns those of a user, the oldest first.
pub async fn of_user(reading: &Reading, user: UserId) -> Result<Vec<Passkey>, DbError> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .order_by_asc(Column::Made)
        .order_by_asc(Column::Id)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Counts those of a user.
pub async fn count_of(reading: &Reading, user: UserId) -> Result<u64, DbError> {
    let found = Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .count(&reading.transaction)
        .await?;
    Ok(found)
}

/// Adds one; fails with [`DbError::Taken`] where another one is called so by its authenticator.
pub async fn add(writing: &Writing, new: &Passkey) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(new.id.to_string()),
        user_id: Set(new.user.to_string()),
        credential_id: Set(new.credential_id.clone()),
        public_key: Set(new.public_key.clone()),
        counter: Set(i64::from(new.counter)),
        may_be_copied: Set(i64::from(new.may_be_copied)),
        name: Set(new.name.as_str().to_owned()),
        made: Set(nanos(new.made)),
        last_used: Set(new.last_used.map(nanos)),
        after_password: Set(new.after_password.map(nanos)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Notes that one signed in.
pub async fn used(
    writing: &Writing,
    id: PasskeyId,
    counter: u32,
    now: Timestamp,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Counter, Expr::value(i64::from(counter)))
        .col_expr(Column::LastUsed, Expr::value(nanos(now)))
        .filter(Column::Id.eq(id.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Notes that those of a user sign in after the password only, from now on; returns how many that are.
pub async fn only_after_password(
    writing: &Writing,
    user: UserId,
    now: Timestamp,
) -> Result<u64, DbError> {
    let changed = Entity::update_many()
        .col_expr(Column::AfterPassword, Expr::value(nanos(now)))
        .filter(Column::UserId.eq(user.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(changed.rows_affected)
}

/// Notes that one was shown after the password, and signs in by itself again.
pub async fn shown_after_password(writing: &Writing, id: PasskeyId) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::AfterPassword, Expr::value(None::<i64>))
        .filter(Column::Id.eq(id.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Gives one another name.
pub async fn rename(writing: &Writing, id: PasskeyId, name: &PersonName) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Name, Expr::value(name.as_str()))
        .filter(Column::Id.eq(id.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Removes one.
pub async fn remove(writing: &Writing, id: PasskeyId) -> Result<(), DbError> {
    Entity::delete_by_id(id.to_string())
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Removes all of a user; returns how many that were.
pub async fn remove_all(writing: &Writing, user: UserId) -> Result<u64, DbError> {
    let removed = Entity::delete_many()
        .filter(Column::UserId.eq(user.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(removed.rows_affected)
}

fn read(row: Model) -> Result<Passkey, DbError> {
    Ok(Passkey {
        id: parse(TABLE, &row.id)?,
        user: parse(TABLE, &row.user_id)?,
        credential_id: row.credential_id,
        public_key: row.public_key,
        counter: count(TABLE, row.counter)?,
        may_be_copied: row.may_be_copied != 0,
        name: PersonName::new(&row.name).map_err(|error| damaged(TABLE, error))?,
        made: time(row.made),
        last_used: row.last_used.map(time),
        after_password: row.after_password.map(time),
    })
}
