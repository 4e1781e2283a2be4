//! The snapshots of an archive, read again when there are new ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use strongroom_base::ids::ArchiveId;
use strongroom_base::object::RecordId;
use strongroom_format::body::Root;
use strongroom_format::keys::KeyRing;
use strongroom_read::{Archive, ReadError, Replicas, SnapshotInfo};

use crate::error::MountError;
use crate::names;
use crate::problems::Problems;

/// How long the list of snapshots is believed.
const BELIEVED: Duration = Duration::from_secs(2);

/// A snapshot and the name of its folder.
pub(crate) struct Shown {
    pub(crate) info: SnapshotInfo,
    pub(crate) name: String,
}

/// The archive as of one moment.
pub(crate) struct Moment {
    /// Differs between moments.
    pub(crate) number: u64,
    pub(crate) archive: Arc<Archive>,
    /// Oldest first.
    pub(crate) snapshots: Vec<Arc<Shown>>,
    by_name: BTreeMap<String, usize>,
}

/// What stands at a path of a snapshot.
pub(crate) enum AtPath<'a> {
    /// A root: its number, and itself.
    Root(usize, &'a Root),
    /// Nothing but folders that lead to roots.
    Above,
    Nothing,
}

impl Shown {
    /// Returns what stands at a path that has no slash at its end.
    pub(crate) fn at(&self, path: &[u8]) -> AtPath<'_> {
        let roots = &self.info.snapshot.roots;
        let found = roots.iter().enumerate();
        let mut is_above = path.is_empty();
        for (number, root) in found {
            let of_root = trim(&root.path);
            if of_root == path {
                return AtPath::Root(number, root);
            }
            let rest = of_root.strip_prefix(path);
            is_above |= rest.is_some_and(|rest| rest.first() == Some(&b'/'));
        }
        if is_above {
            AtPath::Above
        } else {
            AtPath::Nothing
        }
    }

    /// Returns the names in a folder that only leads to roots, sorted.
    pub(crate) fn names_above(&self, path: &[u8]) -> Vec<Vec<u8>> {
        let roots = self.info.snapshot.roots.iter();
        let next = |root: &Root| {
            let rest = trim(&root.path).strip_prefix(path)?.strip_prefix(b"/")?;
            let name = rest.split(|byte| *byte == b'/').next()?;
            (!name.is_empty()).then(|| name.to_vec())
        };
        let mut names: Vec<Vec<u8>> = roots.filter_map(next).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Drops slashes at the end.
fn trim(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/');
    &path[..end.map_or(0, |end| end + 1)]
}

impl Moment {
    /// Returns the snapshot whose folder has this name.
    pub(crate) fn by_name(&self, name: &[u8]) -> Option<&Arc<Shown>> {
        let name = std::str::from_utf8(name).ok()?;
        Some(&self.snapshots[*self.by_name.get(name)?])
    }

    /// Returns the newest snapshot.
    pub(crate) fn latest(&self) -> Option<&Arc<Shown>> {
        self.snapshots.last()
    }
}

/// When somebody looked, and what was there.
struct Checked {
    at: Instant,
    records: Vec<RecordId>,
}

/// The archive that is mounted.
pub(crate) struct History {
    replicas: Replicas,
    ring: Arc<KeyRing>,
    now: RwLock<Arc<Moment>>,
    checked: Mutex<Checked>,
    problems: Arc<Problems>,
}

impl History {
    pub(crate) fn new(archive: Archive, problems: Arc<Problems>) -> Result<Self, MountError> {
        let (replicas, ring) = (archive.replicas().clone(), archive.key_ring().clone());
        let records = record_ids(&replicas).unwrap_or_default();
        let now = RwLock::new(Arc::new(moment(0, archive, &problems)?));
        let checked = Mutex::new(Checked {
            at: Instant::now(),
            records,
        });
        Ok(Self {
            replicas,
            ring,
            now,
            checked,
            problems,
        })
    }

    pub(crate) fn id(&self) -> ArchiveId {
        self.replicas.archive()
    }

    /// Returns what is known.
    pub(crate) fn now(&self) -> Arc<Moment> {
        self.now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns what there is, having looked lately. One thread looks; the others take what is known.
    pub(crate) fn looked(&self) -> Arc<Moment> {
        if let Ok(mut checked) = self.checked.try_lock()
            && checked.at.elapsed() >= BELIEVED
        {
            self.look(&mut checked);
        }
        self.now()
    }

    /// Looks at once; says whether there was something new.
    pub(crate) fn look_again(&self) -> bool {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        self.look(&mut checked)
    }

    fn look(&self, checked: &mut Checked) -> bool {
        let changed = self.look_for_records(checked);
        checked.at = Instant::now();
        changed.unwrap_or_else(|error| {
            self.problems.tell(b"the list of snapshots", &error);
            false
        })
    }

    fn look_for_records(&self, checked: &mut Checked) -> Result<bool, ReadError> {
        let records = record_ids(&self.replicas)?;
        if records == checked.records {
            return Ok(false);
        }
        let mut damaged = Vec::new();
        let (replicas, ring) = (self.replicas.clone(), self.ring.clone());
        let archive = Archive::with_key_ring(replicas, ring, &mut damaged)?;
        for error in damaged {
            self.problems.tell(b"the index", &error);
        }
        let number = self.now().number + 1;
        let moment = Arc::new(moment(number, archive, &self.problems)?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = moment;
        checked.records = records;
        Ok(true)
    }
}

fn record_ids(replicas: &Replicas) -> Result<Vec<RecordId>, ReadError> {
    replicas.ask(|replica| Ok(replica.record_ids()?))
}

fn moment(number: u64, archive: Archive, problems: &Problems) -> Result<Moment, ReadError> {
    let (found, log, damaged) = archive.snapshots()?;
    for error in &damaged {
        problems.tell(b"the log", error);
    }
    for error in &log.problems {
        problems.tell(b"the log", error);
    }
    let shown = |info: SnapshotInfo| {
        let name = names::of_snapshot(&info);
        Arc::new(Shown { info, name })
    };
    let snapshots: Vec<Arc<Shown>> = found.into_iter().map(shown).collect();
    let names = snapshots.iter().enumerate();
    let by_name = names
        .map(|(number, shown)| (shown.name.clone(), number))
        .collect();
    Ok(Moment {
        number,
        archive: Arc::new(archive),
        snapshots,
        by_name,
    })
}
