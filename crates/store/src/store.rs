//! The trait every kind of destination implements.

use std::collections::BTreeSet;

use strongroom_base::clock::Timestamp;

use crate::{ObjectPath, StoreError};

/// What became of an object that was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum PutOutcome {
    /// It is stored.
    Stored,
    /// An object of that name was there before and is unchanged.
    AlreadyThere,
}

/// What a store says of itself, as far as it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// What "durable" means here, in words for people.
    pub durable: &'static str,
    /// Whether of two writers of one name, on any machine, only one can be told `Stored`.
    pub exclusive: bool,
    /// Space left in bytes, where the destination can say.
    pub free_bytes: Option<u64>,
    /// The lock that every new object gets; `None` where objects can be deleted at any time.
    pub lock: Option<LockRule>,
}

/// How a destination holds on to new objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockRule {
    /// Who may lift a lock.
    pub mode: LockMode,
    /// For how many days after it arrived an object cannot be deleted.
    pub days: u32,
}

/// Who may lift the lock of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockMode {
    /// Whoever has a special permission for it.
    Governance,
    /// Nobody before its time.
    Compliance,
}

/// A destination that keeps immutable objects.
///
/// Calls block; any number of threads may make them at the same time.
pub trait Store: Send + Sync {
    /// Stores an object that is durable, and whole for every reader, when the call returns.
    ///
    /// It never replaces: if an object of that name is there, whatever its bytes, it is left alone. After
    /// an error the object may be there or not, but never in part.
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError>;

    /// Returns an object of at most `len_max` bytes.
    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError>;

    /// Returns exactly `len` bytes of an object from `offset` on.
    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError>;

    /// Returns the size of an object in bytes.
    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError>;

    /// Returns when an object arrived, by the destination's own clock.
    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError>;

    /// Visits path and size of every object below a folder (`log/`, or empty for all), in no order.
    ///
    /// What is not an object (temporary files, foreign names) is skipped. An object that is put or deleted
    /// meanwhile may be visited or not.
    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError>;

    /// Visits the names of the folders at the top that hold something.
    fn folders(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        let mut names = BTreeSet::new();
        self.list("", &mut |path, _| {
            if let Some((folder, _)) = path.as_str().split_once('/') {
                names.insert(folder.to_owned());
            }
        })?;
        for name in &names {
            visit(name);
        }
        Ok(())
    }

    /// Deletes an object; it is no error if there is none.
    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError>;

    /// Returns until when an object cannot be deleted; `None` where it is not locked.
    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        let _ = path;
        Ok(None)
    }

    /// Locks an object until then at least, and says whether it is locked; a store without locks does
    /// nothing. A lock is never shortened.
    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        let _ = (path, until);
        Ok(false)
    }

    /// Removes a folder (`probe/`) that holds nothing, where the destination has folders.
    fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
        let _ = prefix;
        Ok(())
    }

    /// Describes the store in a few words for people, such as `folder /mnt/disk`.
    fn describe(&self) -> String;

    /// Says whether an answer takes long, however short it is: then it is better to ask for more at a time, and
    /// for several things at once.
    fn is_far(&self) -> bool {
        false
    }

    /// Returns what the store knows of itself.
    fn properties(&self) -> Result<Properties, StoreError> {
        Ok(Properties {
            durable: "not known",
            exclusive: true,
            free_bytes: None,
            lock: None,
        })
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<S: Store + ?Sized> Store for $pointer {
            fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
                (**self).put_new(path, bytes)
            }

            fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
                (**self).get(path, len_max)
            }

            fn get_range(
                &self,
                path: &ObjectPath,
                offset: u64,
                len: usize,
            ) -> Result<Vec<u8>, StoreError> {
                (**self).get_range(path, offset, len)
            }

            fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
                (**self).size(path)
            }

            fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
                (**self).modified(path)
            }

            fn list(
                &self,
                prefix: &str,
                visit: &mut dyn FnMut(ObjectPath, u64),
            ) -> Result<(), StoreError> {
                (**self).list(prefix, visit)
            }

            fn folders(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
                (**self).folders(visit)
            }

            fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
                (**self).delete(path)
            }

            fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
                (**self).locked_until(path)
            }

            fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
                (**self).extend_lock(path, until)
            }

            fn remove_empty(&self, prefix: &str) -> Result<(), StoreError> {
                (**self).remove_empty(prefix)
            }

            fn describe(&self) -> String {
                (**self).describe()
            }

            fn is_far(&self) -> bool {
                (**self).is_far()
            }

            fn properties(&self) -> Result<Properties, StoreError> {
                (**self).properties()
            }
        }
    )*};
}

forward!(&S, Box<S>, std::sync::Arc<S>);

/// Refuses a range that is not all in an object of `size` bytes.
pub(crate) fn check_range(
    path: &ObjectPath,
    size: u64,
    offset: u64,
    len: usize,
) -> Result<(), StoreError> {
    let end = offset.saturating_add(len as u64);
    if end > size {
        return Err(StoreError::Truncated {
            path: path.to_string(),
            size,
            end,
        });
    }
    Ok(())
}
