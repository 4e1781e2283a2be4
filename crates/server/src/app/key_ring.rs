//! The key ring: made at the first start, and changed by a journal that goes on after every kill
//! (`spec/secrets-v1.md`, section 5).

use std::collections::BTreeMap;

use strongroom_base::clock::Timestamp;
use strongroom_custody::ring::{
    Algorithm, Change, KeyId, OpenError, Place, Protection, Ring, Step, protection_of,
};
use strongroom_db::{Reading, Writing, key_ring, sealed};

use super::{App, Fault, system};
use crate::vault::VaultError;

/// How many values are read, and sealed anew, in one transaction.
const BATCH: usize = 500;

/// Told before and after each thing that is made durable; it may stop what is done there.
pub type Watch<'a> = &'a mut (dyn FnMut() -> Result<(), Fault> + Send);

/// What was found in all values.
#[derive(Debug, Default)]
pub struct Verified {
    /// How many opened.
    pub opened: u64,
    /// Those that did not, and why.
    pub unreadable: Vec<(Place, OpenError)>,
}

/// Lets nothing stop what is done.
pub fn undisturbed() -> Result<(), Fault> {
    Ok(())
}

/// Makes the ring where there is none, and takes keys in whose files are there.
pub(crate) async fn prepare(app: &App) -> Result<(), Fault> {
    let writing = app.database.write().await?;
    let known = key_ring::find(&writing).await?;
    let keys = app.vault.reload()?;
    if let Some(ring) = &known {
        if let Some(next) = ring.adopting(&keys, seconds(app.now())) {
            key_ring::replace(&writing, ring, &next).await?;
            writing.commit().await?;
        }
        return Ok(());
    }
    let plain = Ring::plain();
    let asked = Change::Algorithm(Algorithm::Gcm);
    let ring = begun(app, &plain, asked, &mut undisturbed)?.unwrap_or(plain);
    key_ring::add(&writing, &ring).await?;
    writing.commit().await?;
    go_on(app, &mut undisturbed).await
}

/// Changes key or algorithm, or ends protection, and returns when it is done. Whatever is asked of the server meanwhile
/// is answered.
pub async fn change(app: &App, change: Change, watch: Watch<'_>) -> Result<(), Fault> {
    let writing = app.database.write().await?;
    let ring = ring(&writing).await?;
    if let Some(next) = begun(app, &ring, change, watch)? {
        record(app, &writing, &next).await?;
        store(writing, &ring, &next, watch).await?;
        go_on(app, watch).await?;
    }
    Ok(())
}

/// Returns the ring with the beginning of a change, for which it may have made a key.
fn begun(app: &App, ring: &Ring, change: Change, watch: Watch<'_>) -> Result<Option<Ring>, Fault> {
    let Some(needs_key) = ring.needs_new_key(change).map_err(VaultError::from)? else {
        return Ok(None);
    };
    watch()?;
    let key = needs_key.then(|| app.vault.make_key(&*app.random));
    let key = key.transpose()?;
    watch()?;
    let begun = ring.begin(change, key, seconds(app.now()));
    Ok(begun.map_err(VaultError::from)?)
}

/// Goes on with a change that is under way, to its end.
pub async fn go_on(app: &App, watch: Watch<'_>) -> Result<(), Fault> {
    while step(app, watch).await? {}
    Ok(())
}

/// Does the next step of a change; tells whether there was one.
async fn step(app: &App, watch: Watch<'_>) -> Result<bool, Fault> {
    let writing = app.database.write().await?;
    let ring = ring(&writing).await?;
    let next = match ring.next_step() {
        Step::Rest => return Ok(false),
        Step::Activate { .. } => ring.activated(&*app.vault.reload()?),
        Step::Reseal { after } => {
            let keys = app.vault.keys_for(&ring)?;
            let values = sealed::after(&writing, after.as_ref(), BATCH).await?;
            let batch = ring.resealed(&keys, values, &*app.random);
            let batch = batch.map_err(VaultError::from)?;
            for resealed in &batch.changed {
                sealed::replace(&writing, resealed).await?;
            }
            for (place, error) in &batch.unreadable {
                tracing::error!(%place, %error, "a secret does not open, and stays as it is");
            }
            Ok(batch.ring)
        }
        Step::Count { to } => {
            let left = count(&writing, |found| found != Some(to)).await?;
            ring.counted(left)
        }
    };
    let next = next.map_err(VaultError::from)?;
    store(writing, &ring, &next, watch).await?;
    Ok(true)
}

/// Lets an inactive key go, and deletes its file.
pub async fn forget(app: &App, key: KeyId, is_in_backup: bool) -> Result<(), Fault> {
    let writing = app.database.write().await?;
    let ring = ring(&writing).await?;
    let values = count(&writing, |found| {
        found.and_then(|found| found.key()) == Some(key)
    });
    let next = ring.without(key, values.await?, is_in_backup);
    let next = next.map_err(VaultError::from)?;
    let details = BTreeMap::from([("key".to_owned(), key.to_string())]);
    system::record(app, &writing, "key-ring.key-deleted", details).await?;
    store(writing, &ring, &next, &mut undisturbed).await?;
    app.vault.remove_key(key)?;
    Ok(())
}

/// Opens every value, and shows none.
pub async fn verify(app: &App) -> Result<Verified, Fault> {
    let reading = app.database.read().await?;
    let ring = ring(&reading).await?;
    let keys = app.vault.keys_for(&ring)?;
    let (mut verified, mut after) = (Verified::default(), None);
    loop {
        let values = sealed::after(&reading, after.as_ref(), BATCH).await?;
        for (place, value) in &values {
            match ring.open(&keys, place, value) {
                Ok(_) => verified.opened += 1,
                Err(error) => verified.unreadable.push((place.clone(), error)),
            }
        }
        match values.into_iter().last() {
            Some((place, _)) => after = Some(place),
            None => return Ok(verified),
        }
    }
}

/// Returns the ring as it is stored.
pub async fn ring(reading: &Reading) -> Result<Ring, Fault> {
    let found = key_ring::find(reading).await?;
    Ok(found.ok_or(strongroom_db::DbError::NotSetUp)?)
}

async fn store(
    writing: Writing,
    before: &Ring,
    next: &Ring,
    watch: Watch<'_>,
) -> Result<(), Fault> {
    key_ring::replace(&writing, before, next).await?;
    watch()?;
    writing.commit().await?;
    watch()
}

/// Counts the values whose protection is such; one that is no value has none.
async fn count(
    reading: &Reading,
    is_counted: impl Fn(Option<Protection>) -> bool,
) -> Result<u64, Fault> {
    let (mut counted, mut after) = (0, None);
    loop {
        let values = sealed::after(reading, after.as_ref(), BATCH).await?;
        for (_, value) in &values {
            counted += u64::from(is_counted(protection_of(value).ok()));
        }
        match values.into_iter().last() {
            Some((place, _)) => after = Some(place),
            None => return Ok(counted),
        }
    }
}

/// Puts on record what a change leads to.
async fn record(app: &App, writing: &Writing, ring: &Ring) -> Result<(), Fault> {
    let to = ring.changing_to().unwrap_or(ring.protection());
    let details = BTreeMap::from([
        (
            "algorithm".to_owned(),
            to.algorithm()
                .map_or("none", |algorithm| algorithm.name())
                .to_owned(),
        ),
        (
            "key".to_owned(),
            to.key()
                .map_or_else(|| "none".to_owned(), |key| key.to_string()),
        ),
    ]);
    system::record(app, writing, "key-ring.changed", details).await
}

fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.0.div_euclid(1_000_000_000)).unwrap_or(0)
}
