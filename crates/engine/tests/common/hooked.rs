//! A store that asks before each call whether it may be made.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_store::{Memory, ObjectPath, PutOutcome, Store, StoreError};

/// Is told the word for a call and the path, and says whether the call fails.
pub type Hook = Box<dyn Fn(&str, &str) -> Result<(), StoreError> + Send + Sync>;

/// A store that asks before each call whether it may be made.
pub struct Hooked {
    pub inner: Arc<Memory>,
    pub hook: Hook,
}

impl Store for Hooked {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        (self.hook)("put", path.as_str())?;
        self.inner.put_new(path, bytes)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        (self.hook)("get", path.as_str())?;
        self.inner.get(path, len_max)
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        (self.hook)("get", path.as_str())?;
        self.inner.get_range(path, offset, len)
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.inner.size(path)
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.inner.modified(path)
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        (self.hook)("list", prefix)?;
        self.inner.list(prefix, visit)
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.inner.delete(path)
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}
