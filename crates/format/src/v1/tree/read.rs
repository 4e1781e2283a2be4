//! Bytes to entries.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::{Reader, WireError, invalid};

use super::entry::{is_entry_name, read_u32};
use super::{BTIME, Entry, FILE_FLAGS, FLAGS, LINK, Meta, Node, OWNER, Owner, UNSETTLED, XATTRS};
use crate::v1::content::{Content, ContentOf};
use crate::v1::limits::{LABEL_LEN_MAX, NAME_LEN_MAX, XATTRS_MAX};

/// Reads the entries of one tree chunk, and refuses what is not sorted.
#[derive(Debug)]
pub struct Entries<'a> {
    reader: Reader<'a>,
    last: Option<(Arc<Owner>, Timestamp, Vec<u8>)>,
    failed: bool,
}

impl<'a> Entries<'a> {
    /// Reads the entries in `chunk`.
    pub fn new(chunk: &'a [u8]) -> Self {
        Self {
            reader: Reader::new(chunk),
            last: None,
            failed: false,
        }
    }

    fn read(&mut self) -> Result<Entry, WireError> {
        let reader = &mut self.reader;
        let flags = reader.u8("flags")?;
        if flags & !FLAGS != 0 {
            return Err(invalid("flags"));
        }
        let code = reader.u8("kind")?;
        let name = reader.bytes(NAME_LEN_MAX, "name")?;
        let after_last = self
            .last
            .as_ref()
            .is_none_or(|(_, _, last)| last.as_slice() < name);
        if !is_entry_name(name) || !after_last {
            return Err(invalid("name"));
        }
        let name = name.to_vec();
        let mode = reader.varint_u64(0o7777, "mode")?;
        let (last_owner, last_mtime) = match &self.last {
            Some((owner, mtime, _)) => (Some(owner), mtime.0),
            None => (None, 0),
        };
        let owner = read_owner(reader, flags & OWNER != 0, last_owner)?;
        let mtime = add_time(last_mtime, reader.zigzag("mtime")?, "mtime")?;
        let btime = if flags & BTIME == 0 {
            None
        } else {
            Some(add_time(mtime.0, reader.zigzag("btime")?, "btime")?)
        };
        let file_flags = if flags & FILE_FLAGS == 0 {
            0
        } else {
            nonzero(read_u32(reader, "file flags")?)?
        };
        let xattrs = if flags & XATTRS == 0 {
            Vec::new()
        } else {
            read_xattrs(reader)?
        };
        let link = if flags & LINK == 0 {
            None
        } else {
            Some(reader.u64("link")?)
        };
        let node = Node::read(code, reader)?;
        if link.is_some() && matches!(node, Node::Directory { .. }) {
            return Err(invalid("link"));
        }
        let unsettled = flags & UNSETTLED != 0;
        if unsettled && !matches!(node, Node::File { .. }) {
            return Err(invalid("flags"));
        }
        let mode = u16::try_from(mode).map_err(|_| invalid("mode"))?;
        self.last = Some((owner.clone(), mtime, name.clone()));
        let meta = Meta {
            mode,
            owner,
            mtime,
            btime,
            file_flags,
            xattrs,
            link,
            unsettled,
        };
        Ok(Entry { name, meta, node })
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.reader.is_empty() {
            return None;
        }
        let entry = self.read();
        self.failed = entry.is_err();
        Some(entry)
    }
}

fn nonzero(value: u32) -> Result<u32, WireError> {
    if value == 0 {
        Err(invalid("file flags"))
    } else {
        Ok(value)
    }
}

fn add_time(base: i128, after: i128, field: &'static str) -> Result<Timestamp, WireError> {
    base.checked_add(after).map(Timestamp).ok_or(invalid(field))
}

fn read_owner(
    reader: &mut Reader<'_>,
    given: bool,
    last: Option<&Arc<Owner>>,
) -> Result<Arc<Owner>, WireError> {
    if !given {
        return last.cloned().ok_or(invalid("owner"));
    }
    let owner = Owner {
        uid: read_u32(reader, "uid")?,
        gid: read_u32(reader, "gid")?,
        user: reader.bytes(LABEL_LEN_MAX, "user")?.to_vec(),
        group: reader.bytes(LABEL_LEN_MAX, "group")?.to_vec(),
    };
    if last.is_some_and(|last| **last == owner) {
        return Err(invalid("owner"));
    }
    Ok(Arc::new(owner))
}

fn read_xattrs(reader: &mut Reader<'_>) -> Result<Vec<(Vec<u8>, Content)>, WireError> {
    let count = reader.count(XATTRS_MAX, "xattrs")?;
    let mut xattrs: Vec<(Vec<u8>, Content)> = Vec::new();
    for _ in 0..count {
        let name = reader.bytes(LABEL_LEN_MAX, "xattr name")?.to_vec();
        let after_last = xattrs.last().is_none_or(|(last, _)| *last < name);
        if name.is_empty() || name.contains(&0) || !after_last {
            return Err(invalid("xattr name"));
        }
        xattrs.push((name, Content::read(reader, ContentOf::Xattr)?));
    }
    if xattrs.is_empty() {
        Err(invalid("xattrs"))
    } else {
        Ok(xattrs)
    }
}
