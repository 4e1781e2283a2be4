//! Registration keys: one for each organisation, without its secret.

use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, QueryFilter as _, Set};
use strongroom_base::ids::OrganisationId;
use strongroom_domain::registration::RegistrationKey;

use crate::convert::{count, nanos, parse, time};
use crate::entity::registration_keys::{ActiveModel, Column, Entity, Model};
use crate::{DbError, Reading, Writing};

const TABLE: &str = "registration_keys";

/// A key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Whose.
    pub organisation: OrganisationId,
    /// Its life.
    pub key: RegistrationKey,
    /// What lists show of it.
    pub masked: String,
    /// The hash of its secret.
    pub secret_hash: [u8; 32],
    /// How often it was changed.
    pub version: i64,
}

/// Returns the key of an organisation.
pub async fn find(reading: &Reading, of: OrganisationId) -> Result<Option<Stored>, DbError> {
    let row = Entity::find_by_id(of.to_string())
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns the key whose secret has this hash.
pub async fn find_by_secret(reading: &Reading, hash: &[u8; 32]) -> Result<Option<Stored>, DbError> {
    let row = Entity::find()
        .filter(Column::SecretHash.eq(hash.to_vec()))
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Stores the key of an organisation in the place of the one before, and returns it with its new version.
pub async fn store(writing: &Writing, stored: &Stored) -> Result<Stored, DbError> {
    let stored = Stored {
        version: stored.version + 1,
        ..stored.clone()
    };
    let key = stored.key;
    Entity::delete_by_id(stored.organisation.to_string())
        .exec(&writing.transaction)
        .await?;
    let row = ActiveModel {
        organisation_id: Set(stored.organisation.to_string()),
        secret_hash: Set(stored.secret_hash.to_vec()),
        masked: Set(stored.masked.clone()),
        made: Set(nanos(key.made)),
        expires: Set(key.expires.map(nanos)),
        uses_max: Set(key.uses_max.map(i64::from)),
        uses: Set(i64::from(key.uses)),
        last_seen: Set(nanos(key.last_seen)),
        closed: Set(key.closed.map(nanos)),
        version: Set(stored.version),
    };
    row.insert(&writing.transaction).await?;
    Ok(stored)
}

fn read(row: Model) -> Result<Stored, DbError> {
    Ok(Stored {
        organisation: parse(TABLE, &row.organisation_id)?,
        key: RegistrationKey {
            made: time(row.made),
            expires: row.expires.map(time),
            uses_max: row.uses_max.map(|uses| count(TABLE, uses)).transpose()?,
            uses: count(TABLE, row.uses)?,
            last_seen: time(row.last_seen),
            closed: row.closed.map(time),
        },
        masked: row.masked,
        secret_hash: crate::convert::hash(TABLE, &row.secret_hash)?,
        version: row.version,
    })
}
