//! Heads of archives, as computers presented them.

use sea_orm::prelude::Expr;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, DatabaseBackend, EntityTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use strongroom_base::ids::{ArchiveId, ComputerId, DestinationId, Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_domain::head::{Behind, Head, Remembered};
use strongroom_domain::session::ServerEpoch;

use crate::convert::{count, hash, nanos, number, parse, signed, time};
use crate::entity::computers;
use crate::entity::heads::{ActiveModel, Column, Entity, Model};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "heads";

/// What names a row, and what is stored in it.
const KEY: [Column; 3] = [Column::ComputerId, Column::ArchiveId, Column::DestinationId];
const REST: [Column; 9] = [
    Column::Generation,
    Column::Seq,
    Column::Hash,
    Column::Epoch,
    Column::Since,
    Column::BehindGeneration,
    Column::BehindSeq,
    Column::BehindHash,
    Column::BehindSince,
];

/// An archive of a computer at a destination.
pub type Pair = (ArchiveId, DestinationId);

/// A head that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Of what.
    pub pair: Pair,
    /// What is remembered.
    pub head: Remembered,
}

/// Waits until no other check-in changes the heads of a computer, and keeps them from it to the end.
pub async fn lock(writing: &Writing, computer: ComputerId) -> Result<(), DbError> {
    let transaction = &writing.transaction;
    if transaction.get_database_backend() == DatabaseBackend::Postgres {
        computers::Entity::find_by_id(computer.to_string())
            .select_only()
            .column(computers::Column::Id)
            .lock_exclusive()
            .into_tuple::<String>()
            .one(transaction)
            .await?;
    }
    Ok(())
}

/// Returns those of a computer, by archive and destination.
pub async fn of_computer(
    reading: &Reading,
    computer: ComputerId,
    after: Option<Pair>,
    limit: u64,
) -> Result<Vec<Stored>, DbError> {
    let mut query = Entity::find().filter(Column::ComputerId.eq(computer.to_string()));
    if let Some((archive, destination)) = after {
        let same = Condition::all()
            .add(Column::ArchiveId.eq(archive.to_string()))
            .add(Column::DestinationId.gt(destination.to_string()));
        let later = Column::ArchiveId.gt(archive.to_string());
        query = query.filter(Condition::any().add(later).add(same));
    }
    let rows = query
        .order_by_asc(Column::ArchiveId)
        .order_by_asc(Column::DestinationId)
        .limit(limit)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Stores these of a computer in the place of what is remembered of the same.
pub async fn store(
    writing: &Writing,
    computer: ComputerId,
    heads: &[Stored],
) -> Result<(), DbError> {
    if heads.is_empty() {
        return Ok(());
    }
    let rows: Result<Vec<_>, _> = heads.iter().map(|head| row(computer, head)).collect();
    let replace = OnConflict::columns(KEY).update_columns(REST).to_owned();
    Entity::insert_many(rows?)
        .on_conflict(replace)
        .exec_without_returning(&writing.transaction)
        .await?;
    Ok(())
}

/// Forgets some of a computer.
pub async fn forget(
    writing: &Writing,
    computer: ComputerId,
    pairs: &[Pair],
) -> Result<(), DbError> {
    for (archive, destination) in pairs {
        let key = (
            computer.to_string(),
            archive.to_string(),
            destination.to_string(),
        );
        Entity::delete_by_id(key).exec(&writing.transaction).await?;
    }
    Ok(())
}

/// Notes the hash of what a computer presented, and how many are behind. How often it was changed is another thing.
pub async fn note(
    writing: &Writing,
    computer: ComputerId,
    hash: &[u8; 32],
    behind: u32,
) -> Result<(), DbError> {
    use computers::Column;

    computers::Entity::update_many()
        .col_expr(Column::HeadsHash, Expr::value(hash.to_vec()))
        .col_expr(Column::HeadsBehind, Expr::value(i64::from(behind)))
        .filter(Column::Id.eq(computer.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

fn row(computer: ComputerId, stored: &Stored) -> Result<ActiveModel, DbError> {
    let Stored {
        pair: (archive, destination),
        head,
    } = stored;
    let behind = head.behind.as_ref();
    let behind_seq = behind.map(|behind| signed(TABLE, behind.presented.id.seq.0));
    Ok(ActiveModel {
        computer_id: Set(computer.to_string()),
        archive_id: Set(archive.to_string()),
        destination_id: Set(destination.to_string()),
        generation: Set(i64::from(head.newest.id.generation.0)),
        seq: Set(signed(TABLE, head.newest.id.seq.0)?),
        hash: Set(head.newest.hash.to_vec()),
        epoch: Set(i64::from(head.epoch.0)),
        since: Set(nanos(head.since)),
        behind_generation: Set(behind.map(|behind| i64::from(behind.presented.id.generation.0))),
        behind_seq: Set(behind_seq.transpose()?),
        behind_hash: Set(behind.map(|behind| behind.presented.hash.to_vec())),
        behind_since: Set(behind.map(|behind| nanos(behind.since))),
    })
}

fn read(row: Model) -> Result<Stored, DbError> {
    let behind = match (
        row.behind_generation,
        row.behind_seq,
        row.behind_hash,
        row.behind_since,
    ) {
        (None, None, None, None) => None,
        (Some(generation), Some(seq), Some(hash), Some(since)) => Some(Behind {
            presented: head(generation, seq, &hash)?,
            since: time(since),
        }),
        _ => return Err(damaged(TABLE, "a half of what is behind")),
    };
    Ok(Stored {
        pair: (
            parse(TABLE, &row.archive_id)?,
            parse(TABLE, &row.destination_id)?,
        ),
        head: Remembered {
            newest: head(row.generation, row.seq, &row.hash)?,
            epoch: ServerEpoch(count(TABLE, row.epoch)?),
            since: time(row.since),
            behind,
        },
    })
}

fn head(generation: i64, seq: i64, bytes: &[u8]) -> Result<Head, DbError> {
    Ok(Head {
        id: RecordId {
            generation: Generation(count(TABLE, generation)?),
            seq: Seq(number(TABLE, seq)?),
        },
        hash: hash(TABLE, bytes)?,
    })
}
