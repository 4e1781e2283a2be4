//! Chunks that are new are gathered into segments.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock};

use crossbeam_channel::{Sender, TrySendError};
use strongroom_catalogue::KnownChunks;
use strongroom_crypto::keys::{ChunkKind, DedupKeys};
use strongroom_format::content::{ChunkId, IdPrefix};
use strongroom_format::limits::SEGMENT_LEN_MAX;
use strongroom_format::pack::{Method, PackClass, TrailerChunk};

use super::compress::Compressor;
use crate::error::EngineError;
use crate::monitor::{Progress, count};

const SHARDS: usize = 64;

/// A segment that is not compressed yet.
pub(crate) struct RawSegment {
    pub(crate) class: PackClass,
    pub(crate) bytes: Vec<u8>,
    pub(crate) chunks: Vec<TrailerChunk>,
}

/// A segment as it will be stored.
pub(crate) struct Segment {
    pub(crate) class: PackClass,
    pub(crate) method: Method,
    pub(crate) bytes: Vec<u8>,
    pub(crate) raw_len: u32,
    pub(crate) chunks: Vec<TrailerChunk>,
}

/// Which chunks the archive has or is about to have. Threads share it.
pub(crate) struct ChunkSet<'a> {
    pub(crate) keys: &'a DedupKeys,
    known: RwLock<KnownChunks>,
    fresh: Vec<Mutex<HashSet<IdPrefix>>>,
    pub(crate) progress: &'a Progress,
}

impl<'a> ChunkSet<'a> {
    pub(crate) fn new(keys: &'a DedupKeys, known: KnownChunks, progress: &'a Progress) -> Self {
        let fresh = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            keys,
            known: RwLock::new(known),
            fresh,
            progress,
        }
    }

    /// Says whether a chunk is new; whoever is told so stores it.
    fn claim(&self, prefix: &IdPrefix) -> Result<bool, EngineError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(prefix)? {
            return Ok(false);
        }
        drop(known);
        let shard = &self.fresh[usize::from(prefix[15]) % SHARDS];
        Ok(shard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(*prefix))
    }

    /// Calls `change` with the chunks that are known durably.
    pub(crate) fn change_known<T>(&self, change: impl FnOnce(&mut KnownChunks) -> T) -> T {
        change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets that chunks are fresh: they are known now.
    pub(crate) fn settle(&self, prefixes: impl Iterator<Item = IdPrefix>) {
        for prefix in prefixes {
            let shard = &self.fresh[usize::from(prefix[15]) % SHARDS];
            shard
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&prefix);
        }
    }
}

/// Where new chunks go: one for each thread.
pub(crate) struct ChunkSink<'a> {
    set: &'a ChunkSet<'a>,
    raw: Option<Sender<RawSegment>>,
    packer: Sender<Segment>,
    data: RawSegment,
    meta: RawSegment,
    owner: Option<u32>,
    compressor: Compressor,
    /// The buffer of a segment that was compressed, for the next one.
    spare: Vec<u8>,
}

impl<'a> ChunkSink<'a> {
    /// `raw` takes segments that another thread may compress.
    pub(crate) fn new(
        set: &'a ChunkSet<'a>,
        raw: Option<Sender<RawSegment>>,
        packer: Sender<Segment>,
    ) -> Self {
        let (data, meta) = (
            RawSegment::new(PackClass::Data),
            RawSegment::new(PackClass::Meta),
        );
        Self {
            set,
            raw,
            packer,
            data,
            meta,
            owner: None,
            compressor: Compressor::default(),
            spare: Vec::new(),
        }
    }

    /// Returns the keys.
    pub(crate) fn keys(&self) -> &'a DedupKeys {
        self.set.keys
    }

    /// Returns the counters.
    pub(crate) fn progress(&self) -> &'a Progress {
        self.set.progress
    }

    /// A new segment begins when the owner of data changes, so that nobody's secret is compressed beside
    /// somebody else's choice.
    pub(crate) fn set_owner(&mut self, uid: u32) -> Result<(), EngineError> {
        if self.owner != Some(uid) {
            self.flush(PackClass::Data)?;
            self.owner = Some(uid);
        }
        Ok(())
    }

    /// Takes a chunk, stores it where it is new, and returns its id.
    pub(crate) fn add(&mut self, kind: ChunkKind, bytes: &[u8]) -> Result<ChunkId, EngineError> {
        let id = ChunkId(self.set.keys.chunk_id(kind, bytes));
        if !self.set.claim(&id.prefix())? {
            return Ok(id);
        }
        let class = PackClass::of(kind);
        if self.segment(class).bytes.len() + bytes.len() > SEGMENT_LEN_MAX {
            self.flush(class)?;
        }
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let segment = self.segment(class);
        segment.bytes.extend_from_slice(bytes);
        segment.chunks.push(TrailerChunk::new(kind, &id, len));
        count(&self.set.progress.bytes_new, bytes.len() as u64);
        Ok(id)
    }

    /// Hands over what was gathered.
    pub(crate) fn flush_all(&mut self) -> Result<(), EngineError> {
        self.flush(PackClass::Data)?;
        self.flush(PackClass::Meta)
    }

    /// Compresses a segment and hands it to the packer.
    pub(crate) fn compress(&mut self, raw: RawSegment) -> Result<(), EngineError> {
        let raw_len = u32::try_from(raw.bytes.len()).unwrap_or(u32::MAX);
        let (method, bytes) = match self.compressor.compress(raw.class, &raw.bytes)? {
            None => (Method::Stored, raw.bytes),
            Some(compressed) => {
                let compressed = compressed.to_vec();
                self.spare = raw.bytes;
                self.spare.clear();
                (Method::Zstd, compressed)
            }
        };
        let segment = Segment {
            class: raw.class,
            method,
            bytes,
            raw_len,
            chunks: raw.chunks,
        };
        // The packer hangs up only when it failed, and its own error is the one to tell.
        self.packer
            .send(segment)
            .map_err(|_| EngineError::Interrupted)
    }

    /// No other thread compresses for this one any more.
    pub(crate) fn hang_up(&mut self) {
        self.raw = None;
    }

    fn segment(&mut self, class: PackClass) -> &mut RawSegment {
        match class {
            PackClass::Data => &mut self.data,
            PackClass::Meta => &mut self.meta,
        }
    }

    fn flush(&mut self, class: PackClass) -> Result<(), EngineError> {
        if self.segment(class).chunks.is_empty() {
            return Ok(());
        }
        let empty = RawSegment {
            bytes: std::mem::take(&mut self.spare),
            ..RawSegment::new(class)
        };
        let full = std::mem::replace(self.segment(class), empty);
        let Some(raw) = &self.raw else {
            return self.compress(full);
        };
        match raw.try_send(full) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(raw) | TrySendError::Disconnected(raw)) => self.compress(raw),
        }
    }
}

impl RawSegment {
    fn new(class: PackClass) -> Self {
        Self {
            class,
            bytes: Vec::new(),
            chunks: Vec::new(),
        }
    }
}
