//! What the tests of the engine share.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part, and says what it uses it for"
)]

pub mod crash;
pub mod hooked;
pub mod trees;

use std::path::Path;
use std::sync::{Arc, Mutex};

use strongroom_base::clock::{Clock, SystemClock, Timestamp};
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_catalogue::Catalogue;
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::random::SystemRandom;
use strongroom_crypto::secret::Secret;
use strongroom_crypto::sign::SigningKey;
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::{BackupOptions, BackupSummary, backup};
use strongroom_engine::restore::{Conflict, RestoreOptions, RestorePlace, RestoreSummary, restore};
use strongroom_engine::verify::{ReadData, ReadTimes, VerifyOptions, VerifyReport, verify};
use strongroom_engine::{
    Destination, EngineError, Identity, Memory, MemoryError, Monitor, NewArchive, Progress, Stop,
    Warning, Writer, WriterState, create_archive,
};
use strongroom_format::keys::{KeyRing, KeysObject};
use strongroom_read::{Archive, ReadError, Replicas};
use strongroom_replica::Replica;
use strongroom_store::Store;

/// A clock that is moved by hand.
pub(crate) struct MovedClock(pub Mutex<Timestamp>);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Collects warnings.
#[derive(Default)]
pub(crate) struct Warnings(pub Mutex<Vec<Warning>>);

impl Monitor for Warnings {
    fn warning(&self, warning: Warning) {
        self.0.lock().unwrap().push(warning);
    }
}

/// Remembers in memory.
#[derive(Default)]
pub(crate) struct Remember(pub Mutex<WriterState>);

impl Memory for Remember {
    fn load(&self) -> Result<WriterState, MemoryError> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn save(&self, state: &WriterState) -> Result<(), MemoryError> {
        *self.0.lock().unwrap() = state.clone();
        Ok(())
    }
}

/// An archive, its keys and its destinations.
pub struct Setup {
    pub custody: Arc<CustodyKey>,
    pub identity: Identity,
    pub memory: Remember,
    pub stores: Vec<Arc<dyn Store>>,
    pub folder: tempfile::TempDir,
}

impl Setup {
    pub(crate) fn new(suite: Suite, stores: Vec<Arc<dyn Store>>) -> Self {
        let random = SystemRandom;
        let custody = CustodyKey::random(&random);
        let archive = ArchiveId::random(&random);
        let ring = Arc::new(KeyRing::random(suite, &random));
        let signer = Arc::new(SigningKey::from_seed(&Secret::random(&random)));
        let keys =
            KeysObject::new(archive, 1, &ring, &custody, vec![], &random).encode(&ring.authority());
        let identity = Identity {
            archive,
            ring,
            signer,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        };
        let folder = tempfile::tempdir().unwrap();
        let setup = Self {
            custody: Arc::new(custody),
            identity,
            memory: Remember::default(),
            stores,
            folder,
        };
        let new = NewArchive {
            archive,
            ring: &setup.identity.ring,
            keys_object: &keys,
            writer: &setup.identity.signer,
        };
        create_archive(
            &new,
            &setup.destinations(),
            &setup.memory,
            &SystemClock,
            &SystemRandom,
        )
        .unwrap();
        setup
    }

    pub(crate) fn destinations(&self) -> Vec<Destination> {
        self.stores
            .iter()
            .enumerate()
            .map(|(number, store)| Destination {
                id: DestinationId([u8::try_from(number).unwrap(); 16]),
                name: format!("d{number}"),
                replica: Ok(self.replica(store)),
            })
            .collect()
    }

    pub(crate) fn replica(&self, store: &Arc<dyn Store>) -> Replica {
        Replica::new(store.clone(), self.identity.archive)
    }

    pub(crate) fn catalogue(&self) -> Catalogue {
        Catalogue::open(&self.folder.path().join("catalogue")).unwrap()
    }

    pub(crate) fn backup(&self, root: &Path) -> Result<BackupSummary, EngineError> {
        self.backup_telling(root, &Warnings::default())
    }

    pub(crate) fn backup_telling(
        &self,
        root: &Path,
        warnings: &Warnings,
    ) -> Result<BackupSummary, EngineError> {
        let options = BackupOptions {
            roots: vec![root.to_owned()],
            ..BackupOptions::default()
        };
        self.backup_with(&options, warnings)
    }

    pub(crate) fn backup_with(
        &self,
        options: &BackupOptions,
        warnings: &Warnings,
    ) -> Result<BackupSummary, EngineError> {
        let mut writer = Writer::open(self.identity.clone(), self.destinations(), &self.memory)?;
        let (progress, stop) = (Progress::default(), Stop::default());
        backup(
            &mut writer,
            &self.catalogue(),
            options,
            warnings,
            &progress,
            &stop,
        )
    }

    pub(crate) fn open(&self, store: usize) -> Result<(Archive, Vec<ReadError>), ReadError> {
        let mut problems = Vec::new();
        let replicas = Replicas::new(vec![self.replica(&self.stores[store])])?;
        let archive = Archive::open(replicas, &self.custody, &mut problems)?;
        Ok((archive, problems))
    }

    pub(crate) fn restore_latest(&self, store: usize, to: &Path) -> RestoreSummary {
        let (archive, _) = self.open(store).unwrap();
        let latest = archive.latest().unwrap().unwrap();
        let options = restore_options(to);
        let (progress, stop) = (Progress::default(), Stop::default());
        restore(
            &archive,
            &latest.snapshot,
            &options,
            &Warnings::default(),
            &progress,
            &stop,
        )
        .unwrap()
    }

    pub(crate) fn verify(&self, store: usize) -> VerifyReport {
        let (archive, problems) = self.open(store).unwrap();
        let all = ReadData::Percent {
            percent: 100,
            turn: 0,
        };
        let mut times = ReadTimes::default();
        let mut options = VerifyOptions {
            read_data: all,
            acknowledged: None,
            times: &mut times,
            now: Timestamp(0),
        };
        verify(
            &archive,
            &problems,
            &mut options,
            &Progress::default(),
            &Stop::default(),
        )
        .unwrap()
    }
}

pub(crate) fn restore_options(to: &Path) -> RestoreOptions {
    RestoreOptions {
        paths: vec![],
        place: RestorePlace::Folder(to.to_owned()),
        on_conflict: Conflict::Overwrite,
        delete: None,
        closed: Vec::new(),
        closed_archives: Vec::new(),
        dry_run: false,
        verify: true,
    }
}

/// Writes a file for a test.
pub(crate) fn write(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(path)
        .unwrap()
        .write_all(bytes)
        .unwrap();
}

/// Bytes that do not compress and are the same every time.
pub(crate) fn noise(seed: u32, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    let key = Secret::new(strongroom_crypto::hash::hash(&seed.to_be_bytes()));
    strongroom_crypto::hash::keyed_xof(&key, b"noise", &mut out);
    out
}

/// Says what differs between two trees, with the strictest comparison there is.
pub(crate) fn differences(a: &Path, b: &Path) -> String {
    differences_of("-aHAX", a, b)
}

/// Says what differs between two trees but for their times.
pub(crate) fn differences_but_times(a: &Path, b: &Path) -> String {
    differences_of("-rlpgoDHAX", a, b)
}

fn differences_of(what: &str, a: &Path, b: &Path) -> String {
    let out = std::process::Command::new("rsync")
        .args([
            what,
            "--checksum",
            "--dry-run",
            "--itemize-changes",
            "--delete",
        ])
        .arg(format!("{}/", a.display()))
        .arg(format!("{}/", b.display()))
        .output()
        .expect("rsync is installed by `cargo xtask test`");
    format!(
        "{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    )
}
