//! What the servers do by themselves: which node does it, and when it was last done.

use std::time::Duration;

use sea_orm::prelude::Expr;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, DatabaseBackend, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_domain::moment::after;
use strongroom_domain::session::SKEW_MAX;

use crate::convert::{nanos, time};
use crate::entity::jobs::{ActiveModel, Column, Entity};
use crate::{DbError, Reading, Writing};

/// When a job was last done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Which.
    pub name: String,
    /// When it last ended.
    pub ended: Option<Timestamp>,
    /// How much it did then.
    pub done: u64,
    /// Why it failed, if it did.
    pub failed: Option<String>,
}

/// Which rows are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Sessions that ended, or began or were used last, before a time.
    Sessions,
    /// Links that were made before a time.
    Links,
    /// Tokens that were revoked, or expired, before a time.
    Tokens,
    /// Answers to creations that were given before a time.
    Answers,
    /// Sign-ins that began before a time.
    Attempts,
    /// Sign-ins that wait for a second factor since before a time.
    SecondAttempts,
    /// Challenges for passkeys that were given before a time.
    Challenges,
    /// Places that nobody signed in from since a time.
    Familiar,
}

impl Over {
    /// The table, and what is said of its rows; `?` is the time.
    fn rows(self) -> (&'static str, &'static str) {
        match self {
            Self::Sessions => ("sessions", "ended < ? OR last_used < ?"),
            Self::Links => ("links", "made < ?"),
            Self::Tokens => ("tokens", "revoked < ? OR expires < ?"),
            Self::Answers => ("answers", "made < ?"),
            Self::Attempts => ("attempts", "made < ?"),
            Self::SecondAttempts => ("second_attempts", "made < ?"),
            Self::Challenges => ("challenges", "made < ?"),
            Self::Familiar => ("familiar", "last < ?"),
        }
    }
}

/// Takes a job for a node, if it is due and no other node does it; `lease` is how long it is that node's.
pub async fn claim(
    writing: &Writing,
    name: &str,
    node: &str,
    (every, lease): (Duration, Duration),
    now: Timestamp,
) -> Result<bool, DbError> {
    let row = ActiveModel {
        name: Set(name.to_owned()),
        node: Set(node.to_owned()),
        done: Set(0),
        ..Default::default()
    };
    Entity::insert(row)
        .on_conflict(OnConflict::column(Column::Name).do_nothing().to_owned())
        .exec_without_returning(&writing.transaction)
        .await?;
    let at = nanos(now);
    let is_free = Condition::any()
        .add(Column::Claimed.is_null())
        .add(Column::Claimed.lte(at))
        // Nobody claims for longer, however far ahead the clock of another node may be: this one was set back.
        .add(Column::Claimed.gt(nanos(after(now, lease + SKEW_MAX))));
    let is_due = Condition::any()
        .add(Column::Ended.is_null())
        .add(Column::Ended.lte(nanos(now) - nanos_of(every)))
        .add(Column::Ended.gt(at));
    let claimed = Entity::update_many()
        .col_expr(Column::Node, Expr::value(node))
        .col_expr(Column::Claimed, Expr::value(nanos(after(now, lease))))
        .col_expr(Column::Began, Expr::value(at))
        .filter(Column::Name.eq(name))
        .filter(is_free)
        .filter(is_due)
        .exec(&writing.transaction)
        .await?;
    Ok(claimed.rows_affected == 1)
}

/// Claims a job for longer that a node has; tells whether it has it still.
pub async fn renew(
    writing: &Writing,
    name: &str,
    node: &str,
    lease: Duration,
    now: Timestamp,
) -> Result<bool, DbError> {
    let renewed = Entity::update_many()
        .col_expr(Column::Claimed, Expr::value(nanos(after(now, lease))))
        .filter(Column::Name.eq(name))
        .filter(Column::Node.eq(node))
        .filter(Column::Claimed.is_not_null())
        .exec(&writing.transaction)
        .await?;
    Ok(renewed.rows_affected == 1)
}

/// Notes the end of a job that a node did.
pub async fn ended(
    writing: &Writing,
    name: &str,
    node: &str,
    outcome: Result<u64, String>,
    now: Timestamp,
) -> Result<(), DbError> {
    let (done, failed) = match outcome {
        Ok(done) => (i64::try_from(done).unwrap_or(i64::MAX), None),
        Err(error) => (0, Some(error)),
    };
    Entity::update_many()
        .col_expr(Column::Claimed, Expr::value(None::<i64>))
        .col_expr(Column::Ended, Expr::value(nanos(now)))
        .col_expr(Column::Done, Expr::value(done))
        .col_expr(Column::Failed, Expr::value(failed))
        .filter(Column::Name.eq(name))
        .filter(Column::Node.eq(node))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Returns when each was last done.
pub async fn all(reading: &Reading) -> Result<Vec<Done>, DbError> {
    let rows = Entity::find()
        .order_by_asc(Column::Name)
        .all(&reading.transaction)
        .await?;
    let done = rows.into_iter().map(|row| Done {
        name: row.name,
        ended: row.ended.map(time),
        done: u64::try_from(row.done).unwrap_or(0),
        failed: row.failed,
    });
    Ok(done.collect())
}

/// Removes rows that were over before a time, at most so many; returns how many that were.
pub async fn remove(
    writing: &Writing,
    over: Over,
    before: Timestamp,
    limit: u64,
) -> Result<u64, DbError> {
    let (table, condition) = over.rows();
    let row = match writing.transaction.get_database_backend() {
        DatabaseBackend::Postgres => "ctid",
        _ => "rowid",
    };
    // Numbers alone are put in.
    let condition = condition.replace('?', &nanos(before).to_string());
    let sql = format!(
        "DELETE FROM {table} WHERE {row} IN (SELECT {row} FROM {table} WHERE {condition} LIMIT {limit})"
    );
    let removed = writing.transaction.execute_unprepared(&sql).await?;
    Ok(removed.rows_affected())
}

fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
