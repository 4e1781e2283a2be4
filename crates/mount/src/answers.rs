//! What the kernel's questions are answered with.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fuser::{Errno, FileAttr, FileType};
use strongroom_crypto::keys::ChunkKind;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::XATTR_LEN_MAX;

use crate::ahead::Ahead;
use crate::attributes::{self, Mounter};
use crate::contents::{self, Seek};
use crate::folders::{Failure, Found, Stores, changed};
use crate::history::Moment;
use crate::table::{Folder, Place, TOP};
use crate::versions::Listing;

/// How long the kernel believes what is in a snapshot, which never changes.
const FOREVER: Duration = Duration::from_hours(24);
/// How long it believes what new snapshots change.
const SHORTLY: Duration = Duration::from_secs(1);
/// A folder is large from this length of its tree chunks on: about ten thousand names.
const LARGE_FOLDER_LEN: u64 = 1 << 20;
/// What every folder begins with, `.` and `..`.
const DOTS: u64 = 2;

/// The file system.
pub(crate) struct Strongroom {
    pub(crate) stores: Stores,
    pub(crate) ahead: Ahead,
    pub(crate) mounter: Mounter,
    /// Whether the kernel shall check permissions, access control lists too.
    pub(crate) checked: bool,
    pub(crate) listings: Listings,
}

/// Listings of folders of versions that are open.
#[derive(Default)]
pub(crate) struct Listings {
    open: Mutex<HashMap<u64, Arc<Mutex<Listing>>>>,
    last: AtomicU64,
}

impl Listings {
    pub(crate) fn add(&self, listing: Listing) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(number, Arc::new(Mutex::new(listing)));
        number
    }

    pub(crate) fn get(&self, number: u64) -> Option<Arc<Mutex<Listing>>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&number).cloned()
    }

    pub(crate) fn remove(&self, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&number);
    }
}

/// Is told the number of the next item, a name, and what it names, which is nothing for `.` and `..`; says
/// whether it wants no more.
pub(crate) type TakeAny<'a> =
    dyn FnMut(&Moment, u64, &[u8], Option<&Found>) -> Result<bool, Failure> + 'a;

/// What the kernel is told of something that has a name.
pub(crate) struct Told {
    pub(crate) ino: u64,
    pub(crate) attributes: FileAttr,
    pub(crate) believed: Duration,
}

impl Strongroom {
    /// Asks, and where the archive cannot answer because it has changed, asks again.
    pub(crate) fn ask<T>(
        &self,
        question: impl Fn(&Moment) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let history = &self.stores.history;
        match question(&history.now()) {
            Err(Failure::Read(error)) => {
                if history.look_again() {
                    question(&history.now())
                } else {
                    Err(Failure::Read(error))
                }
            }
            answer => answer,
        }
    }

    /// Returns the number of an error, having told it.
    pub(crate) fn failed(&self, ino: u64, failure: Failure) -> Errno {
        match failure {
            Failure::Gone => Errno::ENOENT,
            Failure::Full => Errno::ENFILE,
            Failure::Read(error) => {
                self.stores.problems.tell(&self.path(ino), &error);
                Errno::EIO
            }
        }
    }

    /// Returns the path of something, for people.
    fn path(&self, ino: u64) -> Vec<u8> {
        let of_place = |place: Place| {
            let entry = self.stores.entry(&self.stores.history.now(), place).ok();
            self.stores.path(place, entry.as_ref())
        };
        match Place::of_ino(ino) {
            Some(place) => of_place(place),
            None => match self.stores.table.folder(ino) {
                Some(Folder::Stored(place)) => of_place(place),
                Some(Folder::Above { path, .. } | Folder::Versions { path }) => path.to_vec(),
                _ => b"the top folder".to_vec(),
            },
        }
    }

    pub(crate) fn folder(&self, ino: u64) -> Result<Folder, Failure> {
        self.stores.table.folder(ino).ok_or(Failure::Gone)
    }

    /// Returns the entry of something that is in the archive.
    pub(crate) fn entry(&self, moment: &Moment, ino: u64) -> Result<Option<Entry>, Failure> {
        let place = match Place::of_ino(ino) {
            Some(place) => place,
            None => match self.folder(ino)? {
                Folder::Stored(place) => place,
                _ => return Ok(None),
            },
        };
        self.stores.entry(moment, place).map(Some)
    }

    /// Says whether a folder is so large that the kernel shall not keep all that is in it.
    pub(crate) fn is_large(&self, ino: u64) -> bool {
        let moment = self.stores.history.now();
        let entry = self.entry(&moment, ino).ok().flatten();
        entry.is_some_and(|entry| match entry.node {
            Node::Directory { tree } => tree.len() > LARGE_FOLDER_LEN,
            _ => false,
        })
    }

    pub(crate) fn own_attributes(&self, moment: &Moment, ino: u64, folder: &Folder) -> FileAttr {
        let (kind, len) = match folder {
            Folder::Link(target) => (FileType::Symlink, target.len() as u64),
            _ => (FileType::Directory, 0),
        };
        attributes::of_own(ino, kind, len, changed(moment, folder), self.mounter)
    }

