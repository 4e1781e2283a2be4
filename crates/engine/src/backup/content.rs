//! Reads a file, and stores what of it is new.

use std::sync::Arc;

use strongroom_crypto::chunker::{CHUNK_LEN_MAX, Chunker, WHOLE_MAX};
use strongroom_crypto::keys::ChunkKind;
use strongroom_files::{Error, Extent, OpenFile, Whole};
use strongroom_format::content::{Content, ListItem};
use strongroom_format::limits::INLINE_LEN_MAX;

use super::chunks::{ChunkSink, LARGE_FILE, Source};
use super::lists::ListBuilder;
use super::spans::{STRETCH_LEN_MIN, SpanCutter};
use crate::error::EngineError;
use crate::monitor::{Stop, count};

/// Most bytes of a file that says that it has none.
const UNSIZED_LEN_MAX: u64 = 1 << 30;
/// How much of a large file is read at a time.
const READ_LEN: usize = 2 << 20;

/// Why a file has no content.
pub(crate) enum ReadFailure {
    /// It cannot be read.
    Files(Error),
    /// It became shorter or longer while it was read.
    Changed,
    /// Storing failed, which ends the backup.
    Engine(EngineError),
}

impl From<EngineError> for ReadFailure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Error> for ReadFailure {
    fn from(error: Error) -> Self {
        Self::Files(error)
    }
}

/// Reads files on one thread.
pub(crate) struct FileReader<'a> {
    chunker: &'a Chunker,
    stop: &'a Stop,
    pub(crate) spans: SpanCutter<'a>,
    buffer: Vec<u8>,
    /// The first bytes of a large file, for the case that there are no more.
    start: Vec<u8>,
}

impl<'a> FileReader<'a> {
    pub(crate) fn new(chunker: &'a Chunker, stop: &'a Stop, spans: SpanCutter<'a>) -> Self {
        Self {
            chunker,
            stop,
            spans,
            buffer: Vec::new(),
            start: Vec::new(),
        }
    }

    /// Reads a file of `size` bytes.
    ///
    /// `torn` accepts a file that ends earlier than it should, or goes on: it is taken as it is.
    pub(crate) fn read(
        &mut self,
        file: &Arc<OpenFile>,
        size: u64,
        torn: bool,
        sink: &mut ChunkSink<'_>,
    ) -> Result<Content, ReadFailure> {
        let source = Source {
            uid: file.stat_at_open().uid,
            large: size >= LARGE_FILE,
        };
        sink.set_source(source)?;
        let has_holes = size > INLINE_LEN_MAX as u64 && file.stat_at_open().blocks * 512 < size;
        if size <= WHOLE_MAX as u64 && !has_holes {
            return self.read_small(file, size, torn, sink);
        }
        let mut list = ListBuilder::default();
        self.start.clear();
        for extent in file.extents(size)? {
            match extent {
                Extent::Hole { len, .. } => list.push(sink, ListItem::Hole { len })?,
                Extent::Data { offset, len } if len >= STRETCH_LEN_MIN && !torn => {
                    let range = offset..offset + len;
                    self.spans
                        .cut_stretch(file, range, source, sink, &mut list)?;
                    // This thread may have helped with another file.
                    sink.set_source(source)?;
                }
                Extent::Data { offset, len } => {
                    self.read_extent(file, offset..offset + len, torn, sink, &mut list)?;
                }
            }
        }
        if list.must_be_inline() {
            // Torn: it became this short while it was read.
            return Ok(Content::Inline(self.start.clone()));
        }
        Ok(list.finish(sink)?)
    }

    /// Reads a file whose size says nothing, as those of procfs, to its end. One that has none in sight is not taken.
    pub(crate) fn read_unsized(
        &mut self,
        file: &OpenFile,
        sink: &mut ChunkSink<'_>,
    ) -> Result<Content, ReadFailure> {
        let mut list = ListBuilder::default();
        self.start.clear();
        let range = 0..UNSIZED_LEN_MAX;
        self.read_extent(file, range, true, sink, &mut list)?;
        if file.read_at(&mut [0], UNSIZED_LEN_MAX)? > 0 {
            return Err(ReadFailure::Changed);
        }
        if list.must_be_inline() {
            return Ok(Content::Inline(self.start.clone()));
        }
        Ok(list.finish(sink)?)
    }

    fn read_small(
        &mut self,
        file: &OpenFile,
        size: u64,
        torn: bool,
        sink: &mut ChunkSink<'_>,
    ) -> Result<Content, ReadFailure> {
        let whole = file.read_all_small(usize::try_from(size).unwrap_or(0), &mut self.buffer)?;
        if whole != Whole::AsExpected && !torn {
            return Err(ReadFailure::Changed);
        }
        count(&sink.progress().bytes_read, self.buffer.len() as u64);
        if self.buffer.len() <= INLINE_LEN_MAX {
            return Ok(Content::Inline(self.buffer.clone()));
        }
        let len = u32::try_from(self.buffer.len()).unwrap_or(u32::MAX);
        Ok(Content::Chunk {
            len,
            id: sink.add(ChunkKind::Data, &self.buffer)?,
        })
    }

    fn read_extent(
        &mut self,
        file: &OpenFile,
        range: std::ops::Range<u64>,
        torn: bool,
        sink: &mut ChunkSink<'_>,
        list: &mut ListBuilder,
    ) -> Result<(), ReadFailure> {
        let whole = range.end - range.start <= WHOLE_MAX as u64;
        let (mut at, mut filled) = (range.start, 0);
        loop {
            self.stop.await_turn()?;
            let want = usize::try_from(range.end - at).unwrap_or(usize::MAX);
            let room = READ_LEN.min(filled + want);
            if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
            let read = file.read_at(&mut self.buffer[filled..room], at)?;
            at += read as u64;
            filled += read;
            count(&sink.progress().bytes_read, read as u64);
            let short = filled < room;
            if short && !torn {
                return Err(ReadFailure::Changed);
            }
            let ends = at >= range.end || short;
            let used = self.cut(filled, whole, ends, sink, list)?;
            self.buffer.copy_within(used..filled, 0);
            filled -= used;
            if ends {
                return Ok(());
            }
        }
    }

    /// Stores the chunks in the buffer, and returns how many bytes they have.
    fn cut(
        &mut self,
        filled: usize,
        whole: bool,
        ends: bool,
        sink: &mut ChunkSink<'_>,
        list: &mut ListBuilder,
    ) -> Result<usize, EngineError> {
        let mut used = 0;
        while used < filled {
            let rest = &self.buffer[used..filled];
            if !ends && rest.len() < CHUNK_LEN_MAX {
                break;
            }
            let cut = if whole {
                None
            } else {
                self.chunker.first_cut(rest, 0)
            };
            let chunk = &rest[..cut.unwrap_or(rest.len())];
            let room = INLINE_LEN_MAX.saturating_sub(self.start.len());
            self.start
                .extend_from_slice(&chunk[..chunk.len().min(room)]);
            let id = sink.add(ChunkKind::Data, chunk)?;
            list.push(
                sink,
                ListItem::Part {
                    len: chunk.len() as u64,
                    id,
                },
            )?;
            used += chunk.len();
        }
        Ok(used)
    }
}
