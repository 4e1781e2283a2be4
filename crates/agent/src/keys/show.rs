//! What may be shown of the keys: ids and counts, never a key.

use strongroom_base::ids::{ArchiveId, Epoch, SlotId, to_hex};
use strongroom_crypto::suite::Suite;

use crate::AgentError;
use crate::keys::settle;
use crate::profile::{KeyPlace, Profile};
use crate::wraps::Wraps;

/// What may be shown of the keys of a profile.
#[derive(Debug)]
pub struct ShownKeys {
    /// The id of the custody key.
    pub custody_key_id: String,
    /// Where it is.
    pub place: KeyPlace,
    /// The archives that it opens.
    pub archives: Vec<ShownArchive>,
    /// Why the key of some archives is another one, where a rotation was interrupted.
    pub unfinished: Option<AgentError>,
}

/// What may be shown of the keys of an archive.
#[derive(Debug)]
pub struct ShownArchive {
    /// Its id.
    pub id: ArchiveId,
    /// Whether it is the default one.
    pub default: bool,
    /// Whether anything was written yet.
    pub begun: bool,
    /// The names of its destinations.
    pub destinations: Vec<String>,
    /// The number of its keys object.
    pub number: u32,
    /// Its epochs.
    pub epochs: Vec<(Epoch, Suite)>,
    /// Its private passwords.
    pub slots: Vec<ShownSlot>,
}

/// What may be shown of a private password.
#[derive(Debug)]
pub struct ShownSlot {
    /// Its id.
    pub id: SlotId,
    /// Its name.
    pub name: String,
}

/// Returns what may be shown of the keys.
pub fn show(profile: &Profile) -> Result<ShownKeys, AgentError> {
    let unfinished = match settle(profile) {
        Err(error @ AgentError::RotationUnfinished) => Some(error),
        settled => settled.map(|()| None)?,
    };
    let config = profile.config()?;
    let custody = profile.custody_key()?;
    let custody = custody.ok_or_else(|| AgentError::NoCustodyKey {
        path: profile.dir().display().to_string(),
    })?;
    let mut archives = Vec::new();
    for archive in &config.archives {
        let wraps = Wraps::load(profile, archive.id)?;
        let (ring, _) = wraps.open(profile)?;
        let names = archive.destinations.iter();
        let names = names.filter_map(|id| config.destination_by_id(*id));
        let slots = wraps.keys.slots.iter().map(|slot| ShownSlot {
            id: slot.id,
            name: slot.name.clone(),
        });
        archives.push(ShownArchive {
            id: archive.id,
            default: archive.default,
            begun: archive.begun,
            destinations: names.map(|there| there.name.to_string()).collect(),
            number: wraps.keys.number,
            epochs: ring.epochs().collect(),
            slots: slots.collect(),
        });
    }
    Ok(ShownKeys {
        custody_key_id: to_hex(&custody.key_id()),
        place: profile.key_place()?,
        archives,
        unfinished,
    })
}
