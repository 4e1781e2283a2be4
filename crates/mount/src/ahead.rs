//! Reading ahead: whoever reads one segment after the other finds the next ones in memory.
//!
//! Segments hold files in the order in which they were backed up, small ones together and large ones in
//! pieces, so this serves who reads a large file and who reads a folder. A segment that is read alone is no
//! reason to read more.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use strongroom_read::{Archive, SegmentName};

/// How many segments are remembered as read lately.
const TOUCHED_MAX: usize = 16;
/// How many segments behind the one that is read are wanted.
const AHEAD: u32 = 2;
/// How many segments before the one that is read make a sequence of it. Threads of a backup fill segments
/// side by side, so that a reader goes to and fro between a few.
const BEFORE: u32 = 2;
/// How many wishes wait at most; more are dropped.
const WAITING_MAX: usize = 4;
/// How many threads fulfil them.
const THREADS: usize = 2;

type Wish = (Arc<Archive>, SegmentName);

/// Reads segments before they are asked for.
pub(crate) struct Ahead {
    touched: Mutex<VecDeque<SegmentName>>,
    wishes: Sender<Wish>,
}

impl Ahead {
    /// Starts the threads; they end when this is dropped.
    pub(crate) fn start() -> io::Result<Self> {
        let (wishes, taken) = bounded(WAITING_MAX);
        for number in 0..THREADS {
            let taken: Receiver<Wish> = taken.clone();
            let builder = thread::Builder::new().name(format!("ahead-{number}"));
            builder.spawn(move || {
                for (archive, name) in taken {
                    // Whoever needs it will see the error.
                    let _ = archive.load_segment(name);
                }
            })?;
        }
        let touched = Mutex::default();
        Ok(Self { touched, wishes })
    }

    /// Is told that a segment is read.
    pub(crate) fn touched(&self, archive: &Arc<Archive>, name: SegmentName) {
        for row in self.wanted(name) {
            let wish = SegmentName { run: name.run, row };
            if self.wishes.try_send((archive.clone(), wish)).is_err() {
                return;
            }
        }
    }

    /// Returns the rows to read ahead.
    fn wanted(&self, name: SegmentName) -> std::ops::Range<u32> {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        if touched.contains(&name) {
            return 0..0;
        }
        let is_before = |other: &SegmentName| {
            other.run == name.run
                && (1..=BEFORE).any(|by| other.row.checked_add(by) == Some(name.row))
        };
        let in_sequence = touched.iter().any(is_before);
        touched.push_front(name);
        touched.truncate(TOUCHED_MAX);
        if in_sequence {
            let next = name.row.saturating_add(1);
            next..next.saturating_add(AHEAD)
        } else {
            0..0
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::{Generation, Seq};
    use strongroom_base::object::{ObjectRef, RecordId};

    use super::*;

    #[test]
    fn only_who_reads_in_sequence_gets_more() {
        let ahead = Ahead::start().unwrap();
        let name = |seq: u64, row: u32| SegmentName {
            run: ObjectRef::record(RecordId {
                generation: Generation(1),
                seq: Seq(seq),
            }),
            row,
        };
        assert_eq!(ahead.wanted(name(1, 5)), 0..0, "alone");
        assert_eq!(ahead.wanted(name(2, 6)), 0..0, "of another run");
        assert_eq!(ahead.wanted(name(1, 6)), 7..9);
        assert_eq!(ahead.wanted(name(1, 5)), 0..0, "known already");
        assert_eq!(ahead.wanted(name(1, 8)), 9..11, "over one");
        assert_eq!(ahead.wanted(name(1, 40)), 0..0, "far away");
        assert_eq!(ahead.wanted(name(1, u32::MAX)), 0..0);
    }
}
