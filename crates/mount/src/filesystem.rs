//! Answers the kernel.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fuser::{
    AccessFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, InitFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, ReplyAttr, ReplyData,
    ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyXattr, Request,
};
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
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it believes what new snapshots change.
const SHORTLY: Duration = Duration::from_secs(1);
/// Longest name of a directory entry that systems have.
const NAME_LEN_MAX: u32 = 255;
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
    fn add(&self, listing: Listing) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.insert(number, Arc::new(Mutex::new(listing)));
        number
    }

    fn get(&self, number: u64) -> Option<Arc<Mutex<Listing>>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&number).cloned()
    }

    fn remove(&self, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&number);
    }
}

/// What the kernel is told of something that has a name.
struct Told {
    ino: u64,
    attributes: FileAttr,
    believed: Duration,
}

impl Strongroom {
    /// Asks, and where the archive cannot answer because it has changed, asks again.
    fn ask<T>(&self, question: impl Fn(&Moment) -> Result<T, Failure>) -> Result<T, Failure> {
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
    fn failed(&self, ino: u64, failure: Failure) -> Errno {
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

    fn folder(&self, ino: u64) -> Result<Folder, Failure> {
        self.stores.table.folder(ino).ok_or(Failure::Gone)
    }

    /// Returns the entry of something that is in the archive.
    fn entry(&self, moment: &Moment, ino: u64) -> Result<Option<Entry>, Failure> {
        let place = match Place::of_ino(ino) {
            Some(place) => place,
            None => match self.folder(ino)? {
                Folder::Stored(place) => place,
                _ => return Ok(None),
            },
        };
        self.stores.entry(moment, place).map(Some)
    }

    fn own_attributes(&self, moment: &Moment, ino: u64, folder: &Folder) -> FileAttr {
        let (kind, len) = match folder {
            Folder::Link(target) => (FileType::Symlink, target.len() as u64),
            _ => (FileType::Directory, 0),
        };
        attributes::of_own(ino, kind, len, changed(moment, folder), self.mounter)
    }

    /// Gives what was found a number, by which the kernel will know it.
    fn tell(
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

    fn attributes(&self, ino: u64) -> Result<(FileAttr, Duration), Failure> {
        self.ask(|moment| {
            if let Some(entry) = self.entry(moment, ino)? {
                return Ok((attributes::of_entry(ino, &entry), FOREVER));
            }
            let folder = self.folder(ino)?;
            Ok((self.own_attributes(moment, ino, &folder), SHORTLY))
        })
    }

    /// Calls `take` with what is in a folder, from the item with a number on.
    fn list(
        &self,
        ino: u64,
        handle: u64,
        from: u64,
        take: &mut dyn FnMut(&Moment, u64, &[u8], Option<&Found>) -> Result<bool, Failure>,
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
    fn moment_of(&self, ino: u64) -> Arc<Moment> {
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
    fn number_of(
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

    fn dot(&self, ino: u64, name: &[u8]) -> u64 {
        if name == b"." {
            ino
        } else {
            self.stores.table.above(ino)
        }
    }

    fn read_file(&self, ino: u64, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
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

    fn seek(&self, ino: u64, offset: u64, what: Seek) -> Result<Option<u64>, Failure> {
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

    fn xattr(&self, ino: u64, name: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
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

/// Answers with the value of an attribute, or with its length to who asks for that.
fn reply_xattr(reply: ReplyXattr, size: u32, value: &[u8]) {
    if size == 0 {
        reply.size(u32::try_from(value.len()).unwrap_or(u32::MAX));
    } else if value.len() > size as usize {
        reply.error(Errno::ERANGE);
    } else {
        reply.data(value);
    }
}

impl Filesystem for Strongroom {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        let mut wanted = vec![
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_NO_OPEN_SUPPORT,
        ];
        if self.checked {
            wanted.push(InitFlags::FUSE_POSIX_ACL);
        }
        for flag in wanted {
            // A kernel that does not have it goes without.
            let _ = config.add_capabilities(flag);
        }
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let (parent, name) = (parent.0, name.as_bytes());
        self.moment_of(parent);
        let told = self.ask(|moment| {
            let folder = self.folder(parent)?;
            let found = self.stores.lookup(moment, &folder, name)?;
            let found = found.ok_or(Failure::Gone)?;
            self.tell(moment, parent, name, &found)
        });
        match told {
            Ok(told) => reply.entry(&told.believed, &told.attributes, Generation(0)),
            Err(failure) => reply.error(self.failed(parent, failure)),
        }
    }

    fn forget(&self, _request: &Request, ino: INodeNo, lookups: u64) {
        self.stores.table.forget(ino.0, lookups);
    }

    fn getattr(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: Option<FileHandle>,
        reply: ReplyAttr,
    ) {
        match self.attributes(ino.0) {
            Ok((attributes, believed)) => reply.attr(&believed, &attributes),
            Err(failure) => reply.error(self.failed(ino.0, failure)),
        }
    }

    fn readlink(&self, _request: &Request, ino: INodeNo, reply: ReplyData) {
        let target = self.ask(|moment| match self.entry(moment, ino.0)? {
            Some(entry) => match entry.node {
                Node::Symlink { target } => Ok(target),
                _ => Err(Failure::Gone),
            },
            None => match self.folder(ino.0)? {
                Folder::Link(target) => Ok(target.as_bytes().to_vec()),
                _ => Err(Failure::Gone),
            },
        });
        match target {
            Ok(target) => reply.data(&target),
            Err(failure) => reply.error(self.failed(ino.0, failure)),
        }
    }

    fn open(&self, _request: &Request, _ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if flags.acc_mode() == OpenAccMode::O_RDONLY {
            // The kernel then opens and closes files without asking, and keeps what it read.
            reply.error(Errno::ENOSYS);
        } else {
            reply.error(Errno::EROFS);
        }
    }

    fn read(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.read_file(ino.0, offset, u64::from(size)) {
            Ok(bytes) => reply.data(&bytes),
            Err(failure) => reply.error(self.failed(ino.0, failure)),
        }
    }

    fn flush(
        &self,
        _request: &Request,
        _ino: INodeNo,
        _handle: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::ENOSYS);
    }

    fn opendir(&self, _request: &Request, ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        let moment = self.moment_of(ino.0);
        match self.folder(ino.0) {
            Ok(Folder::Versions { path }) => {
                let handle = self.listings.add(Listing::new(moment, path));
                reply.opened(FileHandle(handle), FopenFlags::empty());
            }
            Ok(Folder::Stored(_) | Folder::Above { .. }) => {
                let keep = FopenFlags::FOPEN_CACHE_DIR | FopenFlags::FOPEN_KEEP_CACHE;
                reply.opened(FileHandle(0), keep);
            }
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::empty()),
            Err(failure) => reply.error(self.failed(ino.0, failure)),
        }
    }

    fn readdir(
        &self,
        _request: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let ino = ino.0;
        let listed = self.list(ino, handle.0, offset, &mut |_, next, name, found| {
            let (number, kind) = match found {
                None => (self.dot(ino, name), FileType::Directory),
                Some(found) => self.number_of(ino, name, found)?,
            };
            Ok(reply.add(INodeNo(number), next, kind, OsStr::from_bytes(name)))
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(failure) => reply.error(self.failed(ino, failure)),
        }
    }

    fn readdirplus(
        &self,
        _request: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let ino = ino.0;
        let listed = self.list(ino, handle.0, offset, &mut |moment, next, name, found| {
            let told = match found {
                None => {
                    let number = self.dot(ino, name);
                    Told {
                        ino: number,
                        attributes: self.own_attributes(moment, number, &Folder::Top),
                        believed: Duration::ZERO,
                    }
                }
                Some(found) => self.tell(moment, ino, name, found)?,
            };
            let (number, name_os) = (INodeNo(told.ino), OsStr::from_bytes(name));
            let (believed, attributes) = (&told.believed, &told.attributes);
            let full = reply.add(number, next, name_os, believed, attributes, Generation(0));
            if full && found.is_some() {
                self.stores.table.forget(told.ino, 1);
            }
            Ok(full)
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(failure) => reply.error(self.failed(ino, failure)),
        }
    }

    fn releasedir(
        &self,
        _request: &Request,
        _ino: INodeNo,
        handle: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        self.listings.remove(handle.0);
        reply.ok();
    }

    fn statfs(&self, _request: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        reply.statfs(0, 0, 0, 0, 0, 4_096, NAME_LEN_MAX, 4_096);
    }

    fn getxattr(
        &self,
        _request: &Request,
        ino: INodeNo,
        name: &OsStr,
        size: u32,
        reply: ReplyXattr,
    ) {
        match self.xattr(ino.0, name.as_bytes()) {
            Ok(Some(value)) => reply_xattr(reply, size, &value),
            Ok(None) => reply.error(Errno::NO_XATTR),
            Err(failure) => reply.error(self.failed(ino.0, failure)),
        }
    }

    fn listxattr(&self, _request: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        let names = self.ask(|moment| {
            let xattrs = self.entry(moment, ino.0)?.map(|entry| entry.meta.xattrs);
            let mut names = Vec::new();
            for (name, _) in xattrs.into_iter().flatten() {
                names.extend_from_slice(&name);
                names.push(0);
            }
            Ok(names)
        });
        match names {
            Ok(names) => reply_xattr(reply, size, &names),
            Err(failure) => reply.error(self.failed(ino.0, failure)),
        }
    }

    fn access(&self, _request: &Request, _ino: INodeNo, mask: AccessFlags, reply: ReplyEmpty) {
        if mask.contains(AccessFlags::W_OK) {
            reply.error(Errno::EROFS);
        } else {
            reply.ok();
        }
    }

    fn lseek(
        &self,
        _request: &Request,
        ino: INodeNo,
        _handle: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let what = match whence {
            SEEK_DATA => Seek::Data,
            SEEK_HOLE => Seek::Hole,
            _ => return reply.error(Errno::EINVAL),
        };
        let Ok(offset) = u64::try_from(offset) else {
            return reply.error(Errno::EINVAL);
        };
        match self.seek(ino.0, offset, what) {
            Ok(Some(found)) => reply.offset(i64::try_from(found).unwrap_or(i64::MAX)),
            Ok(None) => reply.error(Errno::ENXIO),
            Err(failure) => reply.error(self.failed(ino.0, failure)),
        }
    }
}

/// `whence` of `lseek`, as the kernel numbers it.
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;
