//! How fast somebody may guess who has not signed in: counted in the database, for all nodes, across restarts.
//!
//! An attempt is charged before the secret is looked at, and paid back when it was right. What is waited for is the same
//! whether or not there is such an account.

use std::net::IpAddr;

use strongroom_base::ids::UserId;
use strongroom_crypto::hash::keyed_hash;
use strongroom_db::Writing;
use strongroom_db::throttles::{self, Counted, Whose};
use strongroom_domain::throttle::{Network, Verdict};

use super::{App, Fault};

/// What somebody tries to open.
pub(crate) enum Door<'a> {
    /// Nothing that names an account: a link, a registration key.
    Secret,
    /// An account.
    Account(UserId),
    /// A name that nobody has.
    Unknown(&'a str),
}

/// Charges an attempt, or says how long to wait.
pub(crate) async fn attempt(app: &App, address: IpAddr, door: &Door<'_>) -> Result<(), Fault> {
    let now = app.now();
    let writing = app.database.note().await?;
    throttles::lock(&writing).await?;
    let counted = counted(app, &writing, address, door).await?;
    let history = throttles::history(&writing, counted).await?;
    let (next, wait) = match history.attempt(now) {
        Verdict::Allowed(next) => (next, None),
        Verdict::Wait(wait, next) => (next, Some(wait)),
    };
    if next != history {
        throttles::store(&writing, counted, &next, now).await?;
    }
    writing.commit().await?;
    wait.map_or(Ok(()), |wait| Err(Fault::TooMany(wait)))
}

/// Pays an attempt back whose secret was right; for an account, the place is familiar from now on.
pub(crate) async fn succeeded(app: &App, address: IpAddr, door: &Door<'_>) -> Result<(), Fault> {
    let now = app.now();
    let writing = app.database.note().await?;
    throttles::lock(&writing).await?;
    let counted = counted(app, &writing, address, door).await?;
    let history = throttles::history(&writing, counted).await?;
    throttles::store(&writing, counted, &history.succeeded(), now).await?;
    if let Door::Account(user) = door {
        let familiar = throttles::familiar(&writing, *user).await?;
        let familiar = familiar.signed_in(counted.network, now);
        throttles::store_familiar(&writing, *user, &familiar).await?;
    }
    writing.commit().await?;
    Ok(())
}

/// The same is read for every door.
async fn counted(
    app: &App,
    writing: &Writing,
    address: IpAddr,
    door: &Door<'_>,
) -> Result<Counted, Fault> {
    let network = Network::of(address);
    let user = match door {
        Door::Account(user) => *user,
        Door::Secret | Door::Unknown(_) => UserId([0; 16]),
    };
    let familiar = throttles::familiar(writing, user).await?;
    let whose = match door {
        Door::Secret => Whose::Nobody,
        Door::Account(user) if familiar.includes(network, app.now()) => Whose::Familiar(*user),
        Door::Account(user) => Whose::Account(*user),
        Door::Unknown(name) => {
            let hash = keyed_hash(&app.vault.derived("names that nobody has"), name.as_bytes());
            Whose::Unknown(u16::from_be_bytes([hash[0], hash[1]]))
        }
    };
    Ok(Counted { network, whose })
}
