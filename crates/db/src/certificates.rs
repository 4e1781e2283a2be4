//! The certificate that an authority gave by ACME, and what it asks for while an order is under way.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait as _, Set};
use strongroom_base::clock::Timestamp;

use crate::convert::{count, hash, nanos, time};
use crate::entity::acme_challenges;
use crate::entity::certificates::{ActiveModel, Column, Entity, Model};
use crate::{DbError, Reading, Writing};

const TABLE: &str = "certificates";

/// The one row.
const NAME: &str = "acme";

/// What is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The certificate; `None` where none was given yet.
    pub certificate: Option<Certificate>,
    /// How often in a row none was given.
    pub failures: u32,
    /// When it is tried again.
    pub next_try: Option<Timestamp>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The directory of the authority.
    pub directory: String,
    /// The names.
    pub domains: Vec<String>,
    /// The certificate, and those above it (PEM).
    pub chain: String,
    /// When it begins.
    pub not_before: Timestamp,
    /// When it ends.
    pub not_after: Timestamp,
}

/// Returns what is stored.
pub async fn find(reading: &Reading) -> Result<Stored, DbError> {
    let row = Entity::find_by_id(NAME.to_owned())
        .one(&reading.transaction)
        .await?;
    row.map_or(Ok(Stored::default()), read)
}

/// Stores it in the place of what was there.
pub async fn store(writing: &Writing, stored: &Stored) -> Result<(), DbError> {
    let certificate = stored.certificate.as_ref();
    let row = ActiveModel {
        name: Set(NAME.to_owned()),
        directory: Set(certificate.map_or_else(String::new, |given| given.directory.clone())),
        domains: Set(certificate.map_or_else(String::new, |given| given.domains.join(" "))),
        chain: Set(certificate.map_or_else(String::new, |given| given.chain.clone())),
        not_before: Set(certificate.map_or(0, |given| nanos(given.not_before))),
        not_after: Set(certificate.map_or(0, |given| nanos(given.not_after))),
        failures: Set(i64::from(stored.failures)),
        next_try: Set(stored.next_try.map(nanos)),
    };
    let replace = OnConflict::column(Column::Name)
        .update_columns([
            Column::Directory,
            Column::Domains,
            Column::Chain,
            Column::NotBefore,
            Column::NotAfter,
            Column::Failures,
            Column::NextTry,
        ])
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&writing.transaction)
        .await?;
    Ok(())
}

/// Notes what the certificate of a name must have while an authority looks at it.
pub async fn set_challenge(
    writing: &Writing,
    domain: &str,
    digest: &[u8; 32],
) -> Result<(), DbError> {
    use acme_challenges::{ActiveModel, Column, Entity};

    let row = ActiveModel {
        domain: Set(domain.to_owned()),
        digest: Set(digest.to_vec()),
    };
    let replace = OnConflict::column(Column::Domain)
        .update_column(Column::Digest)
        .to_owned();
    Entity::insert(row)
        .on_conflict(replace)
        .exec_without_returning(&writing.transaction)
        .await?;
    Ok(())
}

/// Returns what the certificate of a name must have; `None` where no authority looks at it now.
pub async fn challenge(reading: &Reading, domain: &str) -> Result<Option<[u8; 32]>, DbError> {
    let row = acme_challenges::Entity::find_by_id(domain.to_owned())
        .one(&reading.transaction)
        .await?;
    row.map(|row| hash("acme_challenges", &row.digest))
        .transpose()
}

/// Forgets what authorities asked for.
pub async fn end_challenges(writing: &Writing) -> Result<(), DbError> {
    acme_challenges::Entity::delete_many()
        .exec(&writing.transaction)
        .await?;
    Ok(())
}

fn read(row: Model) -> Result<Stored, DbError> {
    let certificate = (!row.chain.is_empty()).then(|| Certificate {
        directory: row.directory,
        domains: row.domains.split(' ').map(str::to_owned).collect(),
        chain: row.chain,
        not_before: time(row.not_before),
        not_after: time(row.not_after),
    });
    Ok(Stored {
        certificate,
        failures: count(TABLE, row.failures)?,
        next_try: row.next_try.map(time),
    })
}
