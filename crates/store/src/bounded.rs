//! A store whose calls are not waited for for ever.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use strongroom_base::clock::Timestamp;

use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError};

/// Bytes that a call may move in a second, at least, beside its bound.
const BYTES_PER_SECOND_MIN: u64 = 1 << 20;

/// Does something on a thread of its own, and returns what came of it; `None` where that takes longer than `bound`. The thread
/// stays until it ends.
pub fn within<T: Send + 'static>(
    bound: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || {
            // Nobody waits for what comes too late.
            let _ = sender.send(work());
        })
        .ok()?;
    receiver.recv_timeout(bound).ok()
}

/// A store of which each call is left after a while: it ends with an error, and so does every later one. What the call was about
/// may still happen. Each runs on a thread of its own, which stays until the call ends.
pub struct Bounded {
    inner: Arc<dyn Store>,
    bound: Duration,
    is_stuck: AtomicBool,
}

impl Bounded {
    /// Waits for `bound` at most for each call, and a second more for each MiB that it stores or reads.
    pub fn new(inner: Arc<dyn Store>, bound: Duration) -> Self {
        Self {
            inner,
            bound,
            is_stuck: AtomicBool::new(false),
        }
    }

    fn call<T: Send + 'static>(
        &self,
        (op, path): (&'static str, &str),
        bytes: u64,
        work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let late = || {
            let why = io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
            StoreError::from_io(op, &path, why)
        };
        if self.is_stuck.load(Ordering::Relaxed) {
            return Err(late());
        }
        let (sender, receiver) = sync_channel(1);
        let inner = Arc::clone(&self.inner);
        std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                // Nobody waits for the answer of a call that was left.
                let _ = sender.send(work(&*inner));
            })
            .map_err(|error| StoreError::from_io(op, &path, error))?;
        let bound = self.bound + Duration::from_secs(bytes / BYTES_PER_SECOND_MIN);
        match receiver.recv_timeout(bound) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                self.is_stuck.store(true, Ordering::Relaxed);
                Err(late())
            }
            Err(RecvTimeoutError::Disconnected) => {
                let why = io::Error::other("the call ended early");
                Err(StoreError::from_io(op, &path, why))
            }
        }
    }
}

impl Store for Bounded {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let (there, held) = (path.clone(), bytes.to_vec());
        let what = ("write", path.as_str());
        self.call(what, bytes.len() as u64, move |store| {
            store.put_new(&there, &held)
        })
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        let there = path.clone();
        // How much there is, is not known yet.
        let most = len_max.min(64 << 20);
        self.call(("read", path.as_str()), most, move |store| {
            store.get(&there, len_max)
        })
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let there = path.clone();
        self.call(("read", path.as_str()), len as u64, move |store| {
            store.get_range(&there, offset, len)
        })
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        let there = path.clone();
        self.call(("open", path.as_str()), 0, move |store| store.size(&there))
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        let there = path.clone();
        self.call(("open", path.as_str()), 0, move |store| {
            store.modified(&there)
        })
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        let folder = prefix.to_owned();
        let listed = self.call(("list", prefix), 0, move |store| {
            let mut listed = Vec::new();
            store.list(&folder, &mut |path, size| listed.push((path, size)))?;
            Ok(listed)
        })?;
        for (path, size) in listed {
            visit(path, size);
        }
        Ok(())
    }

    fn folders(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        let folders = self.call(("list", ""), 0, |store| {
            let mut folders = Vec::new();
            store.folders(&mut |name| folders.push(name.to_owned()))?;
            Ok(folders)
        })?;
        for name in &folders {
            visit(name);
        }
        Ok(())
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        let there = path.clone();
        self.call(("delete", path.as_str()), 0, move |store| {
            store.delete(&there)
        })
    }

    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        let there = path.clone();
        self.call(("open", path.as_str()), 0, move |store| {
            store.locked_until(&there)
        })
    }

    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        let there = path.clone();
        self.call(("lock", path.as_str()), 0, move |store| {
            store.extend_lock(&there, until)
        })
    }

    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        let folder = prefix.to_owned();
        self.call(("remove", prefix), 0, move |store| {
            store.remove_empty(&folder)
        })
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn is_far(&self) -> bool {
        self.inner.is_far()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.call(("open", ""), 0, |store| store.properties())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::sync::{Mutex, PoisonError};

    use super::*;
    use crate::Memory;

    /// Puts nothing before it is told to.
    struct Hanging {
        inner: Memory,
        go_on: Mutex<Receiver<()>>,
    }

    impl Store for Hanging {
        fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
            let told = self.go_on.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = told.recv();
            self.inner.put_new(path, bytes)
        }

        fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
            self.inner.get(path, len_max)
        }

        fn get_range(&self, _: &ObjectPath, _: u64, _: usize) -> Result<Vec<u8>, StoreError> {
            Err(StoreError::Stopped)
        }

        fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
            self.inner.size(path)
        }

        fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
            self.inner.modified(path)
        }

        fn list(
            &self,
            prefix: &str,
            visit: &mut dyn FnMut(ObjectPath, u64),
        ) -> Result<(), StoreError> {
            self.inner.list(prefix, visit)
        }

        fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
            self.inner.delete(path)
        }

        fn describe(&self) -> String {
            "a store that hangs".to_owned()
        }
    }

    fn store(bound: Duration) -> (Bounded, Sender<()>) {
        let (tell, go_on) = channel();
        let hanging = Hanging {
            inner: Memory::new(),
            go_on: Mutex::new(go_on),
        };
        (Bounded::new(Arc::new(hanging), bound), tell)
    }

    #[test]
    fn a_call_that_hangs_is_left_and_so_is_the_store() {
        let (store, tell) = store(Duration::from_millis(20));
        let path = ObjectPath::new("a").unwrap();
        assert!(matches!(
            store.put_new(&path, b"x"),
            Err(StoreError::Io { .. })
        ));
        assert!(store.size(&path).is_err(), "it is not asked again");
        drop(tell);
    }

    #[test]
    fn a_call_that_answers_is_as_it_was() {
        let (store, tell) = store(Duration::from_mins(1));
        let path = ObjectPath::new("a").unwrap();
        tell.send(()).unwrap();
        assert_eq!(store.put_new(&path, b"x").unwrap(), PutOutcome::Stored);
        assert_eq!(store.get(&path, 9).unwrap(), b"x");
        let mut seen = Vec::new();
        store
            .list("", &mut |path, size| seen.push((path, size)))
            .unwrap();
        assert_eq!(seen, [(path, 1)]);
    }
}
