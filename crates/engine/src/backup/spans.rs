//! Several threads cut one long stretch of a file.
//!
//! A stretch is divided into spans. Whether a position is a candidate depends on 64 bytes alone, so each
//! thread finds those of its span by itself. Which candidates end a chunk depends on where the chunk
//! begins: that the thread of the span before says, and hands over the bytes of the chunk that it could
//! not end, the *carry*. The chunks are those that one thread would have cut.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crossbeam_channel::{Receiver, Sender, TryRecvError, unbounded};
use strongroom_crypto::chunker::{CHUNK_LEN_MAX, CHUNK_LEN_MIN, Chunker, WINDOW_LEN};
use strongroom_crypto::keys::ChunkKind;
use strongroom_files::OpenFile;
use strongroom_format::content::ListItem;

use super::chunks::{ChunkSink, Source};
use super::content::ReadFailure;
use super::lists::ListBuilder;
use crate::error::EngineError;
use crate::monitor::{Stop, count};

/// Shorter stretches are cut by one thread.
pub(crate) const STRETCH_LEN_MIN: u64 = 16 << 20;
/// Spans of all stretches that wait for a thread.
pub(crate) const SPANS_WAITING: usize = 8;
/// Spans of one stretch that are under way.
const SPANS_UNDER_WAY: u64 = 4;
const SPAN_LEN: usize = 2 << 20;

/// A part of a stretch, for one thread.
pub(crate) struct Span {
    stretch: Arc<Stretch>,
    number: u64,
    done: Sender<(u64, Cut)>,
}

type Cut = Result<Vec<ListItem>, ReadFailure>;

/// A part of a file without holes.
struct Stretch {
    file: Arc<OpenFile>,
    range: Range<u64>,
    source: Source,
    /// What the thread of a span hands to that of the next; `None` where it failed.
    carries: Mutex<BTreeMap<u64, Option<Vec<u8>>>>,
    handed: Condvar,
}

impl Stretch {
    fn hand(&self, to: u64, carry: Option<Vec<u8>>) {
        let mut carries = self.carries.lock().unwrap_or_else(PoisonError::into_inner);
        carries.insert(to, carry);
        self.handed.notify_all();
    }

    /// Waits for the carry of a span. Its predecessor was taken before it, so somebody works on it.
    fn carry(&self, of: u64) -> Option<Vec<u8>> {
        let mut carries = self.carries.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(carry) = carries.remove(&of) {
                return carry;
            }
            carries = self
                .handed
                .wait(carries)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One thread's share of cutting stretches.
pub(crate) struct SpanCutter<'a> {
    chunker: &'a Chunker,
    stop: &'a Stop,
    queue: Option<Sender<Span>>,
    waiting: Receiver<Span>,
    /// Room for a carry, then the bytes of a span.
    buffer: Vec<u8>,
    candidates: Vec<usize>,
}

impl<'a> SpanCutter<'a> {
    pub(crate) fn new(
        chunker: &'a Chunker,
        stop: &'a Stop,
        queue: Sender<Span>,
        waiting: Receiver<Span>,
    ) -> Self {
        Self {
            chunker,
            stop,
            queue: Some(queue),
            waiting,
            buffer: Vec::new(),
            candidates: Vec::new(),
        }
    }

    /// Returns the spans that wait for a thread.
    pub(crate) fn waiting(&self) -> Receiver<Span> {
        self.waiting.clone()
    }

    /// This thread has no more stretches for the others.
    pub(crate) fn hang_up(&mut self) {
        self.queue = None;
    }

    /// Stores the chunks of a stretch, with the help of the threads that are free.
    pub(crate) fn cut_stretch(
        &mut self,
        file: &Arc<OpenFile>,
        range: Range<u64>,
        source: Source,
        sink: &mut ChunkSink<'_>,
        list: &mut ListBuilder,
    ) -> Result<(), ReadFailure> {
        let spans = (range.end - range.start).div_ceil(SPAN_LEN as u64);
        let stretch = Arc::new(Stretch {
            file: file.clone(),
            range,
            source,
            carries: Mutex::default(),
            handed: Condvar::new(),
        });
        let (done, finished) = unbounded();
        let mut cuts: BTreeMap<u64, Cut> = BTreeMap::new();
        let (mut sent, mut next) = (0, 0);
        while next < spans {
            while sent < spans && sent - next < SPANS_UNDER_WAY {
                let span = Span {
                    stretch: stretch.clone(),
                    number: sent,
                    done: done.clone(),
                };
                let sender = self.queue.as_ref().ok_or(EngineError::Interrupted)?;
                if sender.try_send(span).is_err() {
                    break;
                }
                sent += 1;
            }
            // Work rather than wait; the span may be another file's.
            match self.waiting.try_recv() {
                Ok(span) => self.cut_span(&span, sink),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                    cuts.extend(finished.recv().ok());
                }
            }
            cuts.extend(finished.try_iter());
            while let Some(cut) = cuts.remove(&next) {
                for item in cut? {
                    list.push(sink, item)?;
                }
                next += 1;
            }
        }
        Ok(())
    }

