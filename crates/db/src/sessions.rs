//! Sessions, each with the hash of the secret that proves it.

use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, SessionId, UserId};
use strongroom_domain::session::{ServerEpoch, Session};

use crate::convert::{count, nanos, parse, time};
use crate::entity::sessions::{ActiveModel, Column, Entity, Model};
use crate::entity::users;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "sessions";

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The session.
    pub session: Session,
    /// From where it began.
    pub address: String,
    /// With which program.
    pub program: String,
}

/// Returns one.
pub async fn find(reading: &Reading, id: SessionId) -> Result<Option<Stored>, DbError> {
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

/// Returns the sessions of a user that nobody ended, the newest first.
pub async fn of_user(reading: &Reading, user: UserId) -> Result<Vec<Stored>, DbError> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::Ended.is_null())
        .order_by_desc(Column::Began)
        .order_by_asc(Column::Id)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Adds one.
pub async fn add(writing: &Writing, new: &Stored, secret_hash: &[u8; 32]) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(new.session.id.to_string()),
        user_id: Set(new.session.user.to_string()),
        secret_hash: Set(secret_hash.to_vec()),
        signed_in: Set(nanos(new.session.signed_in)),
        began: Set(nanos(new.session.began)),
        last_used: Set(nanos(new.session.last_used)),
        epoch: Set(i64::from(new.session.epoch.0)),
        ended: Set(new.session.ended.map(nanos)),
        address: Set(new.address.clone()),
        program: Set(new.program.clone()),
        second_factor: Set(new.session.second_factor.map(nanos)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Notes that one was used; what is stored grows no younger.
pub async fn touch(writing: &Writing, id: SessionId, used: Timestamp) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::LastUsed, Expr::value(nanos(used)))
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::LastUsed.lt(nanos(used)))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Notes that the user of one has shown a second factor.
pub async fn second_factor_shown(
    writing: &Writing,
    id: SessionId,
    now: Timestamp,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::SecondFactor, Expr::value(nanos(now)))
        .filter(Column::Id.eq(id.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Ends those of the users of some organisations that began, or were used last, at a time or before; returns how many that were.
pub async fn end_over(
    writing: &Writing,
    organisations: &[OrganisationId],
    (began, used): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<u64, DbError> {
    let organisations = organisations.iter().map(ToString::to_string);
    let users = users::Entity::find()
        .select_only()
        .column(users::Column::Id)
        .filter(users::Column::OrganisationId.is_in(organisations))
        .into_query();
    let is_over = Condition::any()
        .add(Column::Began.lte(nanos(began)))
        .add(Column::LastUsed.lte(nanos(used)));
    let ended = Entity::update_many()
        .col_expr(Column::Ended, Expr::value(nanos(now)))
        .filter(Column::Ended.is_null())
        .filter(is_over)
        .filter(Column::UserId.in_subquery(users))
        .exec(&writing.transaction)
        .await?;
    Ok(ended.rows_affected)
}

/// Takes from the sessions of a user, but perhaps one, that a second factor was shown: the one that was may be there no more.
pub async fn second_factor_gone(
    writing: &Writing,
    user: UserId,
    but: Option<SessionId>,
) -> Result<(), DbError> {
    let mut query = Entity::update_many()
        .col_expr(Column::SecondFactor, Expr::value(Option::<i64>::None))
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::SecondFactor.is_not_null());
    if let Some(but) = but {
        query = query.filter(Column::Id.ne(but.to_string()));
    }
    query.exec(&writing.transaction).await?;
    Ok(())
}

/// Ends one.
pub async fn end(writing: &Writing, id: SessionId, now: Timestamp) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Ended, Expr::value(nanos(now)))
        .filter(Column::Id.eq(id.to_string()))
        .filter(Column::Ended.is_null())
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Ends all of a user, but perhaps one; returns how many that were.
pub async fn end_all(
    writing: &Writing,
    user: UserId,
    but: Option<SessionId>,
    now: Timestamp,
) -> Result<u64, DbError> {
    let mut query = Entity::update_many()
        .col_expr(Column::Ended, Expr::value(nanos(now)))
        .filter(Column::UserId.eq(user.to_string()))
        .filter(Column::Ended.is_null());
    if let Some(but) = but {
        query = query.filter(Column::Id.ne(but.to_string()));
    }
    Ok(query.exec(&writing.transaction).await?.rows_affected)
}

/// Removes those that were ended, or not used since, before a time; returns how many that were.
pub async fn forget(writing: &Writing, before: Timestamp) -> Result<u64, DbError> {
    let is_over = Condition::any()
        .add(Column::Ended.lt(nanos(before)))
        .add(Column::LastUsed.lt(nanos(before)));
    let removed = Entity::delete_many()
        .filter(is_over)
        .exec(&writing.transaction)
        .await?;
    Ok(removed.rows_affected)
}

fn read(row: Model) -> Result<Stored, DbError> {
    Ok(Stored {
        session: Session {
            id: parse(TABLE, &row.id)?,
            user: parse(TABLE, &row.user_id)?,
            signed_in: time(row.signed_in),
            began: time(row.began),
            last_used: time(row.last_used),
            epoch: ServerEpoch(count(TABLE, row.epoch)?),
            ended: row.ended.map(time),
            second_factor: row.second_factor.map(time),
        },
        address: row.address,
        program: row.program,
    })
}
