//! Chunks that are new are gathered into segments.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError, RwLock};

use crossbeam_channel::{Sender, TrySendError};
use strongroom_catalogue::KnownChunks;
use strongroom_crypto::keys::{ChunkKind, DedupKeys};
use strongroom_format::content::{ChunkId, IdPrefix};
use strongroom_format::limits::SEGMENT_LEN_MAX;
use strongroom_format::pack::{Method, PackClass, TrailerChunk};

use super::compress::{Compressor, Stream};
use crate::error::EngineError;
use crate::monitor::{Progress, count};

const SHARDS: usize = 64;
/// So many buffers of segments are kept for the next ones.
const SPARES_MAX: usize = 3;
/// Files from this size on are compressed with less effort. Of what is that large (images, databases), level 2 stores
/// 5 in 100 less than level 1 and takes a tenth more of the whole time; level 3 another 5 less, in 2.4 times the time of level 2.
pub(crate) const LARGE_FILE: u64 = 64 << 20;

/// Where data comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Who owns it.
    pub(crate) uid: u32,
    /// Whether it is a part of a large file.
    pub(crate) large: bool,
}

/// A segment that is not compressed yet.
pub(crate) struct RawSegment {
    stream: Stream,
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
    /// Buffers of segments that were compressed, for the next ones.
    spares: Mutex<Vec<Vec<u8>>>,
    pub(crate) progress: &'a Progress,
}

impl<'a> ChunkSet<'a> {
    pub(crate) fn new(keys: &'a DedupKeys, known: KnownChunks, progress: &'a Progress) -> Self {
        let fresh = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            keys,
            known: RwLock::new(known),
            fresh,
            spares: Mutex::default(),
            progress,
        }
    }

    /// Returns an empty buffer for a segment: fresh memory costs more.
    fn take_spare(&self) -> Vec<u8> {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        spares.pop().unwrap_or_default()
    }

    /// Keeps a buffer for a later segment, whichever thread fills that.
    fn keep_spare(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.len() < SPARES_MAX && buffer.capacity() > 0 {
            spares.push(buffer);
        }
    }

    /// Says whether a chunk is new; whoever is told so stores it.
    fn claim(&self, prefix: &IdPrefix) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.contains(prefix) {
            return false;
        }
        drop(known);
        let shard = &self.fresh[usize::from(prefix[15]) % SHARDS];
        let mut fresh = shard.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.insert(*prefix)
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
    open: [RawSegment; Stream::COUNT],
    source: Option<Source>,
    compressor: Compressor,
}

impl<'a> ChunkSink<'a> {
    /// `raw` takes segments that another thread may compress.
    pub(crate) fn new(
        set: &'a ChunkSet<'a>,
        raw: Option<Sender<RawSegment>>,
        packer: Sender<Segment>,
    ) -> Self {
        Self {
            set,
            raw,
            packer,
            open: [Stream::Files, Stream::Large, Stream::Meta].map(RawSegment::new),
            source: None,
            compressor: Compressor::default(),
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

    /// Says where the data comes from that is added next.
    ///
    /// A new segment begins when the owner changes, so that nobody's secret is compressed beside somebody
    /// else's choice.
    pub(crate) fn set_source(&mut self, source: Source) -> Result<(), EngineError> {
        if self.source.is_none_or(|before| before.uid != source.uid) {
            self.flush(Stream::Files)?;
            self.flush(Stream::Large)?;
        }
        self.source = Some(source);
        Ok(())
    }

    /// Takes a chunk, stores it where it is new, and returns its id.
    pub(crate) fn add(&mut self, kind: ChunkKind, bytes: &[u8]) -> Result<ChunkId, EngineError> {
        let id = ChunkId(self.set.keys.chunk_id(kind, bytes));
        if !self.set.claim(&id.prefix()) {
            return Ok(id);
        }
        let stream = match (PackClass::of(kind), self.source) {
            (PackClass::Meta, _) => Stream::Meta,
            (PackClass::Data, Some(Source { large: true, .. })) => Stream::Large,
            (PackClass::Data, _) => Stream::Files,
        };
        if self.segment(stream).bytes.len() + bytes.len() > SEGMENT_LEN_MAX {
            self.flush(stream)?;
        }
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let segment = self.segment(stream);
        segment.bytes.extend_from_slice(bytes);
        segment.chunks.push(TrailerChunk::new(kind, &id, len));
        count(&self.set.progress.bytes_new, bytes.len() as u64);
        Ok(id)
    }

    /// Hands over what was gathered.
    pub(crate) fn flush_all(&mut self) -> Result<(), EngineError> {
        [Stream::Files, Stream::Large, Stream::Meta]
            .into_iter()
            .try_for_each(|stream| self.flush(stream))
    }

    /// Compresses a segment and hands it to the packer.
    pub(crate) fn compress(&mut self, raw: RawSegment) -> Result<(), EngineError> {
        let mut spare = Vec::new();
        let segment = raw.compress(&mut self.compressor, &mut spare)?;
        self.set.keep_spare(spare);
        // The packer hangs up only when it failed, and its own error is the one to tell.
        self.packer
            .send(segment)
            .map_err(|_| EngineError::Interrupted)
    }

    /// No other thread compresses for this one any more.
    pub(crate) fn hang_up(&mut self) {
        self.raw = None;
    }

    fn segment(&mut self, stream: Stream) -> &mut RawSegment {
        &mut self.open[stream as usize]
    }

    fn flush(&mut self, stream: Stream) -> Result<(), EngineError> {
        if self.segment(stream).chunks.is_empty() {
            return Ok(());
        }
        let empty = RawSegment {
            bytes: self.set.take_spare(),
            ..RawSegment::new(stream)
        };
        let full = std::mem::replace(self.segment(stream), empty);
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
    /// Makes a segment of chunks that were stored before.
    pub(crate) fn again(class: PackClass, bytes: Vec<u8>, chunks: Vec<TrailerChunk>) -> Self {
        let stream = match class {
            PackClass::Data => Stream::Files,
            PackClass::Meta => Stream::Meta,
        };
        Self {
            stream,
            bytes,
            chunks,
        }
    }

    /// Compresses a segment where that gains something; `spare` takes a buffer that is free then.
    pub(crate) fn compress(
        self,
        compressor: &mut Compressor,
        spare: &mut Vec<u8>,
    ) -> Result<Segment, EngineError> {
        let raw_len = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        let (method, bytes) = match compressor.compress(self.stream, &self.bytes)? {
            None => (Method::Stored, self.bytes),
            Some(compressed) => {
                *spare = self.bytes;
                (Method::Zstd, compressed)
            }
        };
        Ok(Segment {
            class: self.stream.class(),
            method,
            bytes,
            raw_len,
            chunks: self.chunks,
        })
    }

    fn new(stream: Stream) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            chunks: Vec::new(),
        }
    }
}
