//! Objects in memory, for tests.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use strongroom_base::clock::{Clock, SystemClock, Timestamp};

use crate::store::check_range;
use crate::{LockRule, ObjectPath, Properties, PutOutcome, Store, StoreError, prefix_folder};

/// Objects that are gone with the process.
pub struct Memory {
    objects: Mutex<BTreeMap<ObjectPath, Object>>,
    clock: Arc<dyn Clock>,
    lock: Option<LockRule>,
}

#[derive(Clone)]
struct Object {
    bytes: Vec<u8>,
    arrived: Timestamp,
    locked_until: Option<Timestamp>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }
}

impl Memory {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty store that tells the time by this clock.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        let (objects, lock) = (Mutex::default(), None);
        Self {
            objects,
            clock,
            lock,
        }
    }

    /// Makes an empty store that locks every new object by a rule, by this clock.
    pub fn with_lock(clock: Arc<dyn Clock>, rule: LockRule) -> Self {
        let lock = Some(rule);
        Self {
            lock,
            ..Self::with_clock(clock)
        }
    }

    /// Returns a store of its own with the same objects, as they arrived: a copy of a disk.
    #[must_use]
    pub fn fork(&self) -> Self {
        let objects = Mutex::new(self.lock().clone());
        Self {
            objects,
            clock: self.clock.clone(),
            lock: self.lock,
        }
    }

    /// Changes the bytes of an object behind the store's back, as a failing disk would; says whether there
    /// is one.
    pub fn damage(&self, path: &ObjectPath, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut objects = self.lock();
        let found = objects.get_mut(path);
        found.map(|object| change(&mut object.bytes)).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectPath, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        path: &ObjectPath,
        read: impl FnOnce(&Object) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.lock().get(path) {
            Some(object) => read(object),
            None => Err(StoreError::NotFound {
                path: path.to_string(),
            }),
        }
    }
}

impl Store for Memory {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let mut objects = self.lock();
        if objects.contains_key(path) {
            return Ok(PutOutcome::AlreadyThere);
        }
        let arrived = self.clock.now();
        let lasts = |rule: LockRule| i128::from(rule.days) * 86_400 * 1_000_000_000;
        let object = Object {
            bytes: bytes.to_vec(),
            arrived,
            locked_until: self.lock.map(|rule| Timestamp(arrived.0 + lasts(rule))),
        };
        objects.insert(path.clone(), object);
        Ok(PutOutcome::Stored)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.with(path, |Object { bytes, .. }| {
            let size = bytes.len() as u64;
            if size > len_max {
                return Err(StoreError::TooLarge {
                    path: path.to_string(),
                    size,
                    len_max,
                });
            }
            Ok(bytes.clone())
        })
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.with(path, |Object { bytes, .. }| {
            check_range(path, bytes.len() as u64, offset, len)?;
            let from = usize::try_from(offset).unwrap_or(bytes.len());
            Ok(bytes[from..from + len].to_vec())
        })
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.with(path, |object| Ok(object.bytes.len() as u64))
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.with(path, |object| Ok(object.arrived))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        prefix_folder(prefix)?;
        // Copied first, so that the visitor may call the store.
        let found: Vec<_> = self
            .lock()
            .iter()
            .filter(|(path, _)| path.as_str().starts_with(prefix))
            .map(|(path, object)| (path.clone(), object.bytes.len() as u64))
            .collect();
        for (path, size) in found {
            visit(path, size);
        }
        Ok(())
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        let mut objects = self.lock();
        let locked = objects.get(path).and_then(|object| object.locked_until);
        if locked.is_some_and(|until| until > self.clock.now()) {
            return Err(StoreError::Denied {
                op: "delete",
                path: path.to_string(),
                source: io::ErrorKind::PermissionDenied.into(),
            });
        }
        objects.remove(path);
        Ok(())
    }

    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        self.with(path, |object| Ok(object.locked_until))
    }

    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        if self.lock.is_none() {
            return Ok(false);
        }
        let mut objects = self.lock();
        let object = objects.get_mut(path).ok_or_else(|| StoreError::NotFound {
            path: path.to_string(),
        })?;
        object.locked_until = object.locked_until.max(Some(until));
        Ok(true)
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        Ok(Properties {
            durable: "kept until the program ends",
            exclusive: true,
            free_bytes: None,
            lock: self.lock,
        })
    }
}
