//! A state to start from, runs that are cut short at one call of the stores, and what must hold then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::{Clock, SystemClock, Timestamp};
use strongroom_base::ids::{DestinationId, Seq};
use strongroom_base::object::ObjectRef;
use strongroom_catalogue::Catalogue;
use strongroom_engine::backup::{BackupOptions, BackupSummary, backup, backup_changes};
use strongroom_engine::erase::{EraseOptions, Erasure, erase_condemned};
use strongroom_engine::forget::forget;
use strongroom_engine::prune::{PruneOptions, PruneSummary, prune};
use strongroom_engine::repair::{Repaired, repair};
use strongroom_engine::restore::{RestoreSummary, restore};
use strongroom_engine::verify::{ReadData, ReadTimes, VerifyOptions, VerifyReport, verify};
use strongroom_engine::{
    Destination, EngineError, Head, Memory as WriterMemory, MemoryError, Progress, Stop, Targets,
    Writer, WriterState,
};
use strongroom_read::{Archive, Replicas, SnapshotInfo};
use strongroom_replica::Replica;
use strongroom_replica::layout::object_path;
use strongroom_store::fault::{FaultPlan, FaultStore};
use strongroom_store::{Memory, ObjectPath, Quota, Store};

use super::hooked::{Hook, Hooked};
use super::trees::{Tree, differing, fast_folder, read_tree};
use super::{Remember, Setup, Warnings, restore_options};

/// What a writer remembers, lost from the moment at which the plan stops: saving counts as a call.
pub struct Dying<'a> {
    inner: &'a Remember,
    plan: Option<FaultStore<Memory>>,
}

impl<'a> Dying<'a> {
    /// Lets a plan decide when `inner` is lost; never where there is none.
    pub fn new(inner: &'a Remember, plan: Option<Arc<FaultPlan>>) -> Self {
        Self {
            inner,
            plan: plan.map(|plan| FaultStore::new(Memory::new(), plan)),
        }
    }
}

impl WriterMemory for Dying<'_> {
    fn load(&self) -> Result<WriterState, MemoryError> {
        self.inner.load()
    }

    fn save(&self, state: &WriterState) -> Result<(), MemoryError> {
        if let Some(plan) = &self.plan {
            let path = ObjectPath::new("state").unwrap();
            let put = plan.put_new(&path, b"").map(drop);
            put.map_err(|error| MemoryError(Box::new(error)))?;
        }
        self.inner.save(state)
    }
}

/// How the stores of a run behave.
pub struct Run<'a> {
    /// Decides which calls fail; none of them where there is no plan.
    pub plan: Option<Arc<FaultPlan>>,
    /// Whether a stop of the plan is the end of the process, which cannot save its memory either.
    pub dies: bool,
    /// The destinations that cannot be reached.
    pub away: &'a [usize],
}

impl Run<'_> {
    pub const fn sound() -> Self {
        Self {
            plan: None,
            dies: false,
            away: &[],
        }
    }
}

/// An archive with its writer's memory and catalogue, of which copies are cheap.
pub struct World {
    pub setup: Setup,
    pub stores: Vec<Arc<Memory>>,
    /// The spool, where there is one.
    pub spool: Option<Arc<Memory>>,
    /// How many bytes it may take.
    pub spool_limit: u64,
}

impl World {
    pub fn new(destinations: usize) -> Self {
        Self::with_clock(destinations, Arc::new(SystemClock))
    }

    /// Makes a world in which this is the time, for the writer and for every destination.
    pub fn with_clock(destinations: usize, clock: Arc<dyn Clock>) -> Self {
        let store = |_| Arc::new(Memory::with_clock(clock.clone()));
        let stores: Vec<Arc<Memory>> = (0..destinations).map(store).collect();
        let dynamic = stores.iter().map(|store| store.clone() as Arc<dyn Store>);
        let suite = strongroom_crypto::suite::Suite::Aes256;
        let mut setup = Setup::new(suite, dynamic.collect());
        setup.folder = fast_folder();
        setup.identity.clock = clock;
        Self {
            setup,
            stores,
            spool: None,
            spool_limit: u64::MAX,
        }
    }

    /// Adds an empty spool.
    pub fn with_spool(self) -> Self {
        Self {
            spool: Some(Arc::new(Memory::new())),
            ..self
        }
    }

