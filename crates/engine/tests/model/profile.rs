//! A profile: who writes, what it remembers, and its catalogue.

use std::sync::{Arc, Mutex};

use strongroom_base::clock::Clock;
use strongroom_base::ids::ArchiveId;
use strongroom_base::random::RandomSource;
use strongroom_catalogue::Catalogue;
use strongroom_crypto::secret::Secret;
use strongroom_crypto::sign::SigningKey;
use strongroom_engine::{
    Destination, EngineError, Identity, Memory as _, Targets, Writer, WriterState,
};
use strongroom_format::keys::KeyRing;
use strongroom_store::fault::FaultPlan;
use tempfile::TempDir;

use crate::common::Remember;
use crate::common::crash::{Dying, copy_folder};
use crate::common::trees::fast_folder;
use crate::spool::Spool;

/// Who writes.
pub(crate) struct Profile {
    pub(crate) identity: Identity,
    pub(crate) memory: Remember,
    /// Where there is one.
    pub(crate) spool: Option<Spool>,
    folder: TempDir,
}

/// What an operation is disturbed by, and whether that is the end of the process.
#[derive(Clone, Default)]
pub(crate) struct Disturbance {
    pub(crate) plan: Option<Arc<FaultPlan>>,
    pub(crate) dies: bool,
}

impl Disturbance {
    /// Returns what is remembered as long as the process lives.
    pub(crate) fn memory<'m>(&self, memory: &'m Remember) -> Dying<'m> {
        Dying::new(memory, self.plan.clone().filter(|_| self.dies))
    }

    /// Takes a step that is no call of a store, before which the process may die as well.
    pub(crate) fn live_on(&self) -> Result<(), EngineError> {
        let nothing = Remember::default();
        Ok(self.memory(&nothing).save(&WriterState::default())?)
    }
}

impl Profile {
    pub(crate) fn new(
        archive: ArchiveId,
        ring: &Arc<KeyRing>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn RandomSource>,
    ) -> Self {
        let identity = Identity {
            archive,
            ring: ring.clone(),
            signer: new_signer(&*random),
            clock,
            random,
        };
        Self {
            identity,
            memory: Remember::default(),
            spool: None,
            folder: fast_folder(),
        }
    }

    /// Returns another one with the same keys, that knows nothing.
    pub(crate) fn elsewhere(&self) -> Self {
        let Identity {
            archive,
            ring,
            clock,
            random,
            ..
        } = &self.identity;
        Self::new(*archive, ring, clock.clone(), random.clone())
    }

    /// Returns a copy of everything.
    pub(crate) fn copy(&self) -> Self {
        let folder = fast_folder();
        copy_folder(self.folder.path(), folder.path());
        let state = self.memory.load().expect("it is in memory");
        Self {
            identity: self.identity.clone(),
            memory: Remember(Mutex::new(state)),
            spool: self.spool.as_ref().map(Spool::copy),
            folder,
        }
    }

    /// Draws a new key, as whoever adopts does.
    pub(crate) fn renew_signer(&mut self) {
        self.identity.signer = new_signer(&*self.identity.random);
    }

    pub(crate) fn catalogue(&self) -> Result<Catalogue, EngineError> {
        Ok(Catalogue::open(&self.folder.path().join("catalogue"))?)
    }

    /// Loses the catalogue.
    pub(crate) fn lose_catalogue(&self) {
        // There may be none yet.
        let _ = std::fs::remove_dir_all(self.folder.path().join("catalogue"));
    }

    /// Returns destinations and the spool, as an operation sees them.
    pub(crate) fn targets(
        &self,
        destinations: Vec<Destination>,
        disturbance: &Disturbance,
    ) -> Targets {
        let (archive, plan) = (self.identity.archive, disturbance.plan.as_ref());
        let spool = self.spool.as_ref();
        Targets {
            destinations,
            spool: spool.and_then(|spool| spool.replica(archive, plan)),
            queues: None,
        }
    }

    /// Opens a writer as the program does, lets destinations catch up, and lets it work.
    pub(crate) fn write<T>(
        &self,
        destinations: Vec<Destination>,
        disturbance: &Disturbance,
        work: impl FnOnce(&mut Writer<'_>, &Catalogue) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let memory = disturbance.memory(&self.memory);
        let targets = self.targets(destinations, disturbance);
        let mut writer = Writer::open(self.identity.clone(), targets, &memory)?;
        writer.catch_up(&mut |_| ())?;
        work(&mut writer, &self.catalogue()?)
    }
}

fn new_signer(random: &dyn RandomSource) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_seed(&Secret::random(random)))
}
