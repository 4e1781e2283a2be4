//! What a database that is replaced by an older one forbade: blocked and suspended accounts, stopped organisations,
//! second factors that were required, revoked computers, registration keys that were closed or used. It stays so.

use sea_orm::prelude::Expr;
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _};
use strongroom_base::clock::Timestamp;

use crate::convert::nanos;
use crate::entity::{computers, organisations, recovery_codes, registration_keys, users};
use crate::{DbError, Reading, Writing};

/// What was forbidden.
#[derive(Default)]
pub struct Restrictions {
    users: Vec<users::Model>,
    organisations: Vec<organisations::Model>,
    requiring: Vec<organisations::Model>,
    computers: Vec<computers::Model>,
    open_keys: Vec<registration_keys::Model>,
}

/// Reads it.
pub async fn read(reading: &Reading) -> Result<Restrictions, DbError> {
    let transaction = &reading.transaction;
    let stopped = Condition::any()
        .add(users::Column::State.ne("active"))
        .add(users::Column::SuspendedSince.is_not_null());
    let revoked = Condition::any()
        .add(computers::Column::Life.ne("active"))
        .add(computers::Column::Credential.ne("good"));
    let keys = registration_keys::Entity::find()
        .filter(registration_keys::Column::Closed.is_null())
        .all(transaction)
        .await?;
    Ok(Restrictions {
        users: users::Entity::find()
            .filter(stopped)
            .all(transaction)
            .await?,
        organisations: organisations::Entity::find()
            .filter(organisations::Column::State.ne("active"))
            .all(transaction)
            .await?,
        requiring: organisations::Entity::find()
            .filter(organisations::Column::SecondFactor.is_not_null())
            .all(transaction)
            .await?,
        computers: computers::Entity::find()
            .filter(revoked)
            .all(transaction)
            .await?,
        open_keys: keys,
    })
}

/// Forbids it in what was restored. Recovery codes are void, and registration keys that were not open to the last are
/// closed: nobody knows which of them were used or replaced since. Of the others, uses since count.
pub async fn carry_over(
    writing: &Writing,
    restrictions: Restrictions,
    now: Timestamp,
) -> Result<(), DbError> {
    let transaction = &writing.transaction;
    for user in restrictions.users {
        users::Entity::update_many()
            .col_expr(users::Column::State, Expr::value(user.state))
            .col_expr(users::Column::StateSince, Expr::value(user.state_since))
            .col_expr(users::Column::StateBy, Expr::value(user.state_by))
            .col_expr(
                users::Column::SuspendedSince,
                Expr::value(user.suspended_since),
            )
            .filter(users::Column::Id.eq(user.id))
            .exec(transaction)
            .await?;
    }
    stop_organisations(writing, restrictions.organisations, restrictions.requiring).await?;
    for computer in restrictions.computers {
        computers::Entity::update_many()
            .col_expr(computers::Column::Life, Expr::value(computer.life))
            .col_expr(
                computers::Column::LifeSince,
                Expr::value(computer.life_since),
            )
            .col_expr(
                computers::Column::Credential,
                Expr::value(computer.credential),
            )
            .col_expr(
                computers::Column::CredentialSince,
                Expr::value(computer.credential_since),
            )
            .filter(computers::Column::Id.eq(computer.id))
            .exec(transaction)
            .await?;
    }
    recovery_codes::Entity::delete_many()
        .exec(transaction)
        .await?;
    for key in &restrictions.open_keys {
        registration_keys::Entity::update_many()
            .col_expr(registration_keys::Column::Uses, Expr::value(key.uses))
            .filter(registration_keys::Column::SecretHash.eq(key.secret_hash.clone()))
            .filter(registration_keys::Column::Uses.lt(key.uses))
            .exec(transaction)
            .await?;
    }
    let mut close = registration_keys::Entity::update_many()
        .col_expr(registration_keys::Column::Closed, Expr::value(nanos(now)))
        .filter(registration_keys::Column::Closed.is_null());
    if !restrictions.open_keys.is_empty() {
        let open = restrictions.open_keys.into_iter();
        let open = open.map(|key| key.secret_hash);
        close = close.filter(registration_keys::Column::SecretHash.is_not_in(open));
    }
    close.exec(transaction).await?;
    Ok(())
}

/// Stops organisations again, and requires second factors again.
async fn stop_organisations(
    writing: &Writing,
    stopped: Vec<organisations::Model>,
    requiring: Vec<organisations::Model>,
) -> Result<(), DbError> {
    let transaction = &writing.transaction;
    for organisation in stopped {
        organisations::Entity::update_many()
            .col_expr(
                organisations::Column::State,
                Expr::value(organisation.state),
            )
            .col_expr(
                organisations::Column::StateSince,
                Expr::value(organisation.state_since),
            )
            .filter(organisations::Column::Id.eq(organisation.id))
            .exec(transaction)
            .await?;
    }
    for organisation in requiring {
        organisations::Entity::update_many()
            .col_expr(
                organisations::Column::SecondFactor,
                Expr::value(organisation.second_factor),
            )
            .filter(organisations::Column::Id.eq(organisation.id))
            .exec(transaction)
            .await?;
    }
    Ok(())
}
