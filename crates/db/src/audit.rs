//! The audit log as rows: entries are added and never changed.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_custody::audit::{Actor, ActorKind, Entry, Event, Outcome, Record, Subject};

use crate::convert::{hash, milliseconds, number, organisation, parse, place, signed};
use crate::entity::audit::{ActiveModel, Column, Entity as Rows, Model};
use crate::error::damaged;
use crate::{DbError, Reading, Writing, server};

const TABLE: &str = "audit";

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The entry, and the hash of the chain up to it.
    pub record: Record,
    /// The user it is about.
    pub user: Option<UserId>,
}

/// What somebody sees of the log.
#[derive(Clone, Debug, Default)]
pub struct Visible {
    /// Everything of these organisations; `None` for all there are.
    pub organisations: Option<Vec<OrganisationId>>,
    /// What is of the servers and no organisation.
    pub servers: bool,
    /// What is about this user, or was done by them.
    pub user: Option<UserId>,
}

/// Which entries are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only what is seen.
    pub visible: Visible,
    /// Only those of these organisations.
    pub within: Option<Vec<OrganisationId>>,
    /// Only these events.
    pub event: Option<String>,
    /// Only those done by this actor.
    pub actor: Option<String>,
    /// Only those about this user.
    pub user: Option<UserId>,
    /// Only those done to this.
    pub subject: Option<String>,
    /// Only those before this number.
    pub before: Option<i64>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// At most so many.
    pub limit: u64,
}

/// Appends an entry to the log. It is called under the lock of the log.
pub async fn append(
    writing: &Writing,
    event: &Event,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<(), DbError> {
    let head = server::audit_head(writing).await?;
    let (record, head) = head.append(event, now);
    let entry = record.entry;
    let event = entry.event;
    let (kind, id, name) = match event.subject {
        Some(subject) => (Some(subject.kind), subject.id, subject.name),
        None => (None, String::new(), String::new()),
    };
    let row = ActiveModel {
        seq: Set(signed(TABLE, entry.sequence)?),
        at: Set(signed(TABLE, entry.time)?),
        action: Set(event.action),
        outcome: Set(event.outcome.word().to_owned()),
        actor_kind: Set(event.actor.kind.word().to_owned()),
        actor_id: Set(event.actor.id),
        actor_name: Set(event.actor.name),
        address: Set(event.address),
        reason: Set(event.reason),
        subject_kind: Set(kind),
        subject_id: Set(id),
        subject_name: Set(name),
        place: Set(place(event.organisation)),
        user_id: Set(user.map(|user| user.to_string())),
        details: Set(serde_json::to_string(&event.details).map_err(|e| damaged(TABLE, e))?),
        hash: Set(record.hash.to_vec()),
    };
    row.insert(&writing.transaction).await?;
    server::set_audit_head(writing, &head).await
}

/// Returns entries from a number on, the oldest first, whoever may see them.
pub async fn from(reading: &Reading, first: u64, limit: u64) -> Result<Vec<Stored>, DbError> {
    let rows = Rows::find()
        .filter(Column::Seq.gte(signed(TABLE, first)?))
        .order_by_asc(Column::Seq)
        .limit(limit)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Returns those that are wanted, the newest first.
pub async fn list(reading: &Reading, filter: &Filter) -> Result<Vec<Stored>, DbError> {
    let texts = |ids: &[OrganisationId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut query = Rows::find().filter(seen(&filter.visible));
    if let Some(within) = &filter.within {
        query = query.filter(Column::Place.is_in(texts(within)));
    }
    if let Some(event) = &filter.event {
        query = query.filter(Column::Action.eq(event));
    }
    if let Some(actor) = &filter.actor {
        query = query.filter(Column::ActorId.eq(actor));
    }
    if let Some(user) = filter.user {
        query = query.filter(Column::UserId.eq(user.to_string()));
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(Column::SubjectId.eq(subject));
    }
    if let Some(before) = filter.before {
        query = query.filter(Column::Seq.lt(before));
    }
    if let Some(since) = filter.since {
        query = query.filter(Column::At.gte(milliseconds(since)));
    }
    if let Some(until) = filter.until {
        query = query.filter(Column::At.lt(milliseconds(until)));
    }
    let rows = query
        .order_by_desc(Column::Seq)
        .limit(filter.limit)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

fn seen(visible: &Visible) -> Condition {
    let mut seen = Condition::any();
    seen = match &visible.organisations {
        None => seen.add(Column::Place.ne(place(None))),
        Some(among) => seen.add(Column::Place.is_in(among.iter().map(ToString::to_string))),
    };
    if visible.servers {
        seen = seen.add(Column::Place.eq(place(None)));
    }
    if let Some(user) = visible.user {
        seen = seen
            .add(Column::UserId.eq(user.to_string()))
            .add(Column::ActorId.eq(user.to_string()));
    }
    seen
}

fn read(row: Model) -> Result<Stored, DbError> {
    let wrong = |what: &str| damaged(TABLE, format!("the {what} of entry {}", row.seq));
    let user = row.user_id.as_deref();
    let user = user.map(|id| parse(TABLE, id)).transpose()?;
    let event = Event {
        actor: Actor {
            kind: ActorKind::from_word(&row.actor_kind).ok_or_else(|| wrong("actor"))?,
            id: row.actor_id,
            name: row.actor_name,
        },
        action: row.action,
        outcome: Outcome::from_word(&row.outcome).ok_or_else(|| wrong("outcome"))?,
        organisation: organisation(TABLE, &row.place)?,
        subject: row.subject_kind.map(|kind| Subject {
            kind,
            id: row.subject_id,
            name: row.subject_name,
        }),
        address: row.address,
        reason: row.reason,
        details: serde_json::from_str(&row.details).map_err(|error| damaged(TABLE, error))?,
    };
    let record = Record {
        entry: Entry {
            sequence: number(TABLE, row.seq)?,
            time: number(TABLE, row.at)?,
            event,
        },
        hash: hash(TABLE, &row.hash)?,
    };
    Ok(Stored { record, user })
}
