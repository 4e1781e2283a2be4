//! Opening an archive to read it: from the profile, or from a destination with credentials and nothing else.

use std::path::Path;
use std::sync::Arc;

use strongroom_base::ids::{ArchiveId, DestinationId, to_hex};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified as _};
use strongroom_crypto::custody::CustodyKey;
use strongroom_custody::password::PrivatePassword;
use strongroom_engine::Memory as _;
use strongroom_format::keys::KeysObject;
use strongroom_read::{Archive, ReadError, Replicas, open_keys};
use strongroom_replica::Replica;
use strongroom_store::Store;
use strongroom_store::remember::RememberStore;

use crate::destinations::{self, Reached, Unreached, reach};
use crate::location::Location;
use crate::memory::ProfileMemory;
use crate::profile::{Config, DestinationConfig, Profile};
use crate::{AgentError, archives, wraps};

/// What opens an archive.
pub enum Credential {
    /// The custody key.
    Key(CustodyKey),
    /// A private password, which opens a slot of the archive that holds the custody key.
    Password(PrivatePassword),
}

/// An archive that is open, and what was noticed on the way.
pub struct Opened {
    /// The archive.
    pub archive: Archive,
    /// The names of the destinations that are read.
    pub destinations: Vec<String>,
    /// Their ids.
    pub(crate) ids: Vec<DestinationId>,
    /// The destinations that cannot be reached.
    pub unreached: Vec<Unreached>,
    /// What is damaged, though the archive could be opened.
    pub problems: Vec<ReadError>,
    /// What the profile has lost, though the destinations have it.
    pub lost: Option<AgentError>,
    /// The newest record that the profile remembers.
    known: Option<RecordId>,
}

impl Opened {
    /// Returns a record that is newer than all that could be read here, as far as anybody knows of one: it is named at a
    /// destination, or the profile remembers it.
    pub fn newer(&self) -> Option<RecordId> {
        let head = self.archive.head();
        let known = self.known.filter(|known| *known > head);
        known.max(self.archive.unread())
    }
}

/// Opens an archive of the profile.
pub fn from_profile(
    profile: &Profile,
    asked: Option<ArchiveId>,
    credential: Option<&Credential>,
) -> Result<Opened, AgentError> {
    let config = profile.config()?;
    let archive = archives::to_read(&config, asked)?;
    let (mut reached, unreached) = reach(&config, archive);
    for there in &mut reached {
        there.store = remembering(there.store.clone());
    }
    let wraps = match wraps::Wraps::load(profile, archive.id) {
        Err(error) if error.of_state().is_some() => {
            return without_wraps(profile, (archive.id, reached, unreached), credential, error);
        }
        loaded => loaded?,
    };
    let custody = match credential {
        Some(credential) => custody_of(&wraps.keys, credential)?,
        None => wraps::custody_key_for(profile, &wraps.keys)?,
    };
    let mut opened = open(archive.id, reached, unreached, &custody, Some(wraps.keys))?;
    let state = ProfileMemory::new(profile, archive.id).load();
    // What is lost of it is no news to whoever reads: a writer says so.
    opened.known = state.ok().and_then(|state| Some(state.head?.id));
    Ok(opened)
}

/// Opens an archive whose keys the profile has lost, with the custody key and what the destinations have: as where there
/// is no profile. Where none of them can be opened, what was lost is the error.
fn without_wraps(
    profile: &Profile,
    (id, reached, unreached): (ArchiveId, Vec<Reached>, Vec<Unreached>),
    credential: Option<&Credential>,
    lost: AgentError,
) -> Result<Opened, AgentError> {
    let custody_of = |keys: &KeysObject| match credential {
        Some(credential) => custody_of(keys, credential),
        None => wraps::custody_key_for(profile, keys),
    };
    let opens = |there: &Reached| {
        let opened = open_keys(&Replica::new(there.store.clone(), id), custody_of);
        opened.ok().map(|opened| opened.custody)
    };
    let Some(custody) = reached.iter().find_map(opens) else {
        return Err(lost);
    };
    let mut opened = open(id, reached, unreached, &custody, None)?;
    opened.lost = Some(lost);
    Ok(opened)
}

/// Returns where a destination is: a name of the profile's or a URL.
pub fn locate(
    profile: Option<&Profile>,
    text: &str,
    current: &Path,
) -> Result<Location, AgentError> {
    if let Some(profile) = profile {
        let config = profile.config()?;
        if let Some(there) = named_or_at(&config, text, current) {
            return destinations::located(&config, there);
        }
    }
    Location::parse(text, current)
}

