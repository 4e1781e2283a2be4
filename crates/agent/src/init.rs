//! A new identity: profile, custody key and the keys of the default archive.

use std::path::Path;

use strongroom_base::ids::to_hex;
use strongroom_base::random::RandomSource;
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::suite::Suite;
use strongroom_custody::password::PrivatePassword;

use crate::profile::{KeyPlace, Profile, WantedPlace};
use crate::{AgentError, archives, keys};

/// A profile that was just made.
#[derive(Debug)]
pub struct Initialized {
    /// The profile.
    pub profile: Profile,
    /// Where its custody key is.
    pub place: KeyPlace,
    /// The id of its custody key.
    pub custody_key_id: String,
}

/// Makes a profile with a new custody key, which a private password may guard in every archive.
///
/// A profile without a key, which an interrupted call leaves, is finished. `wanted` says where the key shall
/// be.
pub fn init(
    dir: &Path,
    suite: Suite,
    password: Option<&PrivatePassword>,
    wanted: WantedPlace,
    random: &dyn RandomSource,
) -> Result<Initialized, AgentError> {
    let profile = match Profile::open(dir)? {
        Some(there) if there.custody_key()?.is_none() => there,
        _ => Profile::create(dir, suite)?,
    };
    let custody = CustodyKey::random(random);
    let place = profile.set_first_custody_key(&custody, wanted)?;
    let mut config = profile.config()?;
    config.suite = suite;
    config.archives.clear();
    archives::make(&profile, &mut config, suite, true, random)?;
    profile.save_config(&config)?;
    if let Some(password) = password {
        keys::set_password(&profile, password, random)?;
    }
    Ok(Initialized {
        profile,
        place,
        custody_key_id: to_hex(&custody.key_id()),
    })
}
