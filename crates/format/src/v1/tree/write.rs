//! Entries to bytes.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::Put;

use super::{BTIME, Entry, FILE_FLAGS, LINK, OWNER, Owner, UNSETTLED, XATTRS};

/// Writes the entries of one tree chunk, each relative to the one before it.
#[derive(Clone, Debug, Default)]
pub struct ChunkWriter {
    last: Option<(Arc<Owner>, Timestamp)>,
}

impl ChunkWriter {
    /// Appends an entry to the chunk.
    pub fn put(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let meta = &entry.meta;
        let (last_owner, last_mtime) = match &self.last {
            Some((owner, mtime)) => (Some(owner), *mtime),
            None => (None, Timestamp(0)),
        };
        let same_owner =
            last_owner.is_some_and(|last| Arc::ptr_eq(last, &meta.owner) || *last == meta.owner);
        let mut flags = 0;
        let mut set = |bit, on: bool| flags |= if on { bit } else { 0 };
        set(OWNER, !same_owner);
        set(BTIME, meta.btime.is_some());
        set(FILE_FLAGS, meta.file_flags != 0);
        set(XATTRS, !meta.xattrs.is_empty());
        set(LINK, meta.link.is_some());
        set(UNSETTLED, meta.unsettled);
        out.push(flags);
        out.push(entry.node.code());
        out.put_bytes(&entry.name);
        out.put_varint(u128::from(meta.mode));
        if !same_owner {
            out.put_varint(u128::from(meta.owner.uid));
            out.put_varint(u128::from(meta.owner.gid));
            out.put_bytes(&meta.owner.user);
            out.put_bytes(&meta.owner.group);
        }
        out.put_zigzag(meta.mtime.0 - last_mtime.0);
        if let Some(btime) = meta.btime {
            out.put_zigzag(btime.0 - meta.mtime.0);
        }
        if meta.file_flags != 0 {
            out.put_varint(u128::from(meta.file_flags));
        }
        if !meta.xattrs.is_empty() {
            out.put_count(meta.xattrs.len());
            for (name, value) in &meta.xattrs {
                out.put_bytes(name);
                value.put(out);
            }
        }
        if let Some(link) = meta.link {
            out.put_u64(link);
        }
        entry.node.put(out);
        self.last = Some((meta.owner.clone(), meta.mtime));
    }
}
