//! How far the audit log was delivered to places besides the database.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{EntityTrait as _, Set};

use crate::convert::{number, signed};
use crate::entity::audit_sinks::{ActiveModel, Column, Entity};
use crate::{DbError, Reading, Writing};

const TABLE: &str = "audit_sinks";

/// Returns the number of the last entry that was delivered to a sink; 0 where there is none.
pub async fn delivered(reading: &Reading, name: &str) -> Result<u64, DbError> {
    let row = Entity::find_by_id(name.to_owned())
        .one(&reading.transaction)
        .await?;
    row.map_or(Ok(0), |row| number(TABLE, row.delivered))
}

/// Notes the last entry that was delivered to a sink; what was noted before is never taken back.
pub async fn set_delivered(writing: &Writing, name: &str, last: u64) -> Result<(), DbError> {
    let row = ActiveModel {
        name: Set(name.to_owned()),
        delivered: Set(signed(TABLE, last)?),
    };
    let replace = OnConflict::column(Column::Name)
        .update_column(Column::Delivered)
        .action_and_where(Expr::col((Entity, Column::Delivered)).lt(signed(TABLE, last)?))
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&writing.transaction)
        .await?;
    Ok(())
}
