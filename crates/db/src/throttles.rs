//! How often somebody failed: buckets of networks, failures of accounts, and the places from which accounts were signed
//! in to. Only what somebody would still wait for is kept.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait as _, DatabaseBackend,
    EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Set,
};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::UserId;
use strongroom_domain::moment::after;
use strongroom_domain::throttle::{Bucket, Failures, Familiar, History, Network, WAIT_MAX};

use crate::convert::{nanos, time};
use crate::entity::{familiar, throttles};
use crate::error::damaged;
use crate::{DbError, Reading, Writing};

const TABLE: &str = "throttles";
const EVERYWHERE: &str = "everywhere";

/// Most rows of networks.
pub const NETWORKS_MAX: u64 = 100_000;

/// Whose failures in a row are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Nobody's: no account is named.
    Nobody,
    /// Those of an account, from places that are not familiar.
    Account(UserId),
    /// Those of an account, from a familiar place.
    Familiar(UserId),
    /// Those of names that nobody has, by a number that stands for many.
    Unknown(u16),
}

/// What is counted at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// From where.
    pub network: Network,
    /// Whose.
    pub whose: Whose,
}

impl Counted {
    fn network(self) -> String {
        format!("n:{}", self.network.net())
    }

    fn record(self) -> String {
        format!("r:{}", self.network.net())
    }

    fn block(self) -> String {
        format!("b:{}", self.network.block().net())
    }

    fn account(self) -> Option<String> {
        match self.whose {
            Whose::Nobody => None,
            Whose::Account(user) => Some(format!("a:{user}")),
            Whose::Familiar(user) => Some(format!("f:{user}:{}", self.network.net())),
            Whose::Unknown(slot) => Some(format!("u:{slot}")),
        }
    }
}

/// Waits until nobody else counts, and holds that to the end of the transaction.
pub async fn lock(writing: &Writing) -> Result<(), DbError> {
    if writing.transaction.get_database_backend() == DatabaseBackend::Postgres {
        throttles::Entity::find_by_id(EVERYWHERE)
            .lock_exclusive()
            .one(&writing.transaction)
            .await?;
    }
    Ok(())
}

/// Returns what is known.
pub async fn history(reading: &Reading, counted: Counted) -> Result<History, DbError> {
    let mut ids = vec![
        counted.network(),
        counted.record(),
        counted.block(),
        EVERYWHERE.to_owned(),
    ];
    ids.extend(counted.account());
    let rows = throttles::Entity::find()
        .filter(throttles::Column::Id.is_in(ids))
        .all(&reading.transaction)
        .await?;
    let row = |id: &str| rows.iter().find(|row| row.id == id);
    let bucket =
        |id: &str| row(id).map_or_else(Bucket::default, |row| Bucket::empty_at(time(row.at)));
    let account = counted.account();
    let account = account.and_then(|id| row(&id)).map(|row| {
        let count = u16::try_from(row.count).map_err(|error| damaged(TABLE, error))?;
        let last = time(row.at);
        Ok::<_, DbError>(Failures { count, last })
    });
    Ok(History {
        network: bucket(&counted.network()),
        record: bucket(&counted.record()),
        block: bucket(&counted.block()),
        everywhere: bucket(EVERYWHERE),
        account: account.transpose()?.unwrap_or_default(),
    })
}