    /// Returns the destinations, and the spool.
    fn targets(&self, run: &Run<'_>) -> Targets {
        let spool = self.spool.as_ref().map(|store| {
            let limited = Quota::new(store.clone(), self.spool_limit).unwrap();
            let store: Arc<dyn Store> = match &run.plan {
                Some(plan) => Arc::new(FaultStore::new(limited, plan.clone())),
                None => Arc::new(limited),
            };
            Replica::new(store, self.setup.identity.archive)
        });
        Targets {
            destinations: self.destinations(run),
            spool,
            queues: None,
        }
    }

    /// Copies everything that outlives a process.
    pub fn fork(&self) -> Self {
        let stores: Vec<Arc<Memory>> = self
            .stores
            .iter()
            .map(|store| Arc::new(copy_of(store)))
            .collect();
        let dynamic = stores.iter().map(|store| store.clone() as Arc<dyn Store>);
        let folder = fast_folder();
        copy_folder(self.setup.folder.path(), folder.path());
        let setup = Setup {
            custody: self.setup.custody.clone(),
            identity: self.setup.identity.clone(),
            memory: Remember(std::sync::Mutex::new(self.setup.memory.load().unwrap())),
            stores: dynamic.collect(),
            folder,
        };
        let spool = self.spool.as_ref().map(|store| Arc::new(copy_of(store)));
        Self {
            setup,
            stores,
            spool,
            spool_limit: self.spool_limit,
        }
    }

    pub fn destinations(&self, run: &Run<'_>) -> Vec<Destination> {
        let destination = |(number, store): (usize, &Arc<Memory>)| {
            let store: Arc<dyn Store> = match &run.plan {
                Some(plan) => Arc::new(FaultStore::new(store.clone(), plan.clone())),
                None => store.clone(),
            };
            let replica = if run.away.contains(&number) {
                Err("it is away".to_owned())
            } else {
                Ok(Replica::new(store, self.setup.identity.archive))
            };
            Destination {
                id: DestinationId([u8::try_from(number).unwrap(); 16]),
                name: format!("d{number}"),
                replica,
            }
        };
        self.stores.iter().enumerate().map(destination).collect()
    }

    /// Returns what another computer with the same keys has: nothing but the stores.
    pub fn elsewhere(&self) -> Self {
        let random = strongroom_crypto::random::SystemRandom;
        let mut identity = self.setup.identity.clone();
        let seed = strongroom_crypto::secret::Secret::random(&random);
        identity.signer = Arc::new(strongroom_crypto::sign::SigningKey::from_seed(&seed));
        let setup = Setup {
            custody: self.setup.custody.clone(),
            identity,
            memory: Remember::default(),
            stores: self.setup.stores.clone(),
            folder: fast_folder(),
        };
        Self {
            setup,
            stores: self.stores.clone(),
            spool: None,
            spool_limit: u64::MAX,
        }
    }

    /// Adopts the archive as the program does.
    pub fn adopt(&self, run: &Run<'_>) -> Result<(), EngineError> {
        let plan = run.plan.clone().filter(|_| run.dies);
        let memory = Dying::new(&self.setup.memory, plan);
        let identity = self.setup.identity.clone();
        Writer::adopt(identity, self.destinations(run), &memory)?.catch_up(&mut |_| ())
    }

    /// Accepts what a destination has, as the program does.
    pub fn accept(&self, destination: DestinationId, run: &Run<'_>) -> Result<bool, EngineError> {
        let plan = run.plan.clone().filter(|_| run.dies);
        let memory = Dying {
            inner: &self.setup.memory,
            plan: plan.map(|plan| FaultStore::new(Memory::new(), plan)),
        };
        let (identity, there) = (self.setup.identity.clone(), self.destinations(run));
        let (mut writer, went_back) =
            Writer::accept(identity, there, &memory, destination, &mut || Ok(()))?;
        writer.catch_up(&mut |_| ())?;
        Ok(went_back.is_some())
    }

