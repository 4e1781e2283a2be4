//! Challenges that passkeys are to sign, as hashes.

use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;

use crate::convert::{hash, nanos, parse, time};
use crate::entity::challenges::{ActiveModel, Column, Entity, Model};
use crate::error::damaged;
use crate::{DbError, Writing};

const TABLE: &str = "challenges";

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new passkey of this user.
    Registration(UserId),
    /// The second step of the sign-in whose attempt has this hash.
    SecondFactor([u8; 32]),
    /// A sign-in with a passkey alone.
    SignIn,
}

/// A challenge that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// For what.
    pub purpose: Purpose,
    /// When.
    pub made: Timestamp,
}

/// Adds one, in the place of the one that there was for the same.
pub async fn add(writing: &Writing, hash: &[u8; 32], new: &Challenge) -> Result<(), DbError> {
    let (user, attempt) = match new.purpose {
        Purpose::Registration(user) => (Some(user.to_string()), None),
        Purpose::SecondFactor(attempt) => (None, Some(attempt.to_vec())),
        Purpose::SignIn => (None, None),
    };
    let same = match (&user, &attempt) {
        (Some(user), _) => Some(Column::UserId.eq(user.clone())),
        (_, Some(attempt)) => Some(Column::Attempt.eq(attempt.clone())),
        (None, None) => None,
    };
    if let Some(same) = same {
        Entity::delete_many()
            .filter(same)
            .filter(Column::Purpose.eq(name(new.purpose)))
            .exec(&writing.transaction)
            .await?;
    }
    let row = ActiveModel {
        hash: Set(hash.to_vec()),
        purpose: Set(name(new.purpose).to_owned()),
        user_id: Set(user),
        made: Set(nanos(new.made)),
        attempt: Set(attempt),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Takes one away, and returns it: nobody else gets it.
pub async fn take(writing: &Writing, hash: &[u8; 32]) -> Result<Option<Challenge>, DbError> {
    let row = Entity::find_by_id(hash.to_vec())
        .one(&writing.transaction)
        .await?;
    let deleted = Entity::delete_by_id(hash.to_vec())
        .exec(&writing.transaction)
        .await?;
    match row.filter(|_| deleted.rows_affected == 1) {
        Some(row) => read(&row),
        None => Ok(None),
    }
}

/// Reads one. One that a program gave that did not note the attempt is good for nothing.
fn read(row: &Model) -> Result<Option<Challenge>, DbError> {
    let purpose = match (row.purpose.as_str(), &row.user_id, &row.attempt) {
        ("registration", Some(user), _) => Purpose::Registration(parse(TABLE, user)?),
        ("second-factor", _, Some(attempt)) => Purpose::SecondFactor(hash(TABLE, attempt)?),
        ("second-factor", _, None) => return Ok(None),
        ("sign-in", None, None) => Purpose::SignIn,
        (other, _, _) => return Err(damaged(TABLE, format!("the purpose `{other}`"))),
    };
    let made = time(row.made);
    Ok(Some(Challenge { purpose, made }))
}

fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Registration(_) => "registration",
        Purpose::SecondFactor(_) => "second-factor",
        Purpose::SignIn => "sign-in",
    }
}
