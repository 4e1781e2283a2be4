//! Authenticator apps, recovery codes, and sign-ins that wait for one of them.

use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;

use crate::convert::{count, nanos, number, parse, signed, time};
use crate::entity::{recovery_codes, second_attempts, totp};
use crate::{DbError, Reading, Writing};

const TABLE: &str = "totp";

/// An authenticator app of an account.
#[derive(Clone, PartialEq, Eq)]
pub struct Authenticator {
    /// The secret, as a value of the key ring.
    pub secret: Vec<u8>,
    /// The step of the last code that was taken.
    pub last_step: Option<u64>,
    /// When a first code showed that the app has the secret.
    pub confirmed: Option<Timestamp>,
    /// When it was made.
    pub made: Timestamp,
}

/// A sign-in whose password was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Whose.
    pub user: UserId,
    /// With which program.
    pub program: String,
    /// How many codes were wrong.
    pub tries: u32,
    /// When it began.
    pub made: Timestamp,
}

/// Returns the app of an account.
pub async fn find(reading: &Reading, user: UserId) -> Result<Option<Authenticator>, DbError> {
    let row = totp::Entity::find_by_id(user.to_string())
        .one(&reading.transaction)
        .await?;
    row.map(|row| {
        let last_step = row.last_step.map(|step| number(TABLE, step));
        Ok(Authenticator {
            secret: row.secret,
            last_step: last_step.transpose()?,
            confirmed: row.confirmed.map(time),
            made: time(row.made),
        })
    })
    .transpose()
}

/// Stores the app of an account in the place of the one before.
pub async fn store(
    writing: &Writing,
    user: UserId,
    authenticator: &Authenticator,
) -> Result<(), DbError> {
    totp::Entity::delete_by_id(user.to_string())
        .exec(&writing.transaction)
        .await?;
    let last_step = authenticator.last_step.map(|step| signed(TABLE, step));
    let row = totp::ActiveModel {
        user_id: Set(user.to_string()),
        secret: Set(authenticator.secret.clone()),
        last_step: Set(last_step.transpose()?),
        confirmed: Set(authenticator.confirmed.map(nanos)),
        made: Set(nanos(authenticator.made)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Removes the app of an account; tells whether there was one.
pub async fn remove(writing: &Writing, user: UserId) -> Result<bool, DbError> {
    let removed = totp::Entity::delete_by_id(user.to_string())
        .exec(&writing.transaction)
        .await?;
    Ok(removed.rows_affected > 0)
}

/// Stores recovery codes in the place of those before.
pub async fn store_codes(
    writing: &Writing,
    user: UserId,
    hashes: &[[u8; 32]],
) -> Result<(), DbError> {
    remove_codes(writing, user).await?;
    for hash in hashes {
        let row = recovery_codes::ActiveModel {
            user_id: Set(user.to_string()),
            hash: Set(hash.to_vec()),
        };
        row.insert(&writing.transaction).await?;
    }
    Ok(())
}

/// Takes a recovery code away; tells whether it was there.
pub async fn take_code(writing: &Writing, user: UserId, hash: &[u8; 32]) -> Result<bool, DbError> {
    let key = (user.to_string(), hash.to_vec());
    let taken = recovery_codes::Entity::delete_by_id(key)
        .exec(&writing.transaction)
        .await?;
    Ok(taken.rows_affected == 1)
}

/// Counts the recovery codes that were not used.
pub async fn count_codes(reading: &Reading, user: UserId) -> Result<u64, DbError> {
    let found = recovery_codes::Entity::find()
        .filter(recovery_codes::Column::UserId.eq(user.to_string()))
        .count(&reading.transaction)
        .await?;
    Ok(found)
}

/// Adds a sign-in that waits.
pub async fn add_waiting(
    writing: &Writing,
    id_hash: &[u8; 32],
    attempt: &Waiting,
) -> Result<(), DbError> {
    let row = second_attempts::ActiveModel {
        id_hash: Set(id_hash.to_vec()),
        user_id: Set(attempt.user.to_string()),
        program: Set(attempt.program.clone()),
        tries: Set(i64::from(attempt.tries)),
        made: Set(nanos(attempt.made)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Returns one.
pub async fn find_waiting(
    reading: &Reading,
    id_hash: &[u8; 32],
) -> Result<Option<Waiting>, DbError> {
    let row = second_attempts::Entity::find_by_id(id_hash.to_vec())
        .one(&reading.transaction)
        .await?;
    row.map(read_waiting).transpose()
}

/// Takes one away, and returns it: nobody else gets it.
pub async fn take_waiting(
    writing: &Writing,
    id_hash: &[u8; 32],
) -> Result<Option<Waiting>, DbError> {
    let found = find_waiting(writing, id_hash).await?;
    let deleted = second_attempts::Entity::delete_by_id(id_hash.to_vec())
        .exec(&writing.transaction)
        .await?;
    Ok(found.filter(|_| deleted.rows_affected == 1))
}

fn read_waiting(row: second_attempts::Model) -> Result<Waiting, DbError> {
    Ok(Waiting {
        user: parse("second_attempts", &row.user_id)?,
        program: row.program,
        tries: count("second_attempts", row.tries)?,
        made: time(row.made),
    })
}

/// Takes all of a user away.
pub async fn remove_waiting(writing: &Writing, user: UserId) -> Result<(), DbError> {
    second_attempts::Entity::delete_many()
        .filter(second_attempts::Column::UserId.eq(user.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Stores the step of the code that was taken.
pub async fn set_step(writing: &Writing, user: UserId, step: u64) -> Result<(), DbError> {
    totp::Entity::update_many()
        .col_expr(totp::Column::LastStep, Expr::value(signed(TABLE, step)?))
        .filter(totp::Column::UserId.eq(user.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Removes the recovery codes of an account; returns how many there were.
pub async fn remove_codes(writing: &Writing, user: UserId) -> Result<u64, DbError> {
    let removed = recovery_codes::Entity::delete_many()
        .filter(recovery_codes::Column::UserId.eq(user.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(removed.rows_affected)
}