/// Returns the destination of the settings that has this name, or is at this place.
fn named_or_at<'a>(
    config: &'a Config,
    text: &str,
    current: &Path,
) -> Option<&'a DestinationConfig> {
    config.destination(text).or_else(|| {
        let location = Location::parse(text, current).ok()?;
        destinations::at(config, &location).filter(|_| location.needs_key())
    })
}

/// Opens an archive at a destination. Where there are several, one must be asked for.
pub fn from_location(
    location: &Location,
    asked: Option<ArchiveId>,
    credential: &Credential,
) -> Result<Opened, AgentError> {
    let store = remembering(location.open()?);
    let id = choose(&store, asked, credential)?;
    let custody = open_keys(&Replica::new(store.clone(), id), |keys| {
        custody_of(keys, credential)
    })?
    .custody;
    let reached = Reached {
        id: DestinationId([0; 16]),
        name: store.describe(),
        store,
    };
    open(id, vec![reached], Vec::new(), &custody, None)
}

/// Lets a store that is far away remember what is needed several times on the way to an open archive.
fn remembering(store: Arc<dyn Store>) -> Arc<dyn Store> {
    if store.is_far() {
        return Arc::new(RememberStore::new(store));
    }
    store
}

/// Returns the archive at a destination: the one that was asked for, the only one, or the only one that
/// opens.
pub(crate) fn choose(
    store: &Arc<dyn Store>,
    asked: Option<ArchiveId>,
    credential: &Credential,
) -> Result<ArchiveId, AgentError> {
    let there = Replica::discover(&**store)?;
    let ids = || there.iter().map(ToString::to_string).collect();
    Ok(match (asked, &there[..]) {
        (Some(asked), _) if there.contains(&asked) => asked,
        (Some(asked), _) => {
            return Err(AgentError::NoSuchArchive {
                archive: asked.to_string(),
                archives: ids(),
            });
        }
        (None, []) => {
            return Err(AgentError::NoArchive {
                destination: store.describe(),
            });
        }
        (None, [only]) => *only,
        (None, several) => the_one_that_opens(store, several, credential)
            .ok_or_else(|| AgentError::SeveralArchives { archives: ids() })?,
    })
}

fn open(
    id: ArchiveId,
    reached: Vec<Reached>,
    mut unreached: Vec<Unreached>,
    custody: &CustodyKey,
    known: Option<KeysObject>,
) -> Result<Opened, AgentError> {
    let (mut replicas, mut destinations, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for Reached {
        id: destination,
        name,
        store,
    } in reached
    {
        ids.push(destination);
        replicas.push(Replica::new(store, id));
        destinations.push(name);
    }
    if replicas.is_empty() && !unreached.is_empty() {
        return Err(AgentError::Unreachable {
            source: Box::new(unreached.remove(0).reason),
        });
    }
    let mut problems = Vec::new();
    let archive = Archive::open_knowing(Replicas::new(replicas)?, custody, known, &mut problems)?;
    Ok(Opened {
        archive,
        destinations,
        ids,
        unreached,
        problems,
        lost: None,
        known: None,
    })
}

/// Returns the archive that the credential opens, where it opens one of several.
fn the_one_that_opens(
    store: &Arc<dyn Store>,
    archives: &[ArchiveId],
    credential: &Credential,
) -> Option<ArchiveId> {
    let opens = |id: &&ArchiveId| {
        let replica = Replica::new(store.clone(), **id);
        open_keys(&replica, |keys| custody_of(keys, credential)).is_ok()
    };
    let mut fitting = archives.iter().filter(opens);
    let first = fitting.next()?;
    fitting.next().is_none().then_some(*first)
}

/// Finds the custody key of an archive with a credential.
pub(crate) fn custody_of(
    keys: &KeysObject,
    credential: &Credential,
) -> Result<CustodyKey, AgentError> {
    match credential {
        Credential::Key(key) if key.key_id() == keys.custody_key_id => {
            Ok(CustodyKey::from_bytes(*key.expose_bytes()))
        }
        Credential::Key(key) => Err(AgentError::OtherKey {
            archive: keys.archive.to_string(),
            held: to_hex(&key.key_id()),
            needed: to_hex(&keys.custody_key_id),
        }),
        Credential::Password(password) => custody_by_password(keys, password),
    }
}

fn custody_by_password(
    keys: &KeysObject,
    password: &PrivatePassword,
) -> Result<CustodyKey, AgentError> {
    let archive = || keys.archive.to_string();
    if keys.slots.is_empty() {
        return Err(AgentError::NoPasswordSlot { archive: archive() });
    }
    for slot in &keys.slots {
        match slot.open(keys.archive, password.expose_bytes()) {
            Ok(key) => return Ok(key),
            Err(error) if error.class() == Class::WrongKey => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(AgentError::WrongPassword { archive: archive() })
}
