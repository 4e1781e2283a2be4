//! Where a tree is divided into chunks.

use strongroom_crypto::hash::keyed_hash;
use strongroom_crypto::keys::DedupKeys;

use super::{ChunkWriter, Entry};
use crate::v1::limits::{TREE_CHUNK_LEN_MAX, TREE_CHUNK_LEN_MIN};

/// 2^32 / 6144: with it the mean tree chunk has 8 KiB whatever the length of its entries.
const CUT_FACTOR: u64 = 699_051;

/// Divides the entries of a directory into tree chunks.
#[derive(Debug, Default)]
pub struct TreeChunker {
    writer: ChunkWriter,
    chunk: Vec<u8>,
    entry: Vec<u8>,
}

impl TreeChunker {
    /// Adds the next entry; calls `emit` with each chunk that it completes.
    pub fn push<E>(
        &mut self,
        keys: &DedupKeys,
        entry: &Entry,
        emit: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.entry.clear();
        let mut writer = self.writer.clone();
        writer.put(entry, &mut self.entry);
        if !self.chunk.is_empty() && self.chunk.len() + self.entry.len() > TREE_CHUNK_LEN_MAX {
            self.finish(emit)?;
            self.entry.clear();
            writer = ChunkWriter::default();
            writer.put(entry, &mut self.entry);
        }
        self.writer = writer;
        self.chunk.extend_from_slice(&self.entry);
        if self.chunk.len() >= TREE_CHUNK_LEN_MIN && closes(keys, &entry.name, self.entry.len()) {
            self.finish(emit)?;
        }
        Ok(())
    }

    /// Calls `emit` with the last chunk, unless it is empty.
    pub fn finish<E>(&mut self, emit: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.writer = ChunkWriter::default();
        if !self.chunk.is_empty() {
            emit(&self.chunk)?;
            self.chunk.clear();
        }
        Ok(())
    }
}

fn closes(keys: &DedupKeys, name: &[u8], entry_len: usize) -> bool {
    let mut message = Vec::with_capacity(4 + name.len());
    message.extend_from_slice(b"name");
    message.extend_from_slice(name);
    let hash = keyed_hash(&keys.chunker, &message);
    let value = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
    u64::from(value) < (entry_len as u64 * CUT_FACTOR).min(u64::from(u32::MAX))
}
