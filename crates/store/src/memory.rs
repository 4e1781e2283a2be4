//! Objects in memory, for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::check_range;
use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError, prefix_folder};

/// Objects that are gone with the process.
#[derive(Debug, Default)]
pub struct Memory {
    objects: Mutex<BTreeMap<ObjectPath, Vec<u8>>>,
}

impl Memory {
    /// Makes an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the bytes of an object behind the store's back, as a failing disk would; says whether there
    /// is one.
    pub fn damage(&self, path: &ObjectPath, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        self.lock().get_mut(path).map(change).is_some()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectPath, Vec<u8>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        path: &ObjectPath,
        read: impl FnOnce(&[u8]) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match self.lock().get(path) {
            Some(bytes) => read(bytes),
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
        objects.insert(path.clone(), bytes.to_vec());
        Ok(PutOutcome::Stored)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.with(path, |bytes| {
            let size = bytes.len() as u64;
            if size > len_max {
                return Err(StoreError::TooLarge {
                    path: path.to_string(),
                    size,
                    len_max,
                });
            }
            Ok(bytes.to_vec())
        })
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.with(path, |bytes| {
            check_range(path, bytes.len() as u64, offset, len)?;
            let from = usize::try_from(offset).unwrap_or(bytes.len());
            Ok(bytes[from..from + len].to_vec())
        })
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.with(path, |bytes| Ok(bytes.len() as u64))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        prefix_folder(prefix)?;
        // Copied first, so that the visitor may call the store.
        let found: Vec<_> = self
            .lock()
            .iter()
            .filter(|(path, _)| path.as_str().starts_with(prefix))
            .map(|(path, bytes)| (path.clone(), bytes.len() as u64))
            .collect();
        for (path, size) in found {
            visit(path, size);
        }
        Ok(())
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.lock().remove(path);
        Ok(())
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        Ok(Properties {
            durable: "kept until the program ends",
            exclusive: true,
            free_bytes: None,
        })
    }
}
