//! Giving a restored entry the metadata it had.

use std::fmt;
use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;
use strongroom_base::clock::Timestamp;
use strongroom_base::{Class, Classified};

use crate::acl;
use crate::dir::{Dir, name_is_safe};
use crate::error::full;
use crate::linux::Handle;
use crate::metadata::Extra;
use crate::names::Names;
use crate::restore::{Bequest, FileWriter, Target};
use crate::stat::Moment;

const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;

/// Seconds since 1970 that every file system can keep as a time.
const SECONDS_ALWAYS_KEPT: std::ops::Range<i64> = 0..1 << 31;

/// What gets metadata.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// A file that has just been written.
    File(&'a FileWriter),
    /// A folder whose entries are complete.
    Folder(&'a Target),
    /// An entry by its name, which need not be open and cannot be where it is a symbolic link, a pipe, a
    /// socket or a device. It is not followed.
    Entry(&'a Dir, &'a [u8]),
}

/// The metadata an entry had. A time of birth cannot be set.
#[derive(Clone, Copy, Debug)]
pub struct Metadata<'a> {
    /// The permission bits, with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// Whom it belonged to; `None` leaves it to the user who restores.
    pub owner: Option<Owner>,
    /// When the content last changed.
    pub mtime: Timestamp,
    /// Extended attributes and file flags.
    pub extra: &'a Extra,
}

/// Whom an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The number of the user.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
}

impl Owner {
    /// Puts in the numbers that this system knows for the given names; a name that it does not know
    /// leaves the number as it is.
    #[must_use]
    pub fn by_name(self, names: &Names, user: Option<&[u8]>, group: Option<&[u8]>) -> Self {
        Self {
            uid: user.and_then(|name| names.uid(name)).unwrap_or(self.uid),
            gid: group.and_then(|name| names.gid(name)).unwrap_or(self.gid),
        }
    }
}

/// Says whether this user may give entries to others, and so set whom they belong to.
pub fn may_give_away() -> bool {
    rustix::process::geteuid().is_root()
}

/// One thing that could not be restored.
#[derive(Debug, thiserror::Error)]
#[error("cannot restore {aspect}")]
pub struct NotApplied {
    /// What it is.
    pub aspect: Aspect,
    /// The answer of the operating system.
    #[source]
    pub source: io::Error,
}

impl NotApplied {
    /// Says whether it is the owner or the group, which this user has no right to set.
    pub fn is_refused_owner(&self) -> bool {
        matches!(self.aspect, Aspect::User | Aspect::Group)
            && Errno::from_io_error(&self.source) == Some(Errno::PERM)
    }

    /// Says whether there was no room left for it, and what the operating system answered.
    pub fn full(&self) -> Option<io::Error> {
        full(&self.source)
    }
}

impl Classified for NotApplied {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A part of the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aspect {
    /// All of it: the entry could not be reached.
    Everything,
    /// The owning user.
    User,
    /// The owning group.
    Group,
    /// The permission bits.
    Mode,
    /// The bits that lend the rights of the owner, left away because the owner could not be set.
    SetIdBits,
    /// An extended attribute that was there.
    Xattr(Vec<u8>),
    /// The absence of an extended attribute.
    NoXattr(Vec<u8>),
    /// The time of the last change of content.
    Mtime,
    /// The file flags.
    Flags,
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("any metadata"),
            Self::User => f.write_str("the owning user"),
            Self::Group => f.write_str("the owning group"),
            Self::Mode => f.write_str("the permissions"),
            Self::SetIdBits => f.write_str("the set-id bits without the owner"),
            Self::Xattr(name) => write!(f, "the extended attribute `{}`", name.escape_ascii()),
            Self::NoXattr(name) => {
                write!(
                    f,
                    "the absence of the extended attribute `{}`",
                    name.escape_ascii()
                )
            }
            Self::Mtime => f.write_str("the time of change"),
            Self::Flags => f.write_str("the file flags"),
        }
    }
}

/// Gives an entry its metadata and returns what could not be restored.
///
/// Owner first, because a change of owner takes set-id bits and capabilities away. Extended attributes
/// next, while the owner may still write. Then time and mode, which says that an entry is complete, and last the
/// flags, which may forbid changes.
pub fn apply_metadata(place: Place<'_>, metadata: &Metadata<'_>) -> Vec<NotApplied> {
    let mut applying = Applying::default();
    let handle = match place {
        Place::File(file) => Ok(Handle::Open(file.as_fd())),
        Place::Folder(folder) => Ok(Handle::Open(folder.as_fd())),
        Place::Entry(dir, name) if name_is_safe(name) => Handle::hold(dir.as_fd(), name),
        Place::Entry(..) => Err(Errno::INVAL),
    };
    let bequest = match place {
        Place::File(file) => file.bequest,
        Place::Folder(_) | Place::Entry(..) => Bequest::Unknown,
    };
    match handle {
        Ok(handle) => {
            let withheld = match place {
                Place::Folder(_) => 0,
                _ => SET_USER_ID | SET_GROUP_ID,
            };
            let allowed = !(withheld & !applying.owner(&handle, metadata.owner, bequest));
            applying.xattrs(&handle, metadata.extra, bequest);
            // What the mode means with an access control list, it does not mean without.
            let plain = applying
                .lost_list(metadata.extra)
                .map_or(metadata.mode, |list| acl::bits_without(list, metadata.mode));
            let mode = plain & allowed;
            applying.note(Aspect::Mtime, set_mtime(&handle, metadata.mtime));
            if !handle.is_symlink() {
                applying.note(Aspect::Mode, handle.set_mode(mode));
                if mode != plain {
                    applying.note(Aspect::SetIdBits, Err(Errno::PERM));
                }
            }
            if bequest == Bequest::Unknown || metadata.extra.flags != 0 {
                applying.note(Aspect::Flags, handle.set_flags(metadata.extra.flags));
            }
        }
        Err(errno) => applying.note(Aspect::Everything, Err(errno)),
    }
    applying.failed
}