    /// Gives what was found a number, by which the kernel will know it.
    pub(crate) fn tell(
        &self,
        moment: &Moment,
        above: u64,
        name: &[u8],
        found: &Found,
    ) -> Result<Told, Failure> {
        let table = &self.stores.table;
        let believed = |in_versions| if in_versions { SHORTLY } else { FOREVER };
        match found {
            Found::Entry { place, entry } => {
                let ino = match &entry.node {
                    Node::Directory { .. } => table.enter(above, name, Folder::Stored(*place)),
                    _ => table.ino_of(*place, entry).ok_or(Failure::Full)?,
                };
                Ok(Told {
                    ino,
                    attributes: attributes::of_entry(ino, entry),
                    believed: believed(above == TOP),
                })
            }
            Found::Folder(folder) => {
                let ino = table.enter(above, name, folder.clone());
                Ok(Told {
                    ino,
                    attributes: self.own_attributes(moment, ino, folder),
                    believed: believed(!matches!(folder, Folder::Above { .. }) || above == TOP),
                })
            }
        }
    }

    pub(crate) fn attributes(&self, ino: u64) -> Result<(FileAttr, Duration), Failure> {
        self.ask(|moment| {
            if let Some(entry) = self.entry(moment, ino)? {
                return Ok((attributes::of_entry(ino, &entry), FOREVER));
            }
            let folder = self.folder(ino)?;
            Ok((self.own_attributes(moment, ino, &folder), SHORTLY))
        })
    }

    /// Calls `take` with what is in a folder, from the item with a number on.
    pub(crate) fn list(
        &self,
        ino: u64,
        handle: u64,
        from: u64,
        take: &mut TakeAny<'_>,
    ) -> Result<(), Failure> {
        let moment = self.moment_of(ino);
        for (number, name) in [(0, &b"."[..]), (1, b"..")] {
            if from <= number && take(&moment, number + 1, name, None)? {
                return Ok(());
            }
        }
        let mut from = from.saturating_sub(DOTS);
        if let Some(listing) = self.listings.get(handle) {
            let mut listing = listing.lock().unwrap_or_else(PoisonError::into_inner);
            while let Some((name, found)) = listing.item(&self.stores, from)? {
                from += 1;
                if take(&moment, from + DOTS, name, Some(found))? {
                    break;
                }
            }
            return Ok(());
        }
        let folder = self.folder(ino)?;
        let mut failed = None;
        self.stores
            .list(&moment, &folder, from, &mut |next, name, found| match take(
                &moment,
                next + DOTS,
                name,
                Some(found),
            ) {
                Ok(enough) => enough,
                Err(failure) => {
                    failed = Some(failure);
                    true
                }
            })?;
        failed.map_or(Ok(()), Err)
    }

    /// Returns the archive as of now; where new snapshots show, having looked for them.
    pub(crate) fn moment_of(&self, ino: u64) -> Arc<Moment> {
        let history = &self.stores.history;
        if Place::of_ino(ino).is_some() {
            return history.now();
        }
        match self.stores.table.folder(ino) {
            Some(Folder::Stored(_) | Folder::Above { .. }) => history.now(),
            _ => history.looked(),
        }
    }

    /// Returns the number of something without counting that the kernel knows it.
    pub(crate) fn number_of(
        &self,
        above: u64,
        name: &[u8],
        found: &Found,
    ) -> Result<(u64, FileType), Failure> {
        let table = &self.stores.table;
        match found {
            Found::Entry { place, entry } => {
                let ino = match &entry.node {
                    Node::Directory { .. } => table.number_of(above, name),
                    _ => table.ino_of(*place, entry).ok_or(Failure::Full)?,
                };
                Ok((ino, attributes::kind(&entry.node)))
            }
            Found::Folder(folder) => {
                let kind = match folder {
                    Folder::Link(_) => FileType::Symlink,
                    _ => FileType::Directory,
                };
                Ok((table.number_of(above, name), kind))
            }
        }
    }

    pub(crate) fn dot(&self, ino: u64, name: &[u8]) -> u64 {
        if name == b"." {
            ino
        } else {
            self.stores.table.above(ino)
        }
    }

    pub(crate) fn read_file(&self, ino: u64, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
        self.ask(
            |moment| match self.entry(moment, ino)?.map(|entry| entry.node) {
                Some(Node::File { content }) => {
                    let (archive, lists) = (&moment.archive, &self.stores.lists);
                    Ok(contents::read(
                        archive,
                        lists,
                        &self.ahead,
                        &content,
                        offset,
                        len,
                    )?)
                }
                _ => Err(Failure::Gone),
            },
        )
    }

    pub(crate) fn seek(&self, ino: u64, offset: u64, what: Seek) -> Result<Option<u64>, Failure> {
        self.ask(
            |moment| match self.entry(moment, ino)?.map(|entry| entry.node) {
                Some(Node::File { content }) => {
                    let (archive, lists) = (&moment.archive, &self.stores.lists);
                    Ok(contents::seek(archive, lists, &content, offset, what)?)
                }
                _ => Err(Failure::Gone),
            },
        )
    }

    pub(crate) fn xattr(&self, ino: u64, name: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        self.ask(|moment| {
            let xattrs = self.entry(moment, ino)?.map(|entry| entry.meta.xattrs);
            let mut xattrs = xattrs.into_iter().flatten();
            let Some((_, value)) = xattrs.find(|(own, _)| own == name) else {
                return Ok(None);
            };
            let archive = &moment.archive;
            let value = archive.content_bytes(ChunkKind::Data, &value, XATTR_LEN_MAX)?;
            Ok(Some(value))
        })
    }
}
