//! A store that takes only so many bytes.

use std::sync::{Mutex, PoisonError};

use strongroom_base::clock::Timestamp;

use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError};

/// A store with a limit on the bytes of all its objects.
pub struct Quota<S> {
    inner: S,
    bytes_max: u64,
    /// So much it leaves free for others.
    reserve: u64,
    used: Mutex<u64>,
}

impl<S: Store> Quota<S> {
    /// Counts what the store holds, and lets it grow to `bytes_max`.
    pub fn new(inner: S, bytes_max: u64) -> Result<Self, StoreError> {
        let mut used = 0;
        inner.list("", &mut |_, size| used += size)?;
        Ok(Self {
            inner,
            bytes_max,
            reserve: 0,
            used: Mutex::new(used),
        })
    }

    /// Takes nothing either where fewer than `reserve` bytes of the file system would be left.
    #[must_use]
    pub fn leaving(mut self, reserve: u64) -> Self {
        self.reserve = reserve;
        self
    }

    fn take(&self, path: &ObjectPath, len: u64) -> Result<(), StoreError> {
        let full = |reason| StoreError::Full {
            path: path.to_string(),
            source: std::io::Error::new(std::io::ErrorKind::StorageFull, reason),
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if *used + len > self.bytes_max {
            let reason = format!("its limit of {} bytes is reached", self.bytes_max);
            return Err(full(reason));
        }
        if self.reserve > 0 {
            let free = self.inner.properties()?.free_bytes;
            if free.is_some_and(|free| free < self.reserve.saturating_add(len)) {
                let reason = format!("less than {} bytes would be left", self.reserve);
                return Err(full(reason));
            }
        }
        *used += len;
        Ok(())
    }

    fn give_back(&self, len: u64) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(len);
    }
}

impl<S: Store> Store for Quota<S> {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let len = bytes.len() as u64;
        self.take(path, len)?;
        let outcome = self.inner.put_new(path, bytes);
        if !matches!(outcome, Ok(PutOutcome::Stored)) {
            self.give_back(len);
        }
        outcome
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.inner.get(path, len_max)
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

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        let size = self.inner.size(path).unwrap_or(0);
        self.inner.delete(path)?;
        self.give_back(size);
        Ok(())
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

    fn properties(&self) -> Result<Properties, StoreError> {
        let properties = self.inner.properties()?;
        let used = *self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.bytes_max.saturating_sub(used);
        let free = |free: u64| free.saturating_sub(self.reserve).min(left);
        let free_bytes = properties.free_bytes.map_or(left, free);
        Ok(Properties {
            free_bytes: Some(free_bytes),
            ..properties
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn it_leaves_what_it_is_told_to_leave() {
        let folder = tempfile::tempdir().unwrap();
        let inner = crate::Folder::open(folder.path()).unwrap();
        let free = inner.properties().unwrap().free_bytes.unwrap();
        let store = Quota::new(inner, u64::MAX).unwrap();
        let path = |text: &str| ObjectPath::new(text).unwrap();
        assert!(store.put_new(&path("a"), &[0; 9]).is_ok());
        let store = store.leaving(free.saturating_mul(2));
        assert!(matches!(
            store.put_new(&path("b"), &[0; 9]),
            Err(StoreError::Full { .. })
        ));
        assert_eq!(store.properties().unwrap().free_bytes, Some(0));
    }

    #[test]
    fn it_is_full_at_its_limit_and_not_before() {
        let inner = Memory::new();
        let path = |text: &str| ObjectPath::new(text).unwrap();
        let _: PutOutcome = inner.put_new(&path("old"), &[0; 4]).unwrap();
        let store = Quota::new(inner, 10).unwrap();
        let put = |text: &str, len: usize| store.put_new(&path(text), &vec![0; len]);
        assert_eq!(put("a", 6).unwrap(), PutOutcome::Stored);
        assert_eq!(store.properties().unwrap().free_bytes, Some(0));
        assert!(matches!(put("b", 1), Err(StoreError::Full { .. })));
        assert!(store.size(&path("b")).is_err());
        store.delete(&path("old")).unwrap();
        assert_eq!(put("b", 4).unwrap(), PutOutcome::Stored);
        store.delete(&path("absent")).unwrap();
        assert!(put("c", 1).is_err());
    }
}
