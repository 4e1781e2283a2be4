//! Signs the head of the audit log, by time and by count (`spec/audit-v1.md`, section 3).

use std::time::Duration;

use strongroom_crypto::secret::{Secret, SecretBytes};
use strongroom_crypto::sign::SigningKey;
use strongroom_custody::audit::Checkpoint;
use strongroom_db::{Writing, checkpoints, server};

use crate::app::{App, Fault};
use crate::vault::VaultError;

const KEY: &str = "audit";

/// After how long, and after how many entries, the head is signed.
const EVERY: Duration = Duration::from_hours(1);
const ENTRIES: u64 = 1_000;

/// Signs the head of the log, if that is due; returns how many entries that vouches for.
pub async fn sign_if_due(app: &App) -> Result<u64, Fault> {
    let writing = app.database.write().await?;
    let head = server::audit_head(&writing).await?;
    let last = checkpoints::last(&writing).await?;
    let signed = last.as_ref().map_or(0, |last| last.head.sequence);
    let n_new = head.sequence.saturating_sub(signed);
    let now = u64::try_from(app.now().0.div_euclid(1_000_000)).unwrap_or(0);
    let is_late = last.is_none_or(|last| {
        let every = u64::try_from(EVERY.as_millis()).unwrap_or(u64::MAX);
        // A clock that was set back delays nothing.
        now < last.time || now - last.time >= every
    });
    if n_new == 0 || !(is_late || n_new >= ENTRIES) {
        return Ok(0);
    }
    let key = key(app, &writing).await?;
    let checkpoint = Checkpoint::sign(head, app.now(), &key);
    checkpoints::add(&writing, &checkpoint).await?;
    writing.commit().await?;
    Ok(n_new)
}

/// Returns the public key by which checkpoints are known.
pub async fn public_key(app: &App) -> Result<[u8; 32], Fault> {
    let writing = app.database.write().await?;
    let key = key(app, &writing).await?;
    writing.commit().await?;
    Ok(key.public_key())
}

async fn key(app: &App, writing: &Writing) -> Result<SigningKey, Fault> {
    let random = &*app.random;
    let make = || SecretBytes::new(Secret::<32>::random(random).expose_bytes().to_vec());
    let seed = app.vault.under_master(writing, KEY, random, make).await?;
    let seed: Result<[u8; 32], _> = seed.expose_bytes().try_into();
    let seed = seed.map_err(|_length| VaultError::Unreadable("the key of the audit log"))?;
    Ok(SigningKey::from_seed(&Secret::new(seed)))
}
