//! A wrapper that fails on purpose, to try every operation that writes with a fault at each of its calls.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;
use strongroom_base::clock::Timestamp;

use crate::files::{self, Temporary};
use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError, durable};

/// An error at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The destination is full.
    Full,
    /// The destination is read-only.
    ReadOnly,
    /// The destination does not permit it.
    Denied,
    /// The destination is missing.
    Gone,
    /// Something else fails and nothing has happened.
    Io,
    /// The call does its work and its answer is lost.
    LostAnswer,
}

impl Fault {
    fn error(self, op: &'static str, path: &str) -> StoreError {
        let errno = match self {
            Self::Full => Errno::NOSPC,
            Self::ReadOnly => Errno::ROFS,
            Self::Denied => Errno::ACCESS,
            Self::Io | Self::LostAnswer => Errno::IO,
            Self::Gone => {
                return StoreError::Gone {
                    path: path.to_owned(),
                    source: Errno::NOENT.into(),
                };
            }
        };
        StoreError::from_io(op, &path, errno.into())
    }
}

/// Which calls fail, counted from 1 across all stores that share the plan.
#[derive(Debug)]
pub struct FaultPlan {
    calls: AtomicU64,
    stop_after: u64,
    faults: BTreeMap<u64, Fault>,
}

impl FaultPlan {
    /// Plans that nothing fails; the calls are counted.
    pub fn none() -> Self {
        Self::stop_after(u64::MAX)
    }

    /// Plans that `calls` calls work and every later one fails with [`StoreError::Stopped`], as if the
    /// process had been killed.
    pub fn stop_after(calls: u64) -> Self {
        Self {
            calls: AtomicU64::new(0),
            stop_after: calls,
            faults: BTreeMap::new(),
        }
    }

    /// Plans an error at one more call, the first being 1.
    #[must_use]
    pub fn with_fault(mut self, call: u64, fault: Fault) -> Self {
        self.faults.insert(call, fault);
        self
    }

    /// Returns how many calls there were, failed ones too.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    fn next(&self) -> Step {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        if call > self.stop_after {
            return Step::Stop {
                first: call == self.stop_after + 1,
            };
        }
        self.faults
            .get(&call)
            .copied()
            .map_or(Step::Work, Step::Fail)
    }
}

enum Step {
    Work,
    Fail(Fault),
    Stop { first: bool },
}

impl Step {
    fn run<T>(
        self,
        op: &'static str,
        path: &str,
        work: impl FnOnce() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self {
            Self::Work => work(),
            Self::Fail(fault) => {
                if fault == Fault::LostAnswer {
                    work()?;
                }
                Err(fault.error(op, path))
            }
            Self::Stop { .. } => Err(StoreError::Stopped),
        }
    }
}

/// A store that fails when its plan says so.
#[derive(Debug)]
pub struct FaultStore<S> {
    inner: S,
    plan: Arc<FaultPlan>,
    halves: Option<PathBuf>,
}

impl<S: Store> FaultStore<S> {
    /// Lets `plan` decide which calls to `inner` fail.
    pub fn new(inner: S, plan: Arc<FaultPlan>) -> Self {
        Self {
            inner,
            plan,
            halves: None,
        }
    }

    /// Lets the put at which the plan stops leave half of its bytes in a temporary file, as a killed
    /// [`Folder`](crate::Folder) store with this root would.
    #[must_use]
    pub fn leaving_halves(mut self, root: &Path) -> Self {
        self.halves = Some(root.to_owned());
        self
    }

    /// Returns the store that does the work.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn leave_half(&self, path: &ObjectPath, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(root) = &self.halves else {
            return Ok(());
        };
        let folder = root.join(path.split().0);
        durable::create_private_dir(&folder)?;
        let leave = || -> io::Result<()> {
            let dir = files::open_dir(&folder)?;
            let mut temporary = Temporary::create(dir.as_fd())?;
            temporary.write(&bytes[..bytes.len() / 2])?;
            temporary.keep();
            Ok(())
        };
        leave().map_err(|error| StoreError::from_io("write", path, error))
    }
}

impl<S: Store> Store for FaultStore<S> {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let step = self.plan.next();
        if let Step::Stop { first: true } = step {
            self.leave_half(path, bytes)?;
        }
        step.run("write", path.as_str(), || self.inner.put_new(path, bytes))
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.plan
            .next()
            .run("read", path.as_str(), || self.inner.get(path, len_max))
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let get = || self.inner.get_range(path, offset, len);
        self.plan.next().run("read", path.as_str(), get)
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.plan
            .next()
            .run("open", path.as_str(), || self.inner.size(path))
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.plan
            .next()
            .run("open", path.as_str(), || self.inner.modified(path))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        self.plan
            .next()
            .run("list", prefix, || self.inner.list(prefix, visit))
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.plan
            .next()
            .run("delete", path.as_str(), || self.inner.delete(path))
    }

    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        let look = || self.inner.locked_until(path);
        self.plan.next().run("open", path.as_str(), look)
    }

    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        let extend = || self.inner.extend_lock(path, until);
        self.plan.next().run("lock", path.as_str(), extend)
    }

    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        self.inner.remove_empty(prefix)
    }

    fn is_far(&self) -> bool {
        self.inner.is_far()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.inner.properties()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Folder, Memory};

    fn path(text: &str) -> ObjectPath {
        ObjectPath::new(text).unwrap()
    }

    #[test]
    fn a_plan_stops_all_stores_that_share_it() {
        let plan = Arc::new(FaultPlan::stop_after(2));
        let one = FaultStore::new(Memory::new(), Arc::clone(&plan));
        let two = FaultStore::new(Memory::new(), Arc::clone(&plan));
        let _ = one.put_new(&path("a"), b"1").unwrap();
        let _ = two.put_new(&path("a"), b"1").unwrap();
        assert!(matches!(
            one.put_new(&path("b"), b"1"),
            Err(StoreError::Stopped)
        ));
        assert!(matches!(two.get(&path("a"), 9), Err(StoreError::Stopped)));
        assert_eq!(plan.calls(), 4);
        assert!(matches!(
            one.inner().size(&path("b")),
            Err(StoreError::NotFound { .. })
        ));
    }

    #[test]
    fn one_call_fails_and_the_next_works() {
        let plan = FaultPlan::none()
            .with_fault(1, Fault::Full)
            .with_fault(2, Fault::Gone)
            .with_fault(3, Fault::LostAnswer);
        let store = FaultStore::new(Memory::new(), Arc::new(plan));
        let put = || store.put_new(&path("a"), b"1");
        assert!(matches!(put(), Err(StoreError::Full { .. })));
        assert!(matches!(put(), Err(StoreError::Gone { .. })));
        assert!(matches!(put(), Err(StoreError::Io { .. })));
        assert_eq!(put().unwrap(), PutOutcome::AlreadyThere);
    }

    #[test]
    fn a_killed_put_leaves_half_once() {
        let folder = tempfile::tempdir().unwrap();
        let plan = Arc::new(FaultPlan::stop_after(0));
        let store = FaultStore::new(Folder::open(folder.path()).unwrap(), plan)
            .leaving_halves(folder.path());
        for _ in 0..2 {
            store.put_new(&path("packs/00/a"), b"12345678").unwrap_err();
        }
        let left: Vec<_> = std::fs::read_dir(folder.path().join("packs/00"))
            .unwrap()
            .map(|entry| entry.unwrap())
            .collect();
        assert_eq!(left.len(), 1);
        assert!(files::is_temporary(left[0].file_name().to_str().unwrap()));
        assert_eq!(left[0].metadata().unwrap().len(), 4);
    }
}
