//! What every deed that writes an archive starts with: its lock, its keys, its destinations.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_catalogue::Catalogue;
use strongroom_engine::{Destination, EngineError, Identity, Targets, Writer};
use strongroom_replica::Replica;

use crate::backup::Tools;
use crate::destinations::{Reached, Unreached, reach, reach_within};
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, Lock, Profile};
use crate::wraps::{Wraps, fence, settle};
use crate::{AgentError, archives, spool};

/// An archive of a profile that is about to be written.
pub(crate) struct Writing<'p> {
    profile: &'p Profile,
    config: Config,
    archive: ArchiveId,
    memory: ProfileMemory<'p>,
    identity: Identity,
    _lock: Lock,
}

impl<'p> Writing<'p> {
    /// Takes the lock of an archive that has begun, and opens its keys.
    pub(crate) fn begin(
        profile: &'p Profile,
        asked: Option<ArchiveId>,
        tools: &Tools<'_>,
    ) -> Result<Self, AgentError> {
        let config = profile.config()?;
        let archive = archives::to_read(&config, asked)?.id;
        let lock = profile.lock_archive(archive)?;
        let wraps = Wraps::load(profile, archive)?;
        let (ring, _) = wraps.open(profile)?;
        let signer = profile.writer_key(archive, &*tools.random)?;
        let writing = Self {
            profile,
            archive,
            memory: ProfileMemory::new(profile, archive),
            identity: Identity {
                archive,
                ring: Arc::new(ring),
                signer: Arc::new(signer),
                clock: Arc::clone(&tools.clock),
                random: Arc::clone(&tools.random),
            },
            config,
            _lock: lock,
        };
        for there in reach(&writing.config, writing.settings()).0 {
            // What fails here shows when the archive is written there.
            let fence = || fence(profile, &writing.config, writing.settings());
            let _ = settle(&Replica::new(there.store, archive), &wraps, &fence);
        }
        Ok(writing)
    }

    pub(crate) fn settings(&self) -> &ArchiveConfig {
        let settings = self.config.archive(self.archive);
        settings.expect("the archive was chosen from the settings")
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity.clone()
    }

    pub(crate) fn memory(&self) -> &ProfileMemory<'p> {
        &self.memory
    }

    pub(crate) fn destinations(&self) -> Vec<Destination> {
        destinations(&self.config, self.settings())
    }

    /// Opens the writer, and brings destinations that are behind up to date.
    pub(crate) fn writer(&self) -> Result<Writer<'_>, AgentError> {
        let targets = Targets {
            destinations: self.destinations(),
            // One that cannot be opened stops no destination; `strongroom spool` says why.
            spool: spool::replica(self.profile, &self.config, self.archive)
                .ok()
                .flatten(),
            queues: None,
        };
        let mut writer = Writer::open(self.identity(), targets, &self.memory)?;
        writer.catch_up(&mut |_| ())?;
        Ok(writer)
    }

    /// Opens what this computer knows of files and chunks.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, AgentError> {
        let folder: PathBuf = self.profile.catalogue_dir(self.archive)?;
        Ok(Catalogue::open(&folder).map_err(EngineError::from)?)
    }

    /// Lets the next backup read every file again.
    pub(crate) fn read_all_again(&self) -> Result<(), AgentError> {
        let catalogue = self.catalogue()?;
        Ok(catalogue.forget_directories().map_err(EngineError::from)?)
    }
}

/// Returns the destinations of an archive as the engine takes them.
pub(crate) fn destinations(config: &Config, archive: &ArchiveConfig) -> Vec<Destination> {
    divided(config, archive, reach(config, archive))
}

/// As [`destinations`], where opening one takes no longer than `bound`.
pub(crate) fn destinations_within(
    config: &Config,
    archive: &ArchiveConfig,
    bound: Duration,
) -> Vec<Destination> {
    divided(config, archive, reach_within(config, archive, bound))
}

fn divided(
    config: &Config,
    archive: &ArchiveConfig,
    (reached, unreached): (Vec<Reached>, Vec<Unreached>),
) -> Vec<Destination> {
    let id_of = |name: &str| {
        let there = config.destination(name);
        there.map_or(DestinationId([0; 16]), |there| there.id)
    };
    let reached = reached.into_iter().map(|there| Destination {
        id: there.id,
        name: there.name,
        replica: Ok(Replica::new(there.store, archive.id)),
    });
    let unreached = unreached.into_iter().map(|there| Destination {
        id: id_of(&there.name),
        name: there.name,
        replica: Err(there.reason.to_string()),
    });
    reached.chain(unreached).collect()
}
