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
use crate::profile::{Config, Profile};

/// What the spool of one archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// The archive.
    pub archive: ArchiveId,
    /// Bytes.
    pub bytes: u64,
    /// Records that no destination has acknowledged.
    pub unacknowledged: u64,
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
    let Some(limit) = config.spool_bytes else {
        return Ok(None);
    };
    let dir = profile.spool_dir(archive);
    durable::create_private_dir(&dir)?;
    let store = Quota::new(Folder::create(&dir)?, limit)?;
    Ok(Some(Replica::new(Arc::new(store), archive)))
}

/// Says what is in the spools.
pub fn look(profile: &Profile) -> Result<Spool, AgentError> {
    let config = profile.config()?;
    let spools = config.archives.iter().map(|archive| {
        let dir = profile.spool_dir(archive.id);
        let there = dir.exists().then(|| spooled(profile, archive.id, &dir));
        there.transpose()
    });
    let archives = spools.filter_map(Result::transpose);
    Ok(Spool {
        limit: config.spool_bytes,
        archives: archives.collect::<Result<_, _>>()?,
    })
}

fn spooled(profile: &Profile, archive: ArchiveId, dir: &Path) -> Result<Spooled, AgentError> {
    let (folder, mut bytes) = (Folder::open(dir)?, 0);
    folder.list("", &mut |_, size| bytes += size)?;
    let memory = ProfileMemory::new(profile, archive).load();
    let state = memory.map_err(EngineError::from)?;
    let safe = state.heads.values().map(|head| head.id).max();
    let ids = Replica::new(Arc::new(folder), archive).record_ids()?;
    let unacknowledged = match state.spool {
        Some(_) => ids.iter().filter(|id| Some(**id) > safe).count() as u64,
        None => 0,
    };
    Ok(Spooled {
        archive,
        bytes,
        unacknowledged,
    })
}

/// Gives every archive a spool of so many bytes at most.
pub fn set_limit(profile: &Profile, bytes: u64) -> Result<(), AgentError> {
    change(profile, Some(bytes))
}

/// Erases the spools, and makes no more. Refuses while one holds what no destination has.
pub fn turn_off(profile: &Profile) -> Result<(), AgentError> {
    let archives = profile.config()?.archives;
    for archive in archives {
        let _lock = profile.lock_archive(archive.id)?;
        let dir = profile.spool_dir(archive.id);
        if !dir.exists() {
            continue;
        }
        let held = spooled(profile, archive.id, &dir)?;
        if held.unacknowledged > 0 {
            return Err(AgentError::SpoolHolds {
                archive: archive.id.to_string(),
            });
        }
        let memory = ProfileMemory::new(profile, archive.id);
        let mut state = memory.load().map_err(EngineError::from)?;
        if state.spool.take().is_some() {
            memory.save(&state).map_err(EngineError::from)?;
        }
        std::fs::remove_dir_all(&dir).map_err(|source| AgentError::Local {
            op: "remove",
            path: dir.display().to_string(),
            source,
        })?;
    }
    change(profile, None)
}

fn change(profile: &Profile, limit: Option<u64>) -> Result<(), AgentError> {
    let _lock = profile.lock()?;
    let mut config = profile.config()?;
    config.spool_bytes = limit;
    profile.save_config(&config)
}
