//! A new custody key and a new epoch in every archive.
//!
//! The new key is stored beside the old one until every archive is under it, so that a rotation that was
//! interrupted goes on where it stopped.

use strongroom_base::random::RandomSource;
use strongroom_crypto::custody::CustodyKey;
use strongroom_custody::password::PrivatePassword;

use crate::AgentError;
use crate::keys::password::slot;
use crate::profile::Profile;
use crate::wraps::{Published, Wraps, publish, refuse_stale};

/// Makes a new custody key, under which every archive starts an epoch.
///
/// Private passwords open the old key only: `password` guards the new one. Without it, archives that have
/// a private password are refused unless `drop_passwords` says that they shall have none.
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
        let has_password = !Wraps::load(profile, archive.id)?.keys.slots.is_empty();
        if has_password && password.is_none() && !drop_passwords {
            return Err(AgentError::PasswordWouldBeLost {
                archive: archive.id.to_string(),
            });
        }
    }
    let next = if let Some(next) = profile.next_custody_key()? {
        next
    } else {
        let next = CustodyKey::random(random);
        profile.set_next_custody_key(&next)?;
        next
    };
    let mut published = Vec::new();
    for archive in &config.archives {
        let mut wraps = Wraps::load(profile, archive.id)?;
        if wraps.keys.custody_key_id != next.key_id() {
            let (mut ring, _) = wraps.open(profile)?;
            let (_, suite) = ring.current();
            ring.start_epoch(suite, random)?;
            let slots = match password {
                Some(password) => vec![slot(archive.id, &next, password, random)?],
                None => Vec::new(),
            };
            wraps.replace(profile, archive, (&ring, &next), slots, random)?;
        }
        published.push(publish(&config, archive, &wraps));
    }
    profile.adopt_next_custody_key()?;
    Ok(published)
}
