//! Taking over an exported custody key.

use std::path::Path;

use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::suite::Suite;

use crate::AgentError;
use crate::profile::Profile;

/// Stores a custody key in the profile, which is made if there is none.
///
/// Refused where the key that it would replace is one that an archive needs.
pub fn import(dir: &Path, key: &CustodyKey) -> Result<Profile, AgentError> {
    let profile = match Profile::open(dir)? {
        Some(profile) => profile,
        None => Profile::create(dir, Suite::Aes256)?,
    };
    let _lock = profile.lock()?;
    let held = profile.custody_key()?;
    if held.is_some_and(|held| held.key_id() == key.key_id()) {
        return Ok(profile);
    }
    let mut config = profile.config()?;
    if config.archives.iter().any(|archive| archive.begun) {
        return Err(AgentError::WouldLoseKey {
            path: dir.display().to_string(),
        });
    }
    // Archives that hold nothing yet were made under the other key.
    config.archives.clear();
    profile.save_config(&config)?;
    profile.set_custody_key(key)?;
    Ok(profile)
}
