//! An archive that is about to be written: which it is, who writes, and where to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_crypto::suite::Suite;
use strongroom_engine::{
    Destination, EngineError, Identity, Memory as _, NewArchive, Targets, create_archive,
};
use strongroom_format::keys::KeyRing;
use strongroom_replica::Replica;
use strongroom_store::Folder;
use strongroom_store::bounded::Bounded;

use super::{CALL_BOUND, Dispatch, Lanes, Tools};
use crate::location::Location;
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, Profile};
use crate::retain::is_local;
use crate::wraps::{Wraps, fence, refuse_stale, settle};
use crate::{AgentError, spool, writing};

/// Nobody writes one object for so long.
const LEFTOVER_AGE: Duration = Duration::from_hours(24);

/// An archive that is about to be written.
pub(crate) struct Job<'a> {
    profile: &'a Profile,
    pub(super) config: Config,
    archive: ArchiveId,
    wraps: Wraps,
    /// Which destinations are left to queues; `None` where none is.
    pub(super) lanes: Option<Lanes>,
    /// Those that must not be used now where none is left to a queue, and why.
    pub(super) refused: BTreeMap<DestinationId, String>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(
        profile: &'a Profile,
        config: Config,
        archive: ArchiveId,
    ) -> Result<Self, AgentError> {
        let wraps = Wraps::load(profile, archive)?;
        Ok(Self {
            profile,
            config,
            archive,
            wraps,
            lanes: None,
            refused: BTreeMap::new(),
        })
    }

    /// Leaves alone what must not be used now, where no queue serves it either.
    pub(super) fn refuse(&mut self, dispatch: &dyn Dispatch) {
        let there = self.settings().destinations.iter();
        let there = there.filter_map(|id| self.config.destination_by_id(*id));
        let refused = there.filter_map(|there| Some((there.id, dispatch.refusal(there)?)));
        self.refused = refused.collect();
    }

    /// Says whether a destination must not be used any more.
    pub(super) fn is_refused(&self, dispatch: &dyn Dispatch, id: DestinationId) -> bool {
        let there = self.config.destination_by_id(id);
        there.is_some_and(|there| dispatch.refusal(there).is_some())
    }

    /// Returns which folders are destinations that nobody may ask now.
    pub(super) fn identities(&self) -> BTreeMap<PathBuf, Option<(u64, u64)>> {
        let lanes = self.lanes.as_ref();
        lanes.map_or_else(BTreeMap::new, |lanes| lanes.identities.clone())
    }

    /// Returns the archive.
    pub(crate) fn archive(&self) -> ArchiveId {
        self.archive
    }

    /// Returns who writes, and with what.
    pub(crate) fn identity(&self, tools: &Tools<'_>) -> Result<Identity, AgentError> {
        let (ring, _) = self.wraps.open(self.profile)?;
        let signer = self.profile.writer_key(self.archive, &*tools.random)?;
        Ok(Identity {
            archive: self.archive,
            ring: Arc::new(ring),
            signer: Arc::new(signer),
            clock: Arc::clone(&tools.clock),
            random: Arc::clone(&tools.random),
        })
    }

    pub(crate) fn settings(&self) -> &crate::profile::ArchiveConfig {
        let settings = self.config.archive(self.archive);
        settings.expect("the archive was chosen from the settings")
    }

    /// Starts an epoch where new objects are to be sealed in another way.
    pub(super) fn use_suite(
        &mut self,
        suite: Option<Suite>,
        random: &dyn RandomSource,
    ) -> Result<(), AgentError> {
        let Some(suite) = suite else { return Ok(()) };
        let (mut ring, custody) = self.wraps.open(self.profile)?;
        if ring.current().1 == suite {
            return Ok(());
        }
        refuse_stale(self.profile, &self.config, self.settings())?;
        ring.start_epoch(suite, random)?;
        let slots = self.wraps.keys.slots.clone();
        let settings = self.settings().clone();
        self.wraps
            .replace(self.profile, &settings, (&ring, &custody), slots, random)
    }

    /// Writes the first record where there is none yet, and brings the newest keys to every destination.
    pub(super) fn begin(&mut self, ring: &KeyRing, tools: &Tools<'_>) -> Result<bool, AgentError> {
        let begins = !self.settings().begun;
        if begins {
            let writer = self.profile.writer_key(self.archive, &*tools.random)?;
            let new = NewArchive {
                archive: self.archive,
                ring,
                keys_object: &self.wraps.bytes,
                writer: &writer,
            };
            let memory = ProfileMemory::new(self.profile, self.archive);
            let (clock, random) = (&*tools.clock, &*tools.random);
            let state = memory.load().map_err(EngineError::from)?;
            if state.head.is_none() {
                create_archive(&new, &self.destinations(), &memory, clock, random)?;
            }
            let _lock = self.profile.lock()?;
            let mut config = self.profile.config()?;
            if let Some(archive) = config.archive_mut(self.archive) {
                archive.begun = true;
            }
            self.profile.save_config(&config)?;
            self.config = config;
        }
        for replica in self
            .destinations()
            .into_iter()
            .filter_map(|there| there.replica.ok())
        {
            // What fails here shows when the archive is written there.
            let fence = || fence(self.profile, &self.config, &self.served().0);
            let _ = settle(&replica, &self.wraps, &fence);
        }
        Ok(begins)
    }

    /// Returns the destinations and the spool.
    pub(crate) fn targets(&self) -> Targets {
        Targets {
            destinations: self.destinations(),
            // One that cannot be opened stops no destination; `strongroom spool` says why.
            spool: spool::replica(self.profile, &self.config, self.archive)
                .ok()
                .flatten(),
            queues: self.lanes.as_ref().map(|lanes| lanes.queues.clone()),
        }
    }

    /// Returns the destinations that are not left to queues as the engine takes them. Where there are queues, none is waited for for ever.
    pub(crate) fn destinations(&self) -> Vec<Destination> {
        let (served, left_alone) = self.served();
        let mut destinations;
        if self.lanes.is_none() {
            destinations = writing::destinations(&self.config, &served);
        } else {
            destinations = writing::destinations_within(&self.config, &served, CALL_BOUND);
            for there in &mut destinations {
                let replica = there.replica.as_mut().ok();
                if let Some(replica) = replica.filter(|replica| !replica.store().is_far()) {
                    let bounded = Bounded::new(Arc::clone(replica.store()), CALL_BOUND);
                    *replica = Replica::new(Arc::new(bounded), self.archive);
                }
            }
        }
        destinations.extend(left_alone);
        destinations
    }

    /// Returns the settings with those destinations that this works with, and the others that no queue serves either.
    fn served(&self) -> (ArchiveConfig, Vec<Destination>) {
        let (mut served, mut left_alone) = (self.settings().clone(), Vec::new());
        if let Some(lanes) = &self.lanes {
            served
                .destinations
                .retain(|id| lanes.foreground.contains(id));
        } else {
            served.destinations.retain(|id| {
                let there = self.config.destination_by_id(*id);
                let refused = there.and_then(|there| Some((there, self.refused.get(id)?)));
                left_alone.extend(refused.map(|(there, why)| Destination {
                    id: there.id,
                    name: there.name.to_string(),
                    replica: Err(why.clone()),
                }));
                refused.is_none()
            });
        }
        (served, left_alone)
    }

    /// Returns the destinations that are folders of this computer.
    pub(crate) fn local_destinations(&self) -> BTreeSet<DestinationId> {
        let destinations = self.config.destinations.iter();
        let local = destinations.filter(|there| is_local(there));
        local.map(|there| there.id).collect()
    }

    /// Removes what writers that were killed left at destinations that are folders: halves of objects under temporary
    /// names. What cannot be removed now is so another time.
    pub(crate) fn remove_leftovers(&self, clock: &dyn Clock) {
        let destinations = self.settings().destinations.iter();
        for there in destinations.filter_map(|id| self.config.destination_by_id(*id)) {
            let location = Location::parse(&there.url, Path::new("/"));
            if let Ok(location) = &location
                && let Some(folder) = location.folder()
                && let Ok(folder) = Folder::open(folder)
            {
                let _ = folder.remove_stale_temporaries(clock.now(), LEFTOVER_AGE);
            }
        }
    }

    pub(super) fn lacks_password(&self) -> Result<bool, AgentError> {
        if !self.wraps.keys.slots.is_empty() {
            return Ok(false);
        }
        for other in &self.config.archives {
            if !Wraps::load(self.profile, other.id)?.keys.slots.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
