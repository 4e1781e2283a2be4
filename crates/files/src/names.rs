//! The names of users and groups, as the system's name service knows them.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Mutex, PoisonError};

/// Finds names for numbers and numbers for names, and asks the system once for each.
///
/// The system may have to ask a directory server. A name that is unknown, or cannot be found out, is no
/// error: numbers always suffice.
#[derive(Debug, Default)]
pub struct Names {
    users: Memory<u32, Option<Arc<[u8]>>>,
    groups: Memory<u32, Option<Arc<[u8]>>>,
    user_numbers: Memory<Box<[u8]>, Option<u32>>,
    group_numbers: Memory<Box<[u8]>, Option<u32>>,
}

impl Names {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the name of the user `uid`.
    pub fn user(&self, uid: u32) -> Option<Arc<[u8]>> {
        self.users.get(uid, |uid| {
            uzers::get_user_by_uid(*uid).map(|user| user.name().as_bytes().into())
        })
    }

    /// Returns the name of the group `gid`.
    pub fn group(&self, gid: u32) -> Option<Arc<[u8]>> {
        self.groups.get(gid, |gid| {
            uzers::get_group_by_gid(*gid).map(|group| group.name().as_bytes().into())
        })
    }

    /// Returns the number of the user `name`.
    pub fn uid(&self, name: &[u8]) -> Option<u32> {
        self.user_numbers.get(name.into(), |name| {
            uzers::get_user_by_name(askable(name)?).map(|user| user.uid())
        })
    }

    /// Returns the number of the group `name`.
    pub fn gid(&self, name: &[u8]) -> Option<u32> {
        self.group_numbers.get(name.into(), |name| {
            uzers::get_group_by_name(askable(name)?).map(|group| group.gid())
        })
    }
}

/// A name that can be asked for: it comes from an archive, so it may hold anything.
fn askable(name: &[u8]) -> Option<&OsStr> {
    (!name.is_empty() && !name.contains(&0)).then(|| OsStr::from_bytes(name))
}

#[derive(Debug)]
struct Memory<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Memory<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: std::hash::Hash + Eq, V: Clone> Memory<K, V> {
    fn get(&self, key: K, find: impl FnOnce(&K) -> V) -> V {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = known.get(&key) {
            return value.clone();
        }
        let value = find(&key);
        known.insert(key, value.clone());
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_both_ways_and_nonsense_is_not() {
        let names = Names::new();
        for _ in 0..2 {
            assert_eq!(names.user(0).as_deref(), Some(&b"root"[..]));
            assert_eq!(names.uid(b"root"), Some(0));
            assert_eq!(names.group(0).as_deref(), Some(&b"root"[..]));
            assert_eq!(names.gid(b"root"), Some(0));
            assert_eq!(names.user(3_999_999_999), None);
            assert_eq!(names.uid(b"no such user, surely"), None);
            assert_eq!(names.uid(b"ro\0ot"), None);
            assert_eq!(names.gid(b""), None);
        }
    }
}
