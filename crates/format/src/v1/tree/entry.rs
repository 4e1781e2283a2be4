//! What a directory holds: names, metadata, and what they name.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::{Put, Reader, WireError, invalid};

use crate::v1::content::{Content, ContentOf};
use crate::v1::limits::{NAME_LEN_MAX, PATH_LEN_MAX};

/// Who owns an entry: the numbers, and the names where they were known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The number of the user.
    pub uid: u32,
    /// The number of the group.
    pub gid: u32,
    /// The name of the user, or nothing.
    pub user: Vec<u8>,
    /// The name of the group, or nothing.
    pub group: Vec<u8>,
}

/// What is kept of every entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Permissions, and the set-id and sticky bits.
    pub mode: u16,
    /// Who owns it.
    pub owner: Arc<Owner>,
    /// When its content was last modified.
    pub mtime: Timestamp,
    /// When it was made, where the file system says so.
    pub btime: Option<Timestamp>,
    /// The bits of `FS_IOC_GETFLAGS` that can be set.
    pub file_flags: u32,
    /// Extended attributes, POSIX ACLs among them, sorted by name.
    pub xattrs: Vec<(Vec<u8>, Content)>,
    /// The same for all names of one inode; present where there is more than one.
    pub link: Option<u64>,
    /// The file changed while it was read, and never settled.
    pub unsettled: bool,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Its bytes.
        content: Content,
    },
    /// A directory.
    Directory {
        /// Its entries.
        tree: Content,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: Vec<u8>,
    },
    /// A named pipe.
    Fifo,
    /// A character device.
    CharDevice {
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Its major number.
        major: u32,
        /// Its minor number.
        minor: u32,
    },
}

/// A name in a directory, and what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The raw bytes of the name.
    pub name: Vec<u8>,
    /// What is kept of every entry.
    pub meta: Meta,
    /// What it is.
    pub node: Node,
}

/// Says whether a name can stand in a tree: neither empty nor `.` nor `..`, without `/` and NUL.
pub fn is_entry_name(name: &[u8]) -> bool {
    !name.is_empty()
        && name.len() <= NAME_LEN_MAX
        && name != b"."
        && name != b".."
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

impl Node {
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::File { .. } => 1,
            Self::Directory { .. } => 2,
            Self::Symlink { .. } => 3,
            Self::Fifo => 4,
            Self::CharDevice { .. } => 5,
            Self::BlockDevice { .. } => 6,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::File { content } | Self::Directory { tree: content } => content.put(out),
            Self::Symlink { target } => out.put_bytes(target),
            Self::Fifo => {}
            Self::CharDevice { major, minor } | Self::BlockDevice { major, minor } => {
                out.put_varint(u128::from(*major));
                out.put_varint(u128::from(*minor));
            }
        }
    }

    pub(super) fn read(code: u8, reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match code {
            1 => Self::File {
                content: Content::read(reader, ContentOf::File)?,
            },
            2 => {
                let tree = Content::read(reader, ContentOf::Directory)?;
                Self::Directory { tree }
            }
            3 => {
                let target = reader.bytes(PATH_LEN_MAX, "target")?.to_vec();
                if target.is_empty() || target.contains(&0) {
                    return Err(invalid("target"));
                }
                Self::Symlink { target }
            }
            4 => Self::Fifo,
            5 | 6 => {
                let major = read_u32(reader, "major")?;
                let minor = read_u32(reader, "minor")?;
                if code == 5 {
                    Self::CharDevice { major, minor }
                } else {
                    Self::BlockDevice { major, minor }
                }
            }
            _ => return Err(invalid("kind")),
        })
    }
}

pub(super) fn read_u32(reader: &mut Reader<'_>, field: &'static str) -> Result<u32, WireError> {
    let value = reader.varint_u64(u64::from(u32::MAX), field)?;
    u32::try_from(value).map_err(|_| invalid(field))
}
