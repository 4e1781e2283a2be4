//! Computers, each with the hash of the secret that is its credential.

use sea_orm::sea_query::{Condition, Query};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, ExprTrait, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{ComputerId, OrganisationId, UserId};
use strongroom_domain::computer::{Computer, Credential, Life};
use strongroom_domain::name::PersonName;
use strongroom_domain::session::ServerEpoch;

use crate::convert::{self, having, nanos, parse, time};
use crate::entity::computers::{ActiveModel, Column, Entity, Model};
use crate::entity::users;
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "computers";

/// A computer as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The computer.
    pub computer: Computer,
    /// What it is called.
    pub name: PersonName,
    /// What runs on it.
    pub operating_system: String,
    /// The version of Strongroom there.
    pub program_version: String,
    /// When it was last heard of.
    pub last_seen: Option<Timestamp>,
    /// What it said then.
    pub report: Report,
    /// What is known of the heads that it presented.
    pub heads: Heads,
    /// When it was added.
    pub made: Timestamp,
    /// How often it was changed.
    pub version: i64,
}

/// What a computer says of itself when it checks in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The policy that it runs.
    pub policy: Option<String>,
    /// The epoch of the server that it knew.
    pub epoch: Option<ServerEpoch>,
    /// What its backups do.
    pub backup_state: Option<String>,
    /// When all that had changed was backed up.
    pub backed_up: Option<Timestamp>,
}

/// What is known of the heads that a computer presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The hash of all that it presented last, with the epoch of the server.
    pub hash: Option<[u8; 32]>,
    /// How many are behind.
    pub behind: u32,
}

/// Which computers are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only those of users in these organisations, and of `or_user`; without, all.
    pub among: Option<Vec<OrganisationId>>,
    /// Those of this user too.
    pub or_user: Option<UserId>,
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of users in one of these.
    pub within: Option<Vec<OrganisationId>>,
    /// Only those whose name has this in it, as a key.
    pub search: Option<String>,
    /// Only those after this name and id.
    pub after: Option<(String, String)>,
    /// At most so many.
    pub limit: u64,
}

/// Returns one.
pub async fn find(reading: &Reading, id: ComputerId) -> Result<Option<Stored>, DbError> {
    let row = Entity::find_by_id(id.to_string())
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns the one whose credential has this hash.
pub async fn find_by_secret(reading: &Reading, hash: &[u8; 32]) -> Result<Option<Stored>, DbError> {
    let row = Entity::find()
        .filter(Column::SecretHash.eq(hash.to_vec()))
        .one(&reading.transaction)
        .await?;
    row.map(read).transpose()
}

/// Returns those that are wanted, by name.
pub async fn list(reading: &Reading, filter: &Filter) -> Result<Vec<Stored>, DbError> {
    let mut query = Entity::find();
    if let Some(among) = &filter.among {
        let mut visible = Column::UserId.in_subquery(users_in(among));
        if let Some(user) = filter.or_user {
            visible = ExprTrait::or(visible, Column::UserId.eq(user.to_string()));
        }
        query = query.filter(visible);
    }
    if let Some(within) = &filter.within {
        query = query.filter(Column::UserId.in_subquery(users_in(within)));
    }
    if let Some(user) = filter.user {
        query = query.filter(Column::UserId.eq(user.to_string()));
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

/// Returns how many there are.
pub async fn count(reading: &Reading) -> Result<u64, DbError> {
    Ok(Entity::find().count(&reading.transaction).await?)
}

/// Adds one.
pub async fn add(writing: &Writing, new: &Stored, secret_hash: &[u8; 32]) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(new.computer.id.to_string()),
        user_id: Set(new.computer.owner.to_string()),
        secret_hash: Set(secret_hash.to_vec()),
        operating_system: Set(new.operating_system.clone()),
        program_version: Set(new.program_version.clone()),
        last_seen: Set(new.last_seen.map(nanos)),
        made: Set(nanos(new.made)),
        ..changed(new, new.version)
    };
    row.insert(&writing.transaction).await?;
    Ok(())
}

/// Stores the name and state of one, and returns it with its new version.
pub async fn store(writing: &Writing, stored: &Stored) -> Result<Stored, DbError> {
    let version = stored.version + 1;
    let row = ActiveModel {
        id: Set(stored.computer.id.to_string()),
        ..changed(stored, version)
    };
    row.update(&writing.transaction).await?;
    Ok(Stored {
        version,
        ..stored.clone()
    })
}

fn users_in(organisations: &[OrganisationId]) -> sea_orm::sea_query::SelectStatement {
    Query::select()
        .column(users::Column::Id)
        .from(users::Entity)
        .and_where(
            users::Column::OrganisationId.is_in(organisations.iter().map(ToString::to_string)),
        )
        .to_owned()
}

fn changed(stored: &Stored, version: i64) -> ActiveModel {
    let (life, life_since) = match stored.computer.life {
        Life::Active => ("active", None),
        Life::Deactivated { since } => ("deactivated", Some(nanos(since))),
    };
    let (credential, credential_since) = match stored.computer.credential {
        Credential::Good => ("good", None),
        Credential::SignedOut => ("signed-out", None),
        Credential::Revoked { since } => ("revoked", Some(nanos(since))),
    };
    ActiveModel {
        name: Set(stored.name.as_str().to_owned()),
        name_key: Set(stored.name.key().to_owned()),
        life: Set(life.to_owned()),
        life_since: Set(life_since),
        credential: Set(credential.to_owned()),
        credential_since: Set(credential_since),
        version: Set(version),
        ..Default::default()
    }
}

pub(crate) fn read(row: Model) -> Result<Stored, DbError> {
    let life = match (row.life.as_str(), row.life_since.map(time)) {
        ("active", None) => Life::Active,
        ("deactivated", Some(since)) => Life::Deactivated { since },
        (other, _) => return Err(damaged(TABLE, format!("the life `{other}`"))),
    };
    let credential = match (row.credential.as_str(), row.credential_since.map(time)) {
        ("good", None) => Credential::Good,
        ("signed-out", None) => Credential::SignedOut,
        ("revoked", Some(since)) => Credential::Revoked { since },
        (other, _) => return Err(damaged(TABLE, format!("the credential `{other}`"))),
    };
    Ok(Stored {
        computer: Computer {
            id: parse(TABLE, &row.id)?,
            owner: parse(TABLE, &row.user_id)?,
            life,
            credential,
        },
        name: PersonName::new(&row.name).map_err(|error| damaged(TABLE, error))?,
        operating_system: row.operating_system,
        program_version: row.program_version,
        last_seen: row.last_seen.map(time),
        report: Report {
            policy: row.policy,
            epoch: row
                .epoch
                .map(|epoch| convert::count(TABLE, epoch).map(ServerEpoch))
                .transpose()?,
            backup_state: row.backup_state,
            backed_up: row.backed_up.map(time),
        },
        heads: Heads {
            hash: row
                .heads_hash
                .map(|hash| convert::hash(TABLE, &hash))
                .transpose()?,
            behind: convert::count(TABLE, row.heads_behind.unwrap_or(0))?,
        },
        made: time(row.made),
        version: row.version,
    })
}
