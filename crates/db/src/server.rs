//! What the server knows of itself.

use sea_orm::prelude::Expr;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DatabaseBackend,
    EntityTrait as _, ExprTrait, QueryFilter as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_custody::audit::{Head, LogId};
use strongroom_domain::session::ServerEpoch;

use crate::convert::{count, hash, nanos, number, parse, signed};
use crate::entity::server::{ActiveModel, Column, Entity, Model};
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
    row.map(read).transpose()
}

pub(crate) fn read(row: Model) -> Result<Known, DbError> {
    Ok(Known {
        server_id: row.server_id,
        epoch: ServerEpoch(count("server", row.epoch)?),
        tree_version: row.tree_version,
    })
}

/// Sets it up.
pub async fn set_up(
    writing: &Writing,
    server_id: &str,
    log: LogId,
    now: Timestamp,
) -> Result<(), DbError> {
    let head = Head::start(log);
    let row = ActiveModel {
        id: Set(ONE),
        server_id: Set(server_id.to_owned()),
        epoch: Set(1),
        tree_version: Set(0),
        audit_log: Set(log.to_string()),
        audit_seq: Set(0),
        audit_hash: Set(head.hash.to_vec()),
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

/// Begins another epoch after a restore: a later one than that of the backup, and than that of what was replaced.
pub async fn begin_epoch(
    writing: &Writing,
    replaced: Option<&Known>,
) -> Result<ServerEpoch, DbError> {
    let restored = known(writing).await?;
    let before = replaced.map_or(restored.epoch, |replaced| {
        replaced.epoch.max(restored.epoch)
    });
    let tree = replaced.map_or(0, |replaced| replaced.tree_version);
    let epoch = ServerEpoch(before.0.saturating_add(1));
    let row = ActiveModel {
        id: Set(ONE),
        epoch: Set(i64::from(epoch.0)),
        tree_version: Set(Ord::max(tree, restored.tree_version) + 1),
        ..Default::default()
    };
    row.update(&writing.transaction).await?;
    Ok(epoch)
}

/// Returns the head of the audit log.
pub async fn audit_head(reading: &Reading) -> Result<Head, DbError> {
    let row = Entity::find_by_id(ONE).one(&reading.transaction).await?;
    let row = row.ok_or(DbError::NotSetUp)?;
    Ok(Head {
        log: parse("server", &row.audit_log)?,
        sequence: number("server", row.audit_seq)?,
        hash: hash("server", &row.audit_hash)?,
    })
}

/// Moves the head of the audit log on.
pub(crate) async fn set_audit_head(writing: &Writing, head: &Head) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(ONE),
        audit_seq: Set(signed("server", head.sequence)?),
        audit_hash: Set(head.hash.to_vec()),
        ..Default::default()
    };
    row.update(&writing.transaction).await?;
    Ok(())
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
