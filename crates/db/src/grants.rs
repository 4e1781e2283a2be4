//! Grants: who holds which role or add-on, and where.

use sea_orm::sea_query::Query;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_domain::access::Grant;

use crate::convert::{nanos, organisation, place};
use crate::entity::grants::{ActiveModel, Column, Entity, Model};
use crate::entity::users;
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "grants";

/// The roles that reach beyond the own account.
const HIGH: [&str; 3] = ["manager", "admin", "sysadmin"];

/// Returns what a user holds.
pub async fn of(reading: &Reading, user: UserId) -> Result<Vec<Grant>, DbError> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.to_string()))
        .order_by_asc(Column::Name)
        .order_by_asc(Column::Place)
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(|row| read(&row)).collect()
}

/// Returns the roles of managers and above that users in these organisations hold.
pub async fn roles_within(
    reading: &Reading,
    organisations: &[OrganisationId],
) -> Result<Vec<Grant>, DbError> {
    let users = Query::select()
        .column(users::Column::Id)
        .from(users::Entity)
        .and_where(
            users::Column::OrganisationId.is_in(organisations.iter().map(ToString::to_string)),
        )
        .to_owned();
    let rows = Entity::find()
        .filter(Column::Name.is_in(HIGH))
        .filter(Column::UserId.in_subquery(users))
        .all(&reading.transaction)
        .await?;
    rows.into_iter().map(|row| read(&row)).collect()
}

/// Adds one.
pub async fn add(
    writing: &Writing,
    user: UserId,
    grant: Grant,
    now: Timestamp,
) -> Result<(), DbError> {
    let row = ActiveModel {
        user_id: Set(user.to_string()),
        name: Set(grant.name().to_owned()),
        place: Set(place(grant.organisation())),
        made: Set(nanos(now)),
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Takes one away.
pub async fn remove(writing: &Writing, user: UserId, grant: Grant) -> Result<(), DbError> {
    Entity::delete_by_id((
        user.to_string(),
        grant.name().to_owned(),
        place(grant.organisation()),
    ))
    .exec(&writing.transaction)
    .await?;
    Ok(())
}

fn read(row: &Model) -> Result<Grant, DbError> {
    let organisation = organisation(TABLE, &row.place)?;
    Grant::from_parts(&row.name, organisation).map_err(|error| damaged(TABLE, error))
}
