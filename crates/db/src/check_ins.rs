//! Check-ins of computers, which are many and cheap: one statement that reads, one that writes, and no transaction.
//!
//! Nothing is decided by what was read: whoever is let in learns what every computer may, and what is noted is what that
//! computer said last.

use sea_orm::prelude::Expr;
use sea_orm::sea_query::{Alias, Query, SelectStatement};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait, ExprTrait as _, FromQueryResult as _,
    Iden as _, Iterable, JoinType, QueryFilter as _,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::ComputerId;

use crate::computers::{Report, Stored};
use crate::convert::nanos;
use crate::entity::{computers, server, users};
use crate::server::Known;
use crate::users::User;
use crate::{Database, DbError};

/// What columns of each table are called in the statement.
const COMPUTER: &str = "computer_";
const OWNER: &str = "owner_";
const SERVER: &str = "server_";

/// The computer that asks, whose it is, and what the server knows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// The computer.
    pub stored: Stored,
    /// Its user.
    pub owner: User,
    /// What the server knows of itself.
    pub known: Known,
}

/// Returns the computer whose credential has this hash.
pub async fn find(database: &Database, hash: &[u8; 32]) -> Result<Option<Asking>, DbError> {
    let mut query = Query::select();
    select::<computers::Entity>(&mut query, COMPUTER);
    select::<users::Entity>(&mut query, OWNER);
    select::<server::Entity>(&mut query, SERVER);
    let owner = Expr::col((users::Entity, users::Column::Id))
        .equals((computers::Entity, computers::Column::UserId));
    let known = Expr::col((server::Entity, server::Column::Id)).eq(1);
    query
        .from(computers::Entity)
        .join(JoinType::InnerJoin, users::Entity, owner)
        .join(JoinType::InnerJoin, server::Entity, known)
        .and_where(computers::Column::SecretHash.eq(hash.to_vec()));
    let Some(row) = database.reader.query_one(&query).await? else {
        return Ok(None);
    };
    let owner = users::Model::from_query_result(&row, OWNER)?;
    Ok(Some(Asking {
        stored: crate::computers::read(computers::Model::from_query_result(&row, COMPUTER)?)?,
        owner: crate::users::read(&owner)?,
        known: crate::server::read(server::Model::from_query_result(&row, SERVER)?)?,
    }))
}

/// Notes that a computer was heard of, and what it said. How often it was changed is not how often it was heard of.
pub async fn note(
    database: &Database,
    id: ComputerId,
    program_version: &str,
    report: &Report,
    now: Timestamp,
) -> Result<(), DbError> {
    use computers::Column;

    let epoch = report.epoch.map(|epoch| i64::from(epoch.0));
    computers::Entity::update_many()
        .col_expr(Column::LastSeen, Expr::value(nanos(now)))
        .col_expr(Column::ProgramVersion, Expr::value(program_version))
        .col_expr(Column::Policy, Expr::value(report.policy.clone()))
        .col_expr(Column::Epoch, Expr::value(epoch))
        .col_expr(
            Column::BackupState,
            Expr::value(report.backup_state.clone()),
        )
        .col_expr(Column::BackedUp, Expr::value(report.backed_up.map(nanos)))
        .filter(Column::Id.eq(id.to_string()))
        .exec(&database.writer)
        .await?;
    Ok(())
}

/// Selects all columns of a table, with something before their names.
fn select<E: EntityTrait>(query: &mut SelectStatement, prefix: &str) {
    for column in E::Column::iter() {
        let name = format!("{prefix}{}", column.unquoted());
        query.expr_as(Expr::col((E::default(), column)), Alias::new(name));
    }
}
