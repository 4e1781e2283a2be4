//! Organisations.

use sea_orm::sea_query::Condition;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;
use strongroom_domain::name::OrganisationName;
use strongroom_domain::organisation::{OrganisationState, Parent};

use crate::convert::{having, nanos, parse, place, time};
use crate::entity::organisations::{ActiveModel, Column, Entity, Model};
use crate::error::damaged;
use crate::{DbError, Reading, Writing, server};

const TABLE: &str = "organisations";

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Which one.
    pub id: OrganisationId,
    /// Where it hangs.
    pub parent: Parent,
    /// What it is called.
    pub name: OrganisationName,
    /// Its own state.
    pub state: OrganisationState,
    /// When it was made.
    pub made: Timestamp,
    /// How often it was changed.
    pub version: i64,
    /// Since when it requires a second factor of everybody in it and below, if it does itself.
    pub second_factor: Option<Timestamp>,
}

/// Which organisations are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only these; without, all.
    pub among: Option<Vec<OrganisationId>>,
    /// Only those right below this one.
    pub below: Option<OrganisationId>,
    /// Only those whose name has this in it, as a key.
    pub search: Option<String>,
    /// Only those after this name and id.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: u64,
}

/// Returns one.
pub async fn find(reading: &Reading, id: OrganisationId) -> Result<Option<Organisation>, DbError> {
    let row = Entity::find_by_id(id.to_string())
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns all.
pub async fn all(reading: &Reading) -> Result<Vec<Organisation>, DbError> {
    let rows = Entity::find().all(&reading.transaction).await?;
    rows.into_iter().map(read).collect()
}

/// Returns those that are wanted, by name.
pub async fn list(reading: &Reading, filter: &Filter) -> Result<Vec<Organisation>, DbError> {
    let mut query = Entity::find();
    if let Some(among) = &filter.among {
        query = query.filter(Column::Id.is_in(among.iter().map(ToString::to_string)));
    }
    if let Some(parent) = filter.below {
        query = query.filter(Column::ParentId.eq(parent.to_string()));
    }
    if let Some(search) = &filter.search {
        query = query.filter(Column::NameKey.like(having(search)));
    }
    if let Some((name, id)) = &filter.after {
        let same = Condition::all()
            .add(Column::NameKey.eq(name))
            .add(Column::Id.gt(id));
        query = query.filter(Condition::any().add(Column::NameKey.gt(name)).add(same));
    }
    let rows = query
        .order_by_asc(Column::NameKey)
        .order_by_asc(Column::Id)
        .limit(filter.limit)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(read).collect()
}

/// Tells whether one right below `parent` has this name.
pub async fn is_taken(
    reading: &Reading,
    parent: Parent,
    name: &OrganisationName,
) -> Result<bool, DbError> {
    let found = Entity::find()
        .filter(Column::Place.eq(place_of(parent)))
        .filter(Column::NameKey.eq(name.key()))
        .one(&reading.transaction)
        .await?;
    Ok(found.is_some())
}

/// Adds one.
pub async fn add(writing: &Writing, new: &Organisation) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(new.id.to_string()),
        made: Set(nanos(new.made)),
        ..changed(new, new.version)
    };
    row.insert(&writing.transaction).await?;
    server::tree_changed(writing).await
}

/// Stores one that was changed, and returns it with its new version.
pub async fn store(
    writing: &Writing,
    organisation: &Organisation,
) -> Result<Organisation, DbError> {
    let version = organisation.version + 1;
    let row = ActiveModel {
        id: Set(organisation.id.to_string()),
        ..changed(organisation, version)
    };
    row.update(&writing.transaction).await?;
    server::tree_changed(writing).await?;
    Ok(Organisation {
        version,
        ..organisation.clone()
    })
}

/// Returns how many there are.
pub async fn count(reading: &Reading) -> Result<u64, DbError> {
    Ok(Entity::find().count(&reading.transaction).await?)
}

fn changed(organisation: &Organisation, version: i64) -> ActiveModel {
    let parent = match organisation.parent {
        Parent::Root => None,
        Parent::Below(parent) => Some(parent.to_string()),
    };
    let state = match organisation.state {
        OrganisationState::Active => "active",
        OrganisationState::Inactive { .. } => "inactive",
        OrganisationState::Blocked { .. } => "blocked",
    };
    ActiveModel {
        parent_id: Set(parent),
        place: Set(place_of(organisation.parent)),
        name: Set(organisation.name.as_str().to_owned()),
        name_key: Set(organisation.name.key().to_owned()),
        state: Set(state.to_owned()),
        state_since: Set(organisation.state.since().map(nanos)),
        version: Set(version),
        second_factor: Set(organisation.second_factor.map(nanos)),
        ..Default::default()
    }
}

fn place_of(parent: Parent) -> String {
    place(match parent {
        Parent::Root => None,
        Parent::Below(parent) => Some(parent),
    })
}

fn read(row: Model) -> Result<Organisation, DbError> {
    let state = match (row.state.as_str(), row.state_since.map(time)) {
        ("active", None) => OrganisationState::Active,
        ("inactive", Some(since)) => OrganisationState::Inactive { since },
        ("blocked", Some(since)) => OrganisationState::Blocked { since },
        (other, _) => return Err(damaged(TABLE, format!("the state `{other}`"))),
    };
    let parent = match row.parent_id {
        None => Parent::Root,
        Some(parent) => Parent::Below(parse(TABLE, &parent)?),
    };
    Ok(Organisation {
        id: parse(TABLE, &row.id)?,
        parent,
        name: OrganisationName::new(&row.name).map_err(|error| damaged(TABLE, error))?,
        state,
        made: time(row.made),
        version: row.version,
        second_factor: row.second_factor.map(time),
    })
}
