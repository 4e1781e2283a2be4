//! The audit log as rows: entries are added and never changed.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, UserId};

use crate::convert::{nanos, organisation, parse, place, time};
use crate::entity::audit::{ActiveModel, Column, Entity, Model};
use crate::{DbError, Reading, Writing, server};

const TABLE: &str = "audit";

/// What happened: who did what to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What, by a name.
    pub event: String,
    /// What kind of actor: a user by session, token or computer; the system.
    pub actor_kind: String,
    /// Which one.
    pub actor_id: String,
    /// What the actor was called then.
    pub actor_name: String,
    /// From where.
    pub address: String,
    /// What kind of thing it was done to.
    pub subject_kind: String,
    /// Which one.
    pub subject_id: String,
    /// What it was called then.
    pub subject_name: String,
    /// Where the subject was; without one, it is the servers.
    pub organisation: Option<OrganisationId>,
    /// The user it is about.
    pub user: Option<UserId>,
    /// What changed, as JSON.
    pub details: String,
}

/// An entry with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number, from 1 and without gaps.
    pub seq: i64,
    /// The entry.
    pub entry: Entry,
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

/// Adds an entry, and returns its number.
pub async fn add(writing: &Writing, entry: &Entry) -> Result<i64, DbError> {
    let seq = server::next_audit_seq(writing).await?;
    let row = ActiveModel {
        seq: Set(seq),
        at: Set(nanos(entry.at)),
        event: Set(entry.event.clone()),
        actor_kind: Set(entry.actor_kind.clone()),
        actor_id: Set(entry.actor_id.clone()),
        actor_name: Set(entry.actor_name.clone()),
        address: Set(entry.address.clone()),
        subject_kind: Set(entry.subject_kind.clone()),
        subject_id: Set(entry.subject_id.clone()),
        subject_name: Set(entry.subject_name.clone()),
        place: Set(place(entry.organisation)),
        user_id: Set(entry.user.map(|user| user.to_string())),
        details: Set(entry.details.clone()),
    };
    row.insert(&writing.transaction).await?;
    Ok(seq)
}

/// Returns those that are wanted, the newest first.
pub async fn list(reading: &Reading, filter: &Filter) -> Result<Vec<Numbered>, DbError> {
    let texts = |ids: &[OrganisationId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut query = Entity::find().filter(seen(&filter.visible));
    if let Some(within) = &filter.within {
        query = query.filter(Column::Place.is_in(texts(within)));
    }
    if let Some(event) = &filter.event {
        query = query.filter(Column::Event.eq(event));
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
        query = query.filter(Column::At.gte(nanos(since)));
    }
    if let Some(until) = filter.until {
        query = query.filter(Column::At.lt(nanos(until)));
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

fn read(row: Model) -> Result<Numbered, DbError> {
    let user = row.user_id.as_deref();
    let user = user.map(|id| parse(TABLE, id)).transpose()?;
    Ok(Numbered {
        seq: row.seq,
        entry: Entry {
            at: time(row.at),
            organisation: organisation(TABLE, &row.place)?,
            user,
            event: row.event,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            actor_name: row.actor_name,
            address: row.address,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            subject_name: row.subject_name,
            details: row.details,
        },
    })
}
