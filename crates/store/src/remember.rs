//! A wrapper that remembers small objects it has read, for stores that are far away.
//!
//! An object is never replaced, so what was read once need not be asked for again: the descriptor, the keys and the
//! records of an archive are needed several times by whoever opens it. Listings are always asked for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_base::clock::Timestamp;

use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError};

/// Most bytes of objects that are remembered.
const KEPT_LEN_MAX: usize = 16 << 20;
/// A larger object is not remembered.
const OBJECT_LEN_MAX: usize = 1 << 20;

/// Remembers whole objects that were read.
#[derive(Debug)]
pub struct RememberStore<S> {
    inner: S,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    objects: BTreeMap<ObjectPath, Vec<u8>>,
    len: usize,
}

impl<S: Store> RememberStore<S> {
    /// Remembers what is read of `inner`.
    pub fn new(inner: S) -> Self {
        let kept = Mutex::default();
        Self { inner, kept }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Store for RememberStore<S> {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.inner.put_new(path, bytes)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        let known = self.kept().objects.get(path).cloned();
        if let Some(bytes) = known.filter(|bytes| bytes.len() as u64 <= len_max) {
            return Ok(bytes);
        }
        let bytes = self.inner.get(path, len_max)?;
        let mut kept = self.kept();
        if bytes.len() <= OBJECT_LEN_MAX && kept.len + bytes.len() <= KEPT_LEN_MAX {
            kept.len += bytes.len();
            let before = kept.objects.insert(path.clone(), bytes.clone());
            kept.len -= before.map_or(0, |before| before.len());
        }
        Ok(bytes)
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.inner.get_range(path, offset, len)
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.inner.size(path)
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.inner.modified(path)
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        self.inner.list(prefix, visit)
    }

    fn folders(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.inner.folders(visit)
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let before = kept.objects.remove(path);
        kept.len -= before.map_or(0, |before| before.len());
        drop(kept);
        self.inner.delete(path)
    }

    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        self.inner.locked_until(path)
    }

    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        self.inner.extend_lock(path, until)
    }

    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        self.inner.remove_empty(prefix)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn is_far(&self) -> bool {
        self.inner.is_far()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.inner.properties()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn what_was_read_is_not_asked_for_again() {
        let store = RememberStore::new(Memory::new());
        let path = ObjectPath::new("log/1").unwrap();
        assert!(store.get(&path, 10).is_err());
        let _: PutOutcome = store.put_new(&path, b"first").unwrap();
        assert_eq!(store.get(&path, 10).unwrap(), b"first");
        store.inner.damage(&path, |bytes| bytes[0] = b'x');
        assert_eq!(store.get(&path, 10).unwrap(), b"first");
        assert!(store.get(&path, 4).is_err(), "a limit holds all the same");
        store.delete(&path).unwrap();
        assert!(store.get(&path, 10).is_err());
        // What is too large is read each time.
        let _: PutOutcome = store.put_new(&path, &vec![1; OBJECT_LEN_MAX + 1]).unwrap();
        store.get(&path, u64::MAX).unwrap();
        store.inner.damage(&path, |bytes| bytes[0] = 2);
        assert_eq!(store.get(&path, u64::MAX).unwrap()[0], 2);
    }
}