    /// Opens the writer when all is well.
    pub fn writer(&self) -> Writer<'_> {
        let destinations = self.destinations(&Run::sound());
        let identity = self.setup.identity.clone();
        let mut writer = Writer::open(identity, destinations, &self.setup.memory).unwrap();
        writer.catch_up(&mut |_| ()).unwrap();
        writer
    }

    /// Opens the writer with a hook before every call of the stores.
    pub fn hooked(&self, hook: impl Fn() -> Hook) -> Result<Writer<'_>, EngineError> {
        let hooked = |(number, store): (usize, &Arc<Memory>)| {
            let (inner, hook) = (store.clone(), hook());
            let store: Arc<dyn Store> = Arc::new(Hooked { inner, hook });
            Destination {
                id: DestinationId([u8::try_from(number).unwrap(); 16]),
                name: format!("d{number}"),
                replica: Ok(Replica::new(store, self.setup.identity.archive)),
            }
        };
        let destinations: Vec<_> = self.stores.iter().enumerate().map(hooked).collect();
        Writer::open(
            self.setup.identity.clone(),
            destinations,
            &self.setup.memory,
        )
    }

    /// Changes a byte of the objects of a destination whose paths contain a text, so far from the end.
    pub fn flip(&self, store: usize, text: &str, from_end: usize) -> usize {
        let mut objects = self.objects(store);
        objects.retain(|path, _| path.as_str().contains(text));
        for (path, bytes) in &mut objects {
            let at = bytes.len() - from_end;
            bytes[at] ^= 1;
            self.stores[store].delete(path).unwrap();
            let _ = self.stores[store].put_new(path, bytes).unwrap();
        }
        objects.len()
    }

    /// Deletes the objects of a destination whose paths contain a text; returns how many.
    pub fn delete(&self, store: usize, text: &str) -> usize {
        let paths = self.objects(store).into_keys();
        let paths: Vec<_> = paths.filter(|path| path.as_str().contains(text)).collect();
        for path in &paths {
            self.stores[store].delete(path).unwrap();
        }
        paths.len()
    }

    /// Backs up as the program does: those that are behind catch up first.
    pub fn backup(&self, root: &Path, run: &Run<'_>) -> Result<BackupSummary, EngineError> {
        let options = BackupOptions {
            roots: vec![root.to_owned()],
            ..BackupOptions::default()
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        let warnings = Warnings::default();
        self.write(run, |writer, catalogue| {
            backup(writer, catalogue, &options, &warnings, &progress, &stop)
        })
    }

    /// Backs up what changed, as something that watches does; `None` where nothing did.
    pub fn backup_changes(
        &self,
        options: &BackupOptions,
        progress: &Progress,
        run: &Run<'_>,
    ) -> Result<Option<BackupSummary>, EngineError> {
        let (warnings, stop) = (Warnings::default(), Stop::default());
        self.write(run, |writer, catalogue| {
            backup_changes(writer, catalogue, options, &warnings, progress, &stop)
        })
    }

    /// Opens a writer as the program does, and lets it work.
    fn write<T>(
        &self,
        run: &Run<'_>,
        work: impl FnOnce(&mut Writer<'_>, &Catalogue) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let plan = run.plan.clone().filter(|_| run.dies);
        let memory = Dying::new(&self.setup.memory, plan);
        let identity = self.setup.identity.clone();
        let mut writer = Writer::open(identity, self.targets(run), &memory)?;
        writer.catch_up(&mut |_| ())?;
        let catalogue = Catalogue::open(&self.setup.folder.path().join("catalogue"))?;
        work(&mut writer, &catalogue)
    }

    /// Forgets snapshots.
    pub fn forget(&self, snapshots: &[Seq], run: &Run<'_>) -> Result<Option<Head>, EngineError> {
        self.write(run, |writer, _| forget(writer, snapshots))
    }

    /// Prunes.
    pub fn prune(
        &self,
        options: &PruneOptions,
        run: &Run<'_>,
    ) -> Result<PruneSummary, EngineError> {
        let (progress, stop) = (Progress::default(), Stop::default());
        let warnings = Warnings::default();
        self.write(run, |writer, catalogue| {
            prune(writer, catalogue, options, &warnings, &progress, &stop)
        })
    }

    /// Makes index runs anew.
    pub fn repair(&self, run: &Run<'_>) -> Result<Repaired, EngineError> {
        let (progress, stop) = (Progress::default(), Stop::default());
        self.write(run, |writer, _| repair(writer, false, &progress, &stop))
    }

    /// Erases what was given up and is older than the grace; the last destination is a disk of this computer.
    pub fn erase(&self, grace: Duration, run: &Run<'_>) -> Result<Vec<Erasure>, EngineError> {
        let last = self.stores.len() - 1;
        let local = self.destinations(run)[last].id;
        let options = EraseOptions {
            grace,
            local: [local].into(),
            dry_run: false,
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        self.write(run, |writer, _| {
            Ok(erase_condemned(writer, &options, &progress, &stop))
        })
    }

    pub fn archive(&self, stores: &[usize]) -> Archive {
        let replica = |number: &usize| self.setup.replica(&self.setup.stores[*number]);
        let replicas = Replicas::new(stores.iter().map(replica).collect()).unwrap();
        let ring = self.setup.identity.ring.clone();
        let mut problems = Vec::new();
        let archive = Archive::with_key_ring(replicas, ring, &mut problems).unwrap();
        assert!(problems.is_empty(), "{problems:?}");
        archive
    }

    /// Verifies every byte of a destination, which must be sound, and returns its snapshots.
    pub fn verify_clean(&self, store: usize, case: &str) -> (Vec<SnapshotInfo>, VerifyReport) {
        let archive = self.archive(&[store]);
        let all = ReadData::Percent {
            percent: 100,
            turn: 0,
        };
        let (progress, stop) = (Progress::default(), Stop::default());
        let mut times = ReadTimes::default();
        let mut options = VerifyOptions {
            read_data: all,
            acknowledged: None,
            times: &mut times,
            now: Timestamp(0),
        };
        let report = verify(&archive, &[], &mut options, &progress, &stop).unwrap();
        assert!(report.is_clean(), "{case}: d{store}: {:?}", report.damage);
        (archive.snapshots().unwrap().0, report)
    }

    /// Restores snapshots of a destination, which must be these trees.
    pub fn restores(&self, store: usize, infos: &[SnapshotInfo], trees: &[&Tree], case: &str) {
        let archive = self.archive(&[store]);
        for (info, tree) in infos.iter().zip(trees) {
            let target = fast_folder();
            let summary = restore_to(&archive, info, target.path());
            assert_eq!((summary.damaged, summary.failed), (0, 0), "{case}");
            let differing = differing(tree, &read_tree(target.path()));
            assert!(differing.is_empty(), "{case}: {}: {differing:?}", info.id);
        }
    }

    /// Returns the objects of a destination.
    pub fn objects(&self, store: usize) -> BTreeMap<ObjectPath, Vec<u8>> {
        let mut objects = BTreeMap::new();
        let store = &self.stores[store];
        let mut paths = Vec::new();
        store.list("", &mut |path, _| paths.push(path)).unwrap();
        for path in paths {
            let bytes = store.get(&path, u64::MAX).unwrap();
            objects.insert(path, bytes);
        }
        objects
    }

    /// Returns the live objects of a destination, records among them.
    pub fn live(&self, store: usize) -> BTreeMap<ObjectPath, Vec<u8>> {
        let (_, log, _) = self.archive(&[store]).snapshots().unwrap();
        let archive = self.setup.identity.archive;
        let live = log.live();
        let path = |(object, _): (&ObjectRef, u64)| object_path(archive, object);
        let paths: BTreeSet<ObjectPath> = live.iter().map(path).collect();
        let mut objects = self.objects(store);
        objects.retain(|path, _| paths.contains(path));
        assert_eq!(objects.len(), paths.len());
        objects
    }

    /// Returns the objects of a destination that records name, records and the rest.
    pub fn recorded(&self, store: usize) -> BTreeMap<ObjectPath, Vec<u8>> {
        let (_, log, _) = self.archive(&[store]).snapshots().unwrap();
        let live = log.live();
        let mut objects = self.objects(store);
        let replica = self.setup.replica(&self.setup.stores[store]);
        for (object, _) in replica.content_objects().unwrap() {
            if live.size(&object).is_none() {
                let archive = self.setup.identity.archive;
                objects.remove(&strongroom_replica::layout::object_path(archive, &object));
            }
        }
        objects
    }
}

pub fn restore_to(archive: &Archive, info: &SnapshotInfo, to: &Path) -> RestoreSummary {
    let options = restore_options(to);
    let (progress, stop) = (Progress::default(), Stop::default());
    let warnings = Warnings::default();
    restore(
        archive,
        &info.snapshot,
        &options,
        &warnings,
        &progress,
        &stop,
    )
    .unwrap()
}

pub fn copy_of(store: &Memory) -> Memory {
    let copy = Memory::new();
    let mut paths = Vec::new();
    store.list("", &mut |path, _| paths.push(path)).unwrap();
    for path in paths {
        let bytes = store.get(&path, u64::MAX).unwrap();
        let _ = copy.put_new(&path, &bytes).unwrap();
    }
    copy
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
