//! What the server knows of itself.

use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DatabaseBackend,
    EntityTrait as _, ExprTrait, QueryFilter as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_domain::session::ServerEpoch;

use crate::convert::{count, nanos};
use crate::entity::server::{ActiveModel, Column, Entity};
use crate::{DbError, Reading, Writing};

const ONE: i64 = 1;

/// What a server knows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its own name, by chance.
    pub server_id: String,
    /// How often it was restored.
    pub epoch: ServerEpoch,
    /// How often an organisation was changed.
    pub tree_version: i64,
}

/// Reads it; fails where the server was never set up.
pub async fn known(reading: &Reading) -> Result<Known, DbError> {
    find(reading).await?.ok_or(DbError::NotSetUp)
}

/// Reads it; `None` where the server was never set up.
pub async fn find(reading: &Reading) -> Result<Option<Known>, DbError> {
    let row = Entity::find_by_id(ONE).one(&reading.transaction).await?;
    row.map(|row| {
        Ok(Known {
            server_id: row.server_id,
            epoch: ServerEpoch(count("server", row.epoch)?),
            tree_version: row.tree_version,
        })
    })
    .transpose()
}

/// Sets it up.
pub async fn set_up(writing: &Writing, server_id: &str, now: Timestamp) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(ONE),
        server_id: Set(server_id.to_owned()),
        epoch: Set(1),
        tree_version: Set(0),
        audit_seq: Set(0),
        made: Set(nanos(now)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Notes that an organisation was changed.
pub(crate) async fn tree_changed(writing: &Writing) -> Result<(), DbError> {
    let next = ExprTrait::add(Expr::col(Column::TreeVersion), 1);
    Entity::update_many()
        .col_expr(Column::TreeVersion, next)
        .filter(Column::Id.eq(ONE))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Takes the next number of the audit log.
pub(crate) async fn next_audit_seq(writing: &Writing) -> Result<i64, DbError> {
    let next = ExprTrait::add(Expr::col(Column::AuditSeq), 1);
    Entity::update_many()
        .col_expr(Column::AuditSeq, next)
        .filter(Column::Id.eq(ONE))
        .exec(&writing.transaction)
        .await?;
    let row = Entity::find_by_id(ONE).one(&writing.transaction).await?;
    row.map(|row| row.audit_seq).ok_or(DbError::NotSetUp)
}

/// Waits until no other transaction holds the row, and holds it to the end of this one.
pub(crate) async fn lock(reading: &Reading) -> Result<(), DbError> {
    if reading.transaction.get_database_backend() == DatabaseBackend::Postgres {
        let row = Entity::find_by_id(ONE)
            .lock_exclusive()
            .one(&reading.transaction)
            .await?;
        row.ok_or(DbError::NotSetUp)?;
    }
    Ok(())
}
