//! Groups, and who is in one.

use sea_orm::sea_query::Query;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{GroupId, OrganisationId, UserId};
use strongroom_domain::group::Group;
use strongroom_domain::name::GroupName;

use crate::convert::{nanos, parse, time};
use crate::entity::groups::{ActiveModel, Column, Entity, Model};
use crate::entity::{members, users};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "groups";

/// A group as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The group.
    pub group: Group,
    /// When it was made.
    pub made: Timestamp,
    /// How often it was changed.
    pub version: i64,
}

/// Returns one.
pub async fn find(reading: &Reading, id: GroupId) -> Result<Option<Stored>, DbError> {
    let row = Entity::find_by_id(id.to_string())
        .one(&reading.transaction)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Returns groups of an organisation by name: at most `limit` after the name with the key `after`.
pub async fn list(
    reading: &Reading,
    organisation: OrganisationId,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<Stored>, DbError> {
    let mut query = Entity::find().filter(Column::OrganisationId.eq(organisation.to_string()));
    if let Some(after) = after {
        query = query.filter(Column::NameKey.gt(after));
    }
    let rows = query
        .order_by_asc(Column::NameKey)
        .limit(limit)
        .all(&reading.transaction)
        .await?;
    rows.iter().map(read).collect()
}

/// Tells whether a group of an organisation has this name.
pub async fn is_taken(
    reading: &Reading,
    organisation: OrganisationId,
    name: &GroupName,
) -> Result<bool, DbError> {
    let found = Entity::find()
        .filter(Column::OrganisationId.eq(organisation.to_string()))
        .filter(Column::NameKey.eq(name.key()))
        .one(&reading.transaction)
        .await?;
    Ok(found.is_some())
}

/// Adds one.
pub async fn add(writing: &Writing, new: &Stored) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(new.group.id.to_string()),
        organisation_id: Set(new.group.organisation.to_string()),
        name: Set(new.group.name.as_str().to_owned()),
        name_key: Set(new.group.name.key().to_owned()),
        made: Set(nanos(new.made)),
        version: Set(new.version),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Stores the name of one, and returns it with its new version.
pub async fn store(writing: &Writing, stored: &Stored) -> Result<Stored, DbError> {
    let version = stored.version + 1;
    let row = ActiveModel {
        id: Set(stored.group.id.to_string()),
        name: Set(stored.group.name.as_str().to_owned()),
        name_key: Set(stored.group.name.key().to_owned()),
        version: Set(version),
        ..Default::default()
    };
    row.update(&writing.transaction).await?;
    Ok(Stored {
        version,
        ..stored.clone()
    })
}

/// Removes one, and everybody from it.
pub async fn remove(writing: &Writing, id: GroupId) -> Result<(), DbError> {
    members::Entity::delete_many()
        .filter(members::Column::GroupId.eq(id.to_string()))
        .exec(&writing.transaction)
        .await?;
    Entity::delete_by_id(id.to_string())
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Returns who is in it, by id: at most `limit` after `after`.
pub async fn members(
    reading: &Reading,
    id: GroupId,
    after: Option<UserId>,
    limit: u64,
) -> Result<Vec<UserId>, DbError> {
    let mut query = members::Entity::find().filter(members::Column::GroupId.eq(id.to_string()));
    if let Some(after) = after {
        query = query.filter(members::Column::UserId.gt(after.to_string()));
    }
    let rows = query
        .order_by_asc(members::Column::UserId)
        .limit(limit)
        .all(&reading.transaction)
        .await?;
    rows.iter()
        .map(|row| parse("members", &row.user_id))
        .collect()
}

/// Returns how many are in it.
pub async fn member_count(reading: &Reading, id: GroupId) -> Result<u64, DbError> {
    let query = members::Entity::find().filter(members::Column::GroupId.eq(id.to_string()));
    Ok(query.count(&reading.transaction).await?)
}

/// Returns the groups that a user is in.
pub async fn of_user(reading: &Reading, user: UserId) -> Result<Vec<Stored>, DbError> {
    let rows = members::Entity::find()
        .filter(members::Column::UserId.eq(user.to_string()))
        .all(&reading.transaction)
        .await?;
    let ids = rows.into_iter().map(|row| row.group_id);
    let rows = Entity::find()
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::NameKey)
        .all(&reading.transaction)
        .await?;
    rows.iter().map(read).collect()
}

/// Tells whether a user is in it.
pub async fn is_member(reading: &Reading, id: GroupId, user: UserId) -> Result<bool, DbError> {
    let row = members::Entity::find_by_id((id.to_string(), user.to_string()))
        .one(&reading.transaction)
        .await?;
    Ok(row.is_some())
}

/// Puts a user in it who is not.
pub async fn add_member(writing: &Writing, id: GroupId, user: UserId) -> Result<(), DbError> {
    let row = members::ActiveModel {
        group_id: Set(id.to_string()),
        user_id: Set(user.to_string()),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Takes a user out of it.
pub async fn remove_member(writing: &Writing, id: GroupId, user: UserId) -> Result<(), DbError> {
    members::Entity::delete_by_id((id.to_string(), user.to_string()))
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

/// Takes users of some organisations out of the groups of others; returns how many places that were.
pub async fn leave(
    writing: &Writing,
    groups_of: &[OrganisationId],
    users_in: &[OrganisationId],
) -> Result<u64, DbError> {
    let texts = |ids: &[OrganisationId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let groups = Query::select()
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::OrganisationId.is_in(texts(groups_of)))
        .to_owned();
    let users = Query::select()
        .column(users::Column::Id)
        .from(users::Entity)
        .and_where(users::Column::OrganisationId.is_in(texts(users_in)))
        .to_owned();
    let removed = members::Entity::delete_many()
        .filter(members::Column::GroupId.in_subquery(groups))
        .filter(members::Column::UserId.in_subquery(users))
        .exec(&writing.transaction)
        .await?;
    Ok(removed.rows_affected)
}

fn read(row: &Model) -> Result<Stored, DbError> {
    Ok(Stored {
        group: Group {
            id: parse(TABLE, &row.id)?,
            organisation: parse(TABLE, &row.organisation_id)?,
            name: GroupName::new(&row.name).map_err(|error| damaged(TABLE, error))?,
        },
        made: time(row.made),
        version: row.version,
    })
}
