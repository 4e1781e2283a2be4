//! Takes the kernel's questions.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use fuser::{
    AccessFlags, Errno, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, OpenAccMode, OpenFlags, ReplyAttr, ReplyData,
    ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs,
    ReplyXattr, Request,
};
use strongroom_format::tree::Node;

use crate::answers::Strongroom;
use crate::contents::Seek;
use crate::folders::Failure;
use crate::table::Folder;
use crate::versions::Listing;

/// Longest name of a directory entry that systems have.
const NAME_LEN_MAX: u32 = 255;
/// Most bytes that the kernel asks for at once.
const READ_LEN_MAX: u32 = 1 << 20;
/// `whence` of `lseek`, as the kernel numbers it.
const SEEK_DATA: i32 = 3;
const SEEK_HOLE: i32 = 4;

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
        // The kernel asks for no more at once than it would write.
        let _ = config.set_max_write(READ_LEN_MAX);
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
        let names_alone = self.is_large(ino);
        let listed = self.list(ino, handle.0, offset, &mut |moment, next, name, found| {
            let Some(found) = found else {
                let number = self.dot(ino, name);
                return Ok(reply.add(
                    INodeNo(number),
                    next,
                    OsStr::from_bytes(name),
                    &Duration::ZERO,
                    &self.own_attributes(moment, number, &Folder::Top),
                    Generation(0),
                ));
            };
            let told = self.tell(moment, ino, name, found)?;
            // Without a number the kernel takes the name alone.
            let number = if names_alone { 0 } else { told.ino };
            let full = reply.add(
                INodeNo(number),
                next,
                OsStr::from_bytes(name),
                &told.believed,
                &told.attributes,
                Generation(0),
            );
            if full || names_alone {
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