    /// Stores the chunks that end in a span, and tells whoever reads the file.
    pub(crate) fn cut_span(&mut self, span: &Span, sink: &mut ChunkSink<'_>) {
        let next = span.number + 1;
        let cut = match self.find_cuts(span, sink) {
            Ok((from, cuts, carry)) => {
                span.stretch.hand(next, Some(carry));
                self.store(from, &cuts, span.stretch.source, sink)
            }
            Err(error) => {
                span.stretch.hand(next, None);
                Err(error)
            }
        };
        // Nobody listens any more where an earlier span failed.
        let _ = span.done.send((span.number, cut));
    }

    /// Returns where in the buffer the first chunk begins, where chunks end, and the carry.
    fn find_cuts(
        &mut self,
        span: &Span,
        sink: &ChunkSink<'_>,
    ) -> Result<(usize, Vec<usize>, Vec<u8>), ReadFailure> {
        self.stop.await_turn()?;
        let range = &span.stretch.range;
        let start = range.start + span.number * SPAN_LEN as u64;
        let len = SPAN_LEN.min(usize::try_from(range.end - start).unwrap_or(SPAN_LEN));
        // Windows that begin in the span before end in this one.
        let window = if span.number == 0 { 0 } else { WINDOW_LEN - 1 };
        let (begin, end) = (CHUNK_LEN_MAX, CHUNK_LEN_MAX + len);
        self.buffer.resize(CHUNK_LEN_MAX + SPAN_LEN, 0);
        let bytes = &mut self.buffer[begin - window..end];
        if span.stretch.file.read_at(bytes, start - window as u64)? < bytes.len() {
            return Err(ReadFailure::Changed);
        }
        count(&sink.progress().bytes_read, len as u64);
        self.candidates.clear();
        self.chunker.candidates(bytes, window, &mut self.candidates);
        let carry = if span.number == 0 {
            Vec::new()
        } else {
            span.stretch
                .carry(span.number)
                .ok_or(ReadFailure::Changed)?
        };
        let from = begin - carry.len();
        self.buffer[from..begin].copy_from_slice(&carry);
        let positions = self.candidates.iter().map(|at| at + begin - window);
        let mut cuts = select(from, end, positions);
        if start + len as u64 == range.end {
            cuts.extend((cuts.last() != Some(&end)).then_some(end));
        }
        let rest = cuts.last().map_or(from, |cut| *cut);
        Ok((from, cuts, self.buffer[rest..end].to_vec()))
    }

    fn store(
        &self,
        mut from: usize,
        cuts: &[usize],
        source: Source,
        sink: &mut ChunkSink<'_>,
    ) -> Cut {
        sink.set_source(source)?;
        let mut items = Vec::with_capacity(cuts.len());
        for cut in cuts {
            let chunk = &self.buffer[from..*cut];
            let id = sink.add(ChunkKind::Data, chunk)?;
            let len = chunk.len() as u64;
            items.push(ListItem::Part { len, id });
            from = *cut;
        }
        Ok(items)
    }
}

/// Returns where chunks end that begin at `from` and behind one another, up to `end`: behind the first
/// candidate that makes them long enough, or where they would become too long.
fn select(mut from: usize, end: usize, candidates: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut cuts = Vec::new();
    for position in candidates {
        while position - from >= CHUNK_LEN_MAX {
            from += CHUNK_LEN_MAX;
            cuts.push(from);
        }
        if position + 1 >= from + CHUNK_LEN_MIN {
            from = position + 1;
            cuts.push(from);
        }
    }
    while end - from >= CHUNK_LEN_MAX {
        from += CHUNK_LEN_MAX;
        cuts.push(from);
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_neither_too_short_nor_too_long() {
        let (min, max) = (CHUNK_LEN_MIN, CHUNK_LEN_MAX);
        let cuts = |from, end, candidates: &[usize]| select(from, end, candidates.iter().copied());
        assert_eq!(cuts(0, 3 * max, &[]), [max, 2 * max, 3 * max]);
        assert_eq!(cuts(0, max - 1, &[]), [0; 0]);
        assert_eq!(cuts(0, max, &[min - 2]), [max]);
        assert_eq!(
            cuts(0, max, &[min - 2, min - 1, min, 2 * min]),
            [min, 2 * min + 1]
        );
        // The position that completes the longest chunk ends it, candidate or not.
        assert_eq!(cuts(5, 2 * max, &[max + 4, max + 5]), [max + 5]);
    }
}
