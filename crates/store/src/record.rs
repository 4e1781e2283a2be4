//! A wrapper that lists the calls made to a store.

use std::sync::{Mutex, MutexGuard, PoisonError};

use strongroom_base::clock::Timestamp;

use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError};

/// Which function was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// [`Store::put_new`].
    PutNew,
    /// [`Store::get`].
    Get,
    /// [`Store::get_range`].
    GetRange,
    /// [`Store::size`].
    Size,
    /// [`Store::modified`].
    Modified,
    /// [`Store::list`].
    List,
    /// [`Store::delete`].
    Delete,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which function was called.
    pub kind: Kind,
    /// The path or prefix it was called with.
    pub path: String,
    /// Bytes of objects that went out (for a put, whatever its outcome) or came in.
    pub bytes: u64,
}

/// A store whose calls are recorded, failed ones too, in the order in which they ended.
#[derive(Debug)]
pub struct RecordStore<S> {
    inner: S,
    calls: Mutex<Vec<Call>>,
}

impl<S: Store> RecordStore<S> {
    /// Records the calls to `inner`.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            calls: Mutex::default(),
        }
    }

    /// Returns the store that does the work.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Returns the calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().clone()
    }

    /// Returns the calls so far and forgets them.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut *self.lock())
    }

    /// Returns how many calls of a kind there were.
    pub fn count(&self, kind: Kind) -> usize {
        self.lock().iter().filter(|call| call.kind == kind).count()
    }

    /// Returns the bytes that all calls of a kind moved.
    pub fn bytes(&self, kind: Kind) -> u64 {
        let calls = self.lock();
        calls
            .iter()
            .filter(|call| call.kind == kind)
            .map(|call| call.bytes)
            .sum()
    }

    fn note(&self, kind: Kind, path: &str, bytes: usize) {
        self.lock().push(Call {
            kind,
            path: path.to_owned(),
            bytes: bytes as u64,
        });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Store for RecordStore<S> {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let result = self.inner.put_new(path, bytes);
        self.note(Kind::PutNew, path.as_str(), bytes.len());
        result
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        let result = self.inner.get(path, len_max);
        self.note(
            Kind::Get,
            path.as_str(),
            result.as_ref().map_or(0, Vec::len),
        );
        result
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let result = self.inner.get_range(path, offset, len);
        self.note(
            Kind::GetRange,
            path.as_str(),
            result.as_ref().map_or(0, Vec::len),
        );
        result
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        let result = self.inner.size(path);
        self.note(Kind::Size, path.as_str(), 0);
        result
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        let result = self.inner.modified(path);
        self.note(Kind::Modified, path.as_str(), 0);
        result
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        let result = self.inner.list(prefix, visit);
        self.note(Kind::List, prefix, 0);
        result
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        let result = self.inner.delete(path);
        self.note(Kind::Delete, path.as_str(), 0);
        result
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
    use crate::Memory;

    #[test]
    fn calls_are_listed_with_what_they_moved() {
        let store = RecordStore::new(Memory::new());
        let path = ObjectPath::new("log/1").unwrap();
        let _ = store.put_new(&path, b"four").unwrap();
        store.get(&path, 9).unwrap();
        store.get_range(&path, 1, 2).unwrap();
        store.get(&path, 3).unwrap_err();
        store.list("log/", &mut |_, _| ()).unwrap();
        store.size(&path).unwrap();
        store.delete(&path).unwrap();
        let calls: Vec<_> = store
            .calls()
            .into_iter()
            .map(|call| (call.kind, call.bytes))
            .collect();
        let expected = [
            (Kind::PutNew, 4),
            (Kind::Get, 4),
            (Kind::GetRange, 2),
            (Kind::Get, 0),
            (Kind::List, 0),
            (Kind::Size, 0),
            (Kind::Delete, 0),
        ];
        assert_eq!(calls, expected);
        assert_eq!((store.count(Kind::Get), store.bytes(Kind::Get)), (2, 4));
        assert_eq!(store.take_calls().len(), 7);
        assert!(store.calls().is_empty());
    }
}
