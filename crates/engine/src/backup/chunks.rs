//! Chunks that are new are gathered into segments and compressed.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock};

use crossbeam_channel::{Sender, TrySendError};
use strongroom_catalogue::KnownChunks;
use strongroom_crypto::keys::{ChunkKind, DedupKeys};
use strongroom_format::content::{ChunkId, IdPrefix};
use strongroom_format::limits::SEGMENT_LEN_MAX;
use strongroom_format::pack::{Method, PackClass, TrailerChunk};

use crate::error::EngineError;
use crate::monitor::{Progress, count};

const SHARDS: usize = 64;
/// zstd level of data.
const DATA_LEVEL: i32 = 3;
/// zstd level of trees and lists, of which there is little.
const META_LEVEL: i32 = 9;
/// A few probes of this length tell whether a segment is worth compressing.
const PROBE_LEN: usize = 16 << 10;
const PROBES: usize = 3;

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
        let segment = self.compressor.compress(raw, &mut self.spare)?;
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

/// Compresses segments, each in the way of its class.
#[derive(Default)]
pub(crate) struct Compressor {
    data: Option<zstd::bulk::Compressor<'static>>,
    meta: Option<zstd::bulk::Compressor<'static>>,
    out: Vec<u8>,
}

impl Compressor {
    /// `spare` takes the buffer of the raw segment.
    pub(crate) fn compress(
        &mut self,
        raw: RawSegment,
        spare: &mut Vec<u8>,
    ) -> Result<Segment, EngineError> {
        let raw_len = u32::try_from(raw.bytes.len()).unwrap_or(u32::MAX);
        let stored = |raw: RawSegment| Segment {
            class: raw.class,
            method: Method::Stored,
            bytes: raw.bytes,
            raw_len,
            chunks: raw.chunks,
        };
        if !self.is_worth_it(&raw.bytes)? {
            return Ok(stored(raw));
        }
        self.out.clear();
        self.out
            .reserve(zstd::zstd_safe::compress_bound(raw.bytes.len()));
        let compressor = match raw.class {
            PackClass::Data => of_level(&mut self.data, DATA_LEVEL)?,
            PackClass::Meta => of_level(&mut self.meta, META_LEVEL)?,
        };
        compressor
            .compress_to_buffer(&raw.bytes, &mut self.out)
            .map_err(EngineError::Compress)?;
        if self.out.len() >= raw.bytes.len() {
            return Ok(stored(raw));
        }
        *spare = raw.bytes;
        spare.clear();
        Ok(Segment {
            class: raw.class,
            method: Method::Zstd,
            bytes: self.out.as_slice().to_vec(),
            raw_len,
            chunks: raw.chunks,
        })
    }

    /// A long segment is worth it when its probes gain three in a hundred.
    fn is_worth_it(&mut self, bytes: &[u8]) -> Result<bool, EngineError> {
        if bytes.len() < 2 * PROBES * PROBE_LEN {
            return Ok(true);
        }
        let compressor = of_level(&mut self.data, DATA_LEVEL)?;
        let (mut before, mut after) = (0, 0);
        for number in 0..PROBES {
            let at = bytes.len() / PROBES * number;
            let probe = &bytes[at..at + PROBE_LEN];
            self.out.clear();
            self.out
                .reserve(zstd::zstd_safe::compress_bound(probe.len()));
            compressor
                .compress_to_buffer(probe, &mut self.out)
                .map_err(EngineError::Compress)?;
            before += probe.len();
            after += self.out.len();
            if after * 100 < before * 80 {
                return Ok(true);
            }
        }
        Ok(after * 100 < before * 97)
    }
}

fn of_level<'c>(
    slot: &'c mut Option<zstd::bulk::Compressor<'static>>,
    level: i32,
) -> Result<&'c mut zstd::bulk::Compressor<'static>, EngineError> {
    if slot.is_none() {
        *slot = Some(zstd::bulk::Compressor::new(level).map_err(EngineError::Compress)?);
    }
    slot.as_mut().ok_or(EngineError::Interrupted)
}