/// Gives a file its flags alone, which may forbid changes, its name included; returns what could not be restored.
pub fn apply_flags(file: &FileWriter, flags: u32) -> Option<NotApplied> {
    let mut applying = Applying::default();
    let set = Handle::Open(file.as_fd()).set_flags(flags);
    applying.note(Aspect::Flags, set);
    applying.failed.pop()
}

#[derive(Default)]
struct Applying {
    failed: Vec<NotApplied>,
}

impl Applying {
    fn note(&mut self, aspect: Aspect, result: rustix::io::Result<()>) {
        if let Err(errno) = result {
            let source = errno.into();
            self.failed.push(NotApplied { aspect, source });
        }
    }

    /// Sets the owner and returns the set-id bits that are safe with what was reached: a program that
    /// runs with the rights of its owner must not do so with those of somebody else.
    fn owner(&mut self, handle: &Handle<'_>, owner: Option<Owner>, bequest: Bequest) -> u32 {
        let Some(owner) = owner else {
            return 0;
        };
        if bequest == Bequest::Nothing(owner) {
            return SET_USER_ID | SET_GROUP_ID;
        }
        if handle.set_owner(Some(owner.uid), Some(owner.gid)).is_ok() {
            return SET_USER_ID | SET_GROUP_ID;
        }
        let user = handle.set_owner(Some(owner.uid), None);
        let group = handle.set_owner(None, Some(owner.gid));
        let mut safe = 0;
        if user.is_ok() {
            safe |= SET_USER_ID;
        }
        if group.is_ok() {
            safe |= SET_GROUP_ID;
        }
        self.note(Aspect::User, user);
        self.note(Aspect::Group, group);
        safe
    }

    fn xattrs(&mut self, handle: &Handle<'_>, extra: &Extra, bequest: Bequest) {
        if bequest == Bequest::Unknown {
            self.strip_xattrs(handle, extra);
        }
        for (name, value) in &extra.xattrs {
            let result = handle.set_xattr(name, value);
            self.note(Aspect::Xattr(name.clone()), result);
        }
    }

    /// Returns the access control list, if it could not be restored.
    fn lost_list<'e>(&self, extra: &'e Extra) -> Option<&'e [u8]> {
        let aspect = Aspect::Xattr(acl::ACCESS_LIST.to_vec());
        if !self.failed.iter().any(|failed| failed.aspect == aspect) {
            return None;
        }
        let list = |(name, _): &&(Vec<u8>, Vec<u8>)| name == acl::ACCESS_LIST;
        extra.xattrs.iter().find(list).map(|(_, value)| &**value)
    }

    /// Removes what was not there, such as an access control list inherited from the target folder. Labels
    /// that the security modules of this system put on are theirs.
    fn strip_xattrs(&mut self, handle: &Handle<'_>, extra: &Extra) {
        let Ok(present) = handle.list_xattrs() else {
            return;
        };
        for name in present.iter() {
            let wanted = extra.xattrs.iter().any(|(wanted, _)| wanted == name);
            if !wanted && !is_label_of_security_module(name) {
                let result = handle.remove_xattr(name);
                self.note(Aspect::NoXattr(name.to_vec()), result);
            }
        }
    }
}

/// Says whether an extended attribute is one that security modules put on by themselves.
pub fn is_label_of_security_module(name: &[u8]) -> bool {
    name.starts_with(b"security.")
}

/// Sets the time; outside the years that all file systems know, asks whether it was kept.
fn set_mtime(handle: &Handle<'_>, mtime: Timestamp) -> rustix::io::Result<()> {
    let (seconds, nanoseconds) = mtime.to_parts().ok_or(Errno::OVERFLOW)?;
    handle.set_mtime(Moment::new(seconds, nanoseconds))?;
    if !SECONDS_ALWAYS_KEPT.contains(&seconds)
        && handle.stat()?.mtime().to_parts() != mtime.to_parts()
    {
        return Err(Errno::OVERFLOW);
    }
    Ok(())
}