/// Stores what is known from now on. Whoever else counts waits meanwhile, so it is done in few statements.
pub async fn store(
    writing: &Writing,
    counted: Counted,
    history: &History,
    now: Timestamp,
) -> Result<(), DbError> {
    let transaction = &writing.transaction;
    let mut ids = Vec::new();
    let mut kept = Vec::new();
    for (id, bucket) in [
        (counted.network(), history.network),
        (counted.record(), history.record),
        (counted.block(), history.block),
    ] {
        if !bucket.is_clean(now) {
            let until = nanos(bucket.until());
            kept.push(row(id.clone(), "network", (0, until, until)));
        }
        ids.push(id);
    }
    if let Some(id) = counted.account() {
        let Failures { count, last } = history.account;
        if count > 0 {
            let forget = nanos(after(last, WAIT_MAX * 2));
            let counts = (i64::from(count), nanos(last), forget);
            kept.push(row(id.clone(), "account", counts));
        }
        ids.push(id);
    }
    throttles::Entity::delete_many()
        .filter(throttles::Column::Id.is_in(ids))
        .exec(transaction)
        .await?;
    if !kept.is_empty() {
        throttles::Entity::insert_many(kept)
            .exec_without_returning(transaction)
            .await?;
    }
    // The row that is locked is never another one.
    let until = nanos(history.everywhere.until());
    let everywhere = row(EVERYWHERE.to_owned(), EVERYWHERE, (0, until, until));
    everywhere.update(transaction).await?;
    Ok(())
}

fn row(id: String, kind: &str, (count, at, forget): (i64, i64, i64)) -> throttles::ActiveModel {
    throttles::ActiveModel {
        id: Set(id),
        kind: Set(kind.to_owned()),
        count: Set(count),
        at: Set(at),
        forget: Set(forget),
    }
}

/// Returns the familiar places of an account.
pub async fn familiar(reading: &Reading, user: UserId) -> Result<Familiar, DbError> {
    let rows = familiar::Entity::find()
        .filter(familiar::Column::UserId.eq(user.to_string()))
        .all(&reading.transaction)
        .await?;
    let places: Result<Vec<_>, DbError> = rows
        .into_iter()
        .map(|row| {
            let net: ipnet::IpNet = crate::convert::parse("familiar", &row.network)?;
            Ok((Network::of(net.addr()), time(row.last)))
        })
        .collect();
    Ok(Familiar::from_rows(places?))
}

/// Stores the familiar places of an account.
pub async fn store_familiar(
    writing: &Writing,
    user: UserId,
    places: &Familiar,
) -> Result<(), DbError> {
    familiar::Entity::delete_many()
        .filter(familiar::Column::UserId.eq(user.to_string()))
        .exec(&writing.transaction)
        .await?;
    for (network, last) in places.rows() {
        let row = familiar::ActiveModel {
            user_id: Set(user.to_string()),
            network: Set(network.net().to_string()),
            last: Set(nanos(last)),
        };
        row.insert(&writing.transaction).await?;
    }
    Ok(())
}

/// Removes what nobody waits for any more, and of the networks those that would be empty first where there are too many;
/// at most so many rows. Returns how many that were.
pub async fn forget(
    writing: &Writing,
    now: Timestamp,
    networks_max: u64,
    limit: u64,
) -> Result<u64, DbError> {
    lock(writing).await?;
    let over = throttles::Entity::find()
        .select_only()
        .column(throttles::Column::Id)
        .filter(throttles::Column::Id.ne(EVERYWHERE))
        .filter(throttles::Column::Forget.lte(nanos(now)))
        .limit(limit)
        .into_tuple::<String>()
        .all(&writing.transaction)
        .await?;
    let mut removed = remove(writing, over).await?;
    let of_networks = throttles::Entity::find().filter(throttles::Column::Kind.eq("network"));
    let n_networks = of_networks.clone().count(&writing.transaction).await?;
    let too_many = n_networks.saturating_sub(networks_max).min(limit);
    if too_many > 0 {
        let first = of_networks
            .select_only()
            .column(throttles::Column::Id)
            .order_by_asc(throttles::Column::Forget)
            .limit(too_many)
            .into_tuple::<String>()
            .all(&writing.transaction)
            .await?;
        removed += remove(writing, first).await?;
    }
    Ok(removed)
}

async fn remove(writing: &Writing, ids: Vec<String>) -> Result<u64, DbError> {
    let mut removed = 0;
    for part in ids.chunks(500) {
        let deleted = throttles::Entity::delete_many()
            .filter(throttles::Column::Id.is_in(part))
            .exec(&writing.transaction)
            .await?;
        removed += deleted.rows_affected;
    }
    Ok(removed)
}
