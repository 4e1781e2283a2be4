//! Several stores read as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_base::clock::Timestamp;

use crate::{ObjectPath, Properties, PutOutcome, Store, StoreError};

/// A store that is written to, and others that are read where it lacks an object.
pub struct Union {
    front: Arc<dyn Store>,
    behind: Vec<Arc<dyn Store>>,
}

impl Union {
    /// Writes to `front` alone, and reads from it and then from the others in their order.
    pub fn new(front: Arc<dyn Store>, behind: Vec<Arc<dyn Store>>) -> Self {
        Self { front, behind }
    }

    fn stores(&self) -> impl Iterator<Item = &Arc<dyn Store>> {
        std::iter::once(&self.front).chain(&self.behind)
    }

    /// Asks one store after the other; the first one's error is told where none has an answer.
    fn ask<T>(
        &self,
        mut question: impl FnMut(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let first = question(&*self.front);
        if first.is_ok() {
            return first;
        }
        let others = self.behind.iter();
        others
            .map(|store| question(&**store))
            .find(Result::is_ok)
            .unwrap_or(first)
    }
}

impl Store for Union {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        self.front.put_new(path, bytes)
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        self.ask(|store| store.get(path, len_max))
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        self.ask(|store| store.get_range(path, offset, len))
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        self.ask(|store| store.size(path))
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        self.ask(|store| store.modified(path))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        let mut found = BTreeMap::new();
        for store in self.stores() {
            store.list(prefix, &mut |path, size| {
                found.entry(path).or_insert(size);
            })?;
        }
        for (path, size) in found {
            visit(path, size);
        }
        Ok(())
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        self.front.delete(path)
    }

    fn describe(&self) -> String {
        self.front.describe()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        self.front.properties()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Memory;

    #[test]
    fn what_the_first_lacks_the_next_has() {
        let (front, back) = (Arc::new(Memory::new()), Arc::new(Memory::new()));
        let path = |text: &str| ObjectPath::new(text).unwrap();
        let put = |store: &dyn Store, text: &str, bytes: &[u8]| {
            assert_eq!(
                store.put_new(&path(text), bytes).unwrap(),
                PutOutcome::Stored
            );
        };
        put(&*front, "a/both", b"front");
        put(&*back, "a/both", b"back of it");
        put(&*back, "a/back", b"back");
        let union = Union::new(front.clone(), vec![back.clone()]);
        put(&union, "a/new", b"new");
        assert_eq!(union.get(&path("a/both"), 99).unwrap(), b"front");
        assert_eq!(union.get(&path("a/back"), 99).unwrap(), b"back");
        assert_eq!(union.get_range(&path("a/back"), 1, 2).unwrap(), b"ac");
        let mut listed = Vec::new();
        let mut visit = |path: ObjectPath, size| listed.push((path.to_string(), size));
        union.list("a/", &mut visit).unwrap();
        let expected = [("a/back", 4), ("a/both", 5), ("a/new", 3)];
        assert_eq!(listed, expected.map(|(path, size)| (path.to_owned(), size)));
        assert!(
            back.size(&path("a/new")).is_err(),
            "only the first is written to"
        );
        union.delete(&path("a/back")).unwrap();
        assert!(
            back.size(&path("a/back")).is_ok(),
            "only the first is changed"
        );
        let absent = union.get(&path("a/absent"), 9);
        assert!(matches!(absent, Err(StoreError::NotFound { .. })));
    }
}
