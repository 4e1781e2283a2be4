//! A segment in memory, and the memory of segments that are not wanted any more.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// How much memory waits for the next segment: what a few threads give up and want at a time.
const SPARE_MAX: usize = 4;

/// The bytes of a segment, raw. Their memory goes to the next one.
pub(crate) struct Segment {
    bytes: Vec<u8>,
    spare: Arc<Spare>,
}

impl Deref for Segment {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.spare.give(std::mem::take(&mut self.bytes));
    }
}

/// Memory that is used again. The system clears what it hands out, and takes as long for it as opening takes.
#[derive(Default)]
pub(crate) struct Spare {
    kept: Mutex<Vec<Vec<u8>>>,
}

impl Spare {
    /// Returns a segment of these bytes.
    pub(crate) fn segment(self: &Arc<Self>, bytes: Vec<u8>) -> Segment {
        let spare = self.clone();
        Segment { bytes, spare }
    }

    /// Returns an empty buffer with room for `len` bytes, and not for many more: what is kept is counted by lengths.
    pub(crate) fn take(&self, len: usize) -> Vec<u8> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |buffer: &Vec<u8>| (len..=len.saturating_mul(2)).contains(&buffer.capacity());
        match kept.iter().position(fits) {
            Some(at) => kept.swap_remove(at),
            None => Vec::with_capacity(len),
        }
    }

    fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(buffer);
        if SPARE_MAX < kept.len() {
            // The largest ones serve every segment.
            let smallest = (0..kept.len()).min_by_key(|at| kept[*at].capacity());
            smallest.map(|at| kept.swap_remove(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_not_hoarded() {
        let spare = Arc::new(Spare::default());
        let segment = spare.segment(vec![7; 1_000]);
        let place = segment.as_ptr();
        assert_eq!(*segment, [7; 1_000]);
        drop(segment);
        assert_eq!(spare.take(1_001).capacity(), 1_001);
        assert_eq!(
            spare.take(100).capacity(),
            100,
            "it would keep ten times as much"
        );
        let again = spare.take(900);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        for len in 1..=10 {
            drop(spare.segment(Vec::with_capacity(len)));
        }
        let mut kept: Vec<usize> = spare
            .kept
            .lock()
            .unwrap()
            .iter()
            .map(Vec::capacity)
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, [7, 8, 9, 10]);
    }
}
