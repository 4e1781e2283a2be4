//! Taking over an exported custody key.

use std::path::Path;

use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::suite::Suite;

use crate::AgentError;
use crate::profile::{KeyPlace, Profile, WantedPlace};
use crate::wraps::Wraps;

/// Stores a custody key in the profile, which is made if there is none.
///
/// Refused where the key that it would replace is one that an archive needs.
pub fn import(dir: &Path, key: &CustodyKey) -> Result<Profile, AgentError> {
    let profile = match Profile::open(dir)? {
        Some(profile) => profile,
        None => Profile::create(dir, Suite::Aes256)?,
    };
    let _lock = profile.lock()?;
    let held = match profile.custody_key() {
        // What the keystore does not give is no reason to refuse the key that is needed.
        Err(error) if error.is_of_keystore() => None,
        other => other?,
    };
    if held
        .as_ref()
        .is_some_and(|held| held.key_id() == key.key_id())
    {
        return Ok(profile);
    }
    let wanted = match profile.key_place()? {
        KeyPlace::File => WantedPlace::Only(KeyPlace::File),
        KeyPlace::Keystore => WantedPlace::Any,
    };
    let mut config = profile.config()?;
    let mut begun = config.archives.iter().filter(|archive| archive.begun);
    let is_needed = |id| Ok(Wraps::load(&profile, id)?.keys.custody_key_id == key.key_id());
    let archives: Vec<bool> = begun
        .clone()
        .map(|archive| is_needed(archive.id))
        .collect::<Result<_, AgentError>>()?;
    if held.is_none() && !archives.is_empty() && archives.iter().all(|needed| *needed) {
        // The key that was lost comes back.
        profile.set_first_custody_key(key, wanted)?;
        return Ok(profile);
    }
    if begun.next().is_some() {
        return Err(AgentError::WouldLoseKey {
            path: dir.display().to_string(),
        });
    }
    // Archives that hold nothing yet were made under the other key.
    config.archives.clear();
    profile.save_config(&config)?;
    profile.set_first_custody_key(key, wanted)?;
    Ok(profile)
}
