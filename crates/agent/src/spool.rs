//! The spool of a profile's archives: folders on this computer that hold what destinations lack.
//! `docs/adr/0009-a-spool.md`.

use std::path::Path;
use std::sync::Arc;

use strongroom_base::ids::ArchiveId;
use strongroom_engine::{EngineError, Memory as _};
use strongroom_replica::Replica;
use strongroom_store::{Folder, Quota, Store as _, durable};

use crate::AgentError;
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, Profile};

/// The spool leaves one part in so many of its file system free,
const RESERVE_PART: u64 = 20;
/// but never more bytes than this.
const RESERVE_MAX: u64 = 1 << 30;

/// What the spool of one archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// The archive.
    pub archive: ArchiveId,
    /// Bytes.
    pub bytes: u64,
    /// Records that no destination has acknowledged.
    pub unacknowledged: u64,
    /// Whether a destination lacks what is in it.
    pub is_needed: bool,
}

/// The spool of every archive of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spool {
    /// How many bytes each may take; `None` where there is no spool.
    pub limit: Option<u64>,
    /// What is in each that there is.
    pub archives: Vec<Spooled>,
}

/// Returns the spool of an archive, made if need be; `None` where the settings name none.
pub(crate) fn replica(
    profile: &Profile,
    config: &Config,
    archive: ArchiveId,
) -> Result<Option<Replica>, AgentError> {
    let Some(limit) = config.spool_bytes.filter(|limit| *limit > 0) else {
        return Ok(None);
    };
    let dir = profile.spool_dir(archive);
    durable::create_private_dir(&dir)?;
    let store = Quota::new(Folder::create(&dir)?, limit)?.leaving(reserve(&dir));
    Ok(Some(Replica::new(Arc::new(store), archive)))
}

/// Returns how many bytes the spool leaves free on its file system, for whoever else needs space there; the profile does as well.
fn reserve(dir: &Path) -> u64 {
    let found = rustix::fs::statvfs(dir);
    let size = found.map_or(0, |found| found.f_blocks.saturating_mul(found.f_frsize));
    (size / RESERVE_PART).min(RESERVE_MAX)
}

/// Says what is in the spools.
pub fn look(profile: &Profile) -> Result<Spool, AgentError> {
    let config = profile.config()?;
    let spools = config.archives.iter().map(|archive| {
        let dir = profile.spool_dir(archive.id);
        let there = dir.exists().then(|| spooled(profile, archive, &dir));
        there.transpose()
    });
    let archives = spools.filter_map(Result::transpose);
    Ok(Spool {
        limit: config.spool_bytes.filter(|limit| *limit > 0),
        archives: archives.collect::<Result<_, _>>()?,
    })
}

fn spooled(profile: &Profile, settings: &ArchiveConfig, dir: &Path) -> Result<Spooled, AgentError> {
    let archive = settings.id;
    let (folder, mut bytes) = (Folder::open(dir)?, 0);
    folder.list("", &mut |_, size| bytes += size)?;
    let memory = ProfileMemory::new(profile, archive).load();
    let state = memory.map_err(EngineError::from)?;
    // Those that were removed from the settings may be gone.
    let heads = settings.destinations.iter().map(|id| state.heads.get(id));
    let heads: Vec<_> = heads.map(|head| head.map(|head| head.id)).collect();
    let safe = heads.iter().copied().flatten().max();
    let lacks = |head: &Option<_>| *head < state.spool.map(|spool| spool.id);
    // Where no destination is left, nobody has it.
    let is_lacking = heads.is_empty() || heads.iter().any(lacks);
    let ids = Replica::new(Arc::new(folder), archive).record_ids()?;
    let unacknowledged = match state.spool {
        Some(_) => ids.iter().filter(|id| Some(**id) > safe).count() as u64,
        None => 0,
    };
    Ok(Spooled {
        archive,
        bytes,
        unacknowledged,
        is_needed: state.spool.is_some() && is_lacking,
    })
}

/// Gives every archive a spool of so many bytes at most.
pub fn set_limit(profile: &Profile, bytes: u64) -> Result<(), AgentError> {
    change(profile, Some(bytes))
}

/// Erases the spools, and makes no more. Refuses while one holds what a destination lacks, unless that is given up.
pub fn turn_off(profile: &Profile, give_up: bool) -> Result<(), AgentError> {
    let before = profile.config()?;
    // First, so that nobody writes to what is about to go.
    change(profile, Some(0))?;
    let result = erase_all(profile, &before, give_up);
    if result.is_err() {
        change(profile, before.spool_bytes)?;
    }
    result
}

/// Returns how many records are in the spool of an archive that none of its destinations has acknowledged.
pub(crate) fn unacknowledged(
    profile: &Profile,
    archive: &ArchiveConfig,
) -> Result<u64, AgentError> {
    let dir = profile.spool_dir(archive.id);
    if !dir.exists() {
        return Ok(0);
    }
    Ok(spooled(profile, archive, &dir)?.unacknowledged)
}

/// Refuses while the spool of an archive holds what no destination has.
pub(crate) fn refuse_unacknowledged(
    profile: &Profile,
    archive: &ArchiveConfig,
) -> Result<(), AgentError> {
    if unacknowledged(profile, archive)? > 0 {
        return Err(AgentError::SpoolHolds {
            archive: archive.id.to_string(),
        });
    }
    Ok(())
}

fn erase_all(profile: &Profile, config: &Config, give_up: bool) -> Result<(), AgentError> {
    for archive in &config.archives {
        let _lock = profile.lock_archive(archive.id)?;
        let dir = profile.spool_dir(archive.id);
        if !dir.exists() {
            continue;
        }
        if !give_up && spooled(profile, archive, &dir)?.is_needed {
            return Err(AgentError::SpoolHolds {
                archive: archive.id.to_string(),
            });
        }
        erase(profile, archive.id)?;
    }
    Ok(())
}

/// Erases the spool of an archive, whatever is in it.
pub(crate) fn erase(profile: &Profile, archive: ArchiveId) -> Result<(), AgentError> {
    let dir = profile.spool_dir(archive);
    let memory = ProfileMemory::new(profile, archive);
    let mut state = memory.load().map_err(EngineError::from)?;
    if state.spool.take().is_some() {
        memory.save(&state).map_err(EngineError::from)?;
    }
    match std::fs::remove_dir_all(&dir) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(AgentError::Local {
            op: "remove",
            path: dir.display().to_string(),
            source,
        }),
        _ => Ok(()),
    }
}

fn change(profile: &Profile, limit: Option<u64>) -> Result<(), AgentError> {
    let _lock = profile.lock()?;
    let mut config = profile.config()?;
    config.spool_bytes = limit;
    profile.save_config(&config)
}
