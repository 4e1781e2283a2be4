//! A new custody key and a new epoch in every archive.
//!
//! The new key is stored beside the old one until every archive is under it. What a rotation that was interrupted has
//! left is settled by whoever needs the key next ([`settle`]), or by the next rotation.

use strongroom_base::random::RandomSource;
use strongroom_base::{Class, Classified as _};
use strongroom_crypto::custody::CustodyKey;
use strongroom_custody::password::PrivatePassword;

use crate::AgentError;
use crate::keys::password::slot;
use crate::profile::{ArchiveConfig, Config, Profile};
use crate::wraps::{Published, Wraps, publish, refuse_stale};

/// Makes a new custody key, under which every archive starts an epoch.
///
/// Private passwords open the old key only: `password`, which must be one of them where there are some, guards the new
/// one. Where others would be lost it is refused, unless `drop_passwords` says that they shall be.
pub fn rotate(
    profile: &Profile,
    password: Option<&PrivatePassword>,
    drop_passwords: bool,
    random: &dyn RandomSource,
) -> Result<Vec<Published>, AgentError> {
    let _lock = profile.lock()?;
    let config = profile.config()?;
    let mut locks = Vec::new();
    for archive in &config.archives {
        locks.push(profile.lock_archive(archive.id)?);
        refuse_stale(profile, &config, archive)?;
        if !drop_passwords {
            refuse_loss(profile, archive, password)?;
        }
    }
    // A copy of the profile may hold the key of a rotation that was interrupted, so that one is finished, and another
    // one is drawn.
    if let Some(pending) = pending(profile, &config)? {
        renew(profile, &config, &pending.key, password, random)?;
        profile.adopt_next_custody_key()?;
    }
    let next = CustodyKey::random(random);
    profile.set_next_custody_key(&next)?;
    renew(profile, &config, &next, password, random)?;
    profile.adopt_next_custody_key()?;
    let mut published = Vec::new();
    for archive in &config.archives {
        // Whoever dies here leaves it to the next backup.
        let wraps = Wraps::load(profile, archive.id)?;
        published.push(publish(&config, archive, &wraps));
    }
    Ok(published)
}

/// Settles what a rotation that was interrupted has left: a key that every archive is under becomes the custody key, and
/// one that none is under goes. Where only some archives are under it, that is an error: the rotation must be finished.
pub fn settle(profile: &Profile) -> Result<(), AgentError> {
    if !profile.has_next_custody_key() {
        return Ok(());
    }
    let _lock = profile.lock()?;
    let config = profile.config()?;
    match pending(profile, &config)? {
        None => Ok(()),
        Some(Pending { is_complete, .. }) if is_complete => profile.adopt_next_custody_key(),
        Some(_) => Err(AgentError::RotationUnfinished),
    }
}

/// The key of a rotation that was interrupted.
struct Pending {
    key: CustodyKey,
    /// Whether every archive is under it.
    is_complete: bool,
}

/// Returns the key of a rotation that was interrupted; one that no archive is under is removed.
fn pending(profile: &Profile, config: &Config) -> Result<Option<Pending>, AgentError> {
    let Some(key) = profile.next_custody_key()? else {
        return Ok(None);
    };
    let mut under = 0;
    for archive in &config.archives {
        let wraps = Wraps::load(profile, archive.id)?;
        under += usize::from(wraps.keys.custody_key_id == key.key_id());
    }
    if under == 0 {
        profile.drop_next_custody_key()?;
        return Ok(None);
    }
    Ok(Some(Pending {
        key,
        is_complete: under == config.archives.len(),
    }))
}

/// Puts every archive that is not under a key yet under it, locally.
fn renew(
    profile: &Profile,
    config: &Config,
    next: &CustodyKey,
    password: Option<&PrivatePassword>,
    random: &dyn RandomSource,
) -> Result<(), AgentError> {
    for archive in &config.archives {
        let mut wraps = Wraps::load(profile, archive.id)?;
        if wraps.keys.custody_key_id == next.key_id() {
            continue;
        }
        let (mut ring, _) = wraps.open(profile)?;
        let (_, suite) = ring.current();
        ring.start_epoch(suite, random)?;
        let slots = match password {
            Some(password) => vec![slot(archive.id, next, password, random)?],
            None => Vec::new(),
        };
        wraps.replace(profile, archive, (&ring, next), slots, random)?;
    }
    Ok(())
}

/// Refuses where an archive has private passwords and `password` is none of them, or not the only one.
fn refuse_loss(
    profile: &Profile,
    archive: &ArchiveConfig,
    password: Option<&PrivatePassword>,
) -> Result<(), AgentError> {
    let slots = Wraps::load(profile, archive.id)?.keys.slots;
    let would_be_lost = || AgentError::PasswordWouldBeLost {
        archive: archive.id.to_string(),
    };
    if slots.is_empty() {
        return Ok(());
    }
    let password = password.ok_or_else(would_be_lost)?;
    let mut others = 0;
    for slot in &slots {
        match slot.open(archive.id, password.expose_bytes()) {
            Ok(_) => {}
            Err(error) if error.class() == Class::WrongKey => others += 1,
            Err(error) => return Err(error.into()),
        }
    }
    if others == slots.len() {
        return Err(AgentError::WrongPassword {
            archive: archive.id.to_string(),
        });
    }
    if others > 0 {
        return Err(would_be_lost());
    }
    Ok(())
}
