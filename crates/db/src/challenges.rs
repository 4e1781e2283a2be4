//! Challenges that passkeys are to sign, as hashes.

use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;

use crate::convert::{nanos, parse, time};
use crate::entity::challenges::{ActiveModel, Column, Entity};
use crate::error::damaged;
use crate::{DbError, Writing};

const TABLE: &str = "challenges";

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A new passkey.
    Registration,
    /// The second step of a sign-in.
    SecondFactor,
    /// A sign-in with a passkey alone.
    SignIn,
}

/// A challenge that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// For what.
    pub purpose: Purpose,
    /// For whom, where that is known.
    pub user: Option<UserId>,
    /// When.
    pub made: Timestamp,
}

/// Adds one, in the place of those that the same user had for the same.
pub async fn add(writing: &Writing, hash: &[u8; 32], new: &Challenge) -> Result<(), DbError> {
    if let Some(user) = new.user {
        Entity::delete_many()
            .filter(Column::UserId.eq(user.to_string()))
            .filter(Column::Purpose.eq(name(new.purpose)))
            .exec(&writing.transaction)
            .await?;
    }
    let row = ActiveModel {
        hash: Set(hash.to_vec()),
        purpose: Set(name(new.purpose).to_owned()),
        user_id: Set(new.user.map(|user| user.to_string())),
        made: Set(nanos(new.made)),
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
    row.filter(|_| deleted.rows_affected == 1)
        .map(|row| {
            let purpose = match row.purpose.as_str() {
                "registration" => Purpose::Registration,
                "second-factor" => Purpose::SecondFactor,
                "sign-in" => Purpose::SignIn,
                other => return Err(damaged(TABLE, format!("the purpose `{other}`"))),
            };
            let user = row.user_id.as_deref();
            Ok(Challenge {
                purpose,
                user: user.map(|id| parse(TABLE, id)).transpose()?,
                made: time(row.made),
            })
        })
        .transpose()
}

fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Registration => "registration",
        Purpose::SecondFactor => "second-factor",
        Purpose::SignIn => "sign-in",
    }
}
