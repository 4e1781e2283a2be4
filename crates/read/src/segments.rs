//! Opened and decompressed segments, the recently used ones kept.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use strongroom_base::object::ObjectRef;
use strongroom_format::index::{PackPlace, SegmentPlace};
use strongroom_format::keys::KeyRing;
use strongroom_format::pack::Method;
use strongroom_format::sealed::opener;

use crate::cells::Cells;
use crate::error::ReadError;
use crate::replicas::Replicas;
use crate::segment::{Segment, Spare};

type Key = (ObjectRef, u32, u32);

/// A segment, or the place where whoever asked first will put it.
type Slot = Arc<Mutex<Option<Arc<Segment>>>>;

/// Segments that were opened lately.
pub(crate) struct Segments {
    kept: Mutex<Kept>,
    bytes_max: usize,
    spare: Arc<Spare>,
}

/// The segments that are kept, with their lengths.
struct Kept {
    slots: LruCache<Key, (usize, Slot)>,
    bytes: usize,
}

impl Segments {
    /// Keeps at most about `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let kept = Kept {
            slots: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            kept: Mutex::new(kept),
            bytes_max,
            spare: Arc::default(),
        }
    }

    /// Returns a segment, raw.
    ///
    /// Whoever wants a segment that another thread is reading waits for it, instead of reading it again;
    /// whoever wants another one does not wait.
    pub(crate) fn get(
        &self,
        replicas: &Replicas,
        ring: &KeyRing,
        pack: &PackPlace,
        segment: &SegmentPlace,
    ) -> Result<Arc<Segment>, ReadError> {
        let slot = self.slot((pack.object, pack.offset, segment.offset), segment.raw_len);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(raw) = &*slot {
            return Ok(raw.clone());
        }
        let raw = Arc::new(self.read(replicas, ring, pack, segment)?);
        *slot = Some(raw.clone());
        Ok(raw)
    }

    fn slot(&self, key: Key, raw_len: u32) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slot)) = kept.slots.get(&key) {
            return slot.clone();
        }
        let (slot, len) = (Slot::default(), raw_len as usize);
        kept.slots.put(key, (len, slot.clone()));
        kept.bytes += len;
        let mut gone = Vec::new();
        while kept.bytes > self.bytes_max
            && kept.slots.len() > 1
            && let Some((_, (len, slot))) = kept.slots.pop_lru()
        {
            kept.bytes -= len;
            gone.push(slot);
        }
        // To give memory back takes time, and others wait for the list.
        drop(kept);
        drop(gone);
        slot
    }

    /// Reads, opens and decompresses a segment.
    fn read(
        &self,
        replicas: &Replicas,
        ring: &KeyRing,
        pack: &PackPlace,
        segment: &SegmentPlace,
    ) -> Result<Segment, ReadError> {
        let damaged = |source| ReadError::Object {
            object: pack.object,
            source,
        };
        let opener =
            opener(&pack.header, &pack.prefix, replicas.archive(), ring).map_err(damaged)?;
        let sealed = u64::from(pack.offset)..u64::from(pack.offset) + u64::from(pack.size);
        let cells = Cells::new(pack.object, sealed, &pack.header, opener)?;
        let start = u64::from(segment.offset);
        let range = start..start + u64::from(segment.stored_len);
        let raw_len = segment.raw_len as usize;
        replicas.ask(|replica| {
            let one = Replicas::new(vec![replica.clone()])?;
            let stored = cells.read(&one, range.clone())?;
            let raw = match segment.method {
                Method::Stored => Some(stored),
                Method::Zstd => decompress_into(&stored, raw_len, self.spare.take(raw_len)),
            };
            let raw = raw.ok_or(ReadError::SegmentDamaged {
                object: pack.object,
            })?;
            Ok(self.spare.segment(raw))
        })
    }
}

/// Decompresses a segment of `raw_len` bytes; `None` where it is not one zstd frame as section 7 of the
/// specification has it: with the size of its content, without dictionary and checksum, nothing behind it.
pub fn decompress_segment(stored: &[u8], raw_len: usize) -> Option<Vec<u8>> {
    decompress_into(stored, raw_len, Vec::new())
}

/// As [`decompress_segment`], to the memory of `raw`, which is empty.
fn decompress_into(stored: &[u8], raw_len: usize, mut raw: Vec<u8>) -> Option<Vec<u8>> {
    let magic = zstd::zstd_safe::MAGICNUMBER.to_le_bytes();
    let descriptor = stored.strip_prefix(&magic)?.first()?;
    let plain = descriptor & (FRAME_CHECKSUM | FRAME_DICTIONARY) == 0;
    let content = zstd::zstd_safe::get_frame_content_size(stored).ok()??;
    let frame = zstd::zstd_safe::find_frame_compressed_size(stored).ok()?;
    if !plain || content != raw_len as u64 || frame != stored.len() {
        return None;
    }
    raw.reserve_exact(raw_len);
    let mut decompressor = zstd::bulk::Decompressor::new().ok()?;
    let len = decompressor.decompress_to_buffer(stored, &mut raw).ok()?;
    (len == raw_len && raw.len() == raw_len).then_some(raw)
}

/// The bits of a frame header's descriptor that say there is a checksum, or a dictionary (RFC 8878, 3.1.1.1.1).
const FRAME_CHECKSUM: u8 = 1 << 2;
const FRAME_DICTIONARY: u8 = 0b11;

#[cfg(test)]
mod tests {
    use strongroom_base::ids::ObjectName;

    use super::*;

    fn frame(set: impl FnOnce(&mut zstd::bulk::Compressor<'_>)) -> Vec<u8> {
        let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
        set(&mut compressor);
        compressor.compress(&[7; 1_000]).unwrap()
    }

    #[test]
    fn what_was_used_last_is_kept() {
        let segments = Segments::new(3_000);
        let key = |number: u32| (ObjectRef::pack(ObjectName([7; 32])), 0, number);
        let slot = |number| segments.slot(key(number), 1_000);
        let first: Vec<Slot> = (0..3).map(slot).collect();
        let is_kept = |number: u32| Arc::ptr_eq(&first[number as usize], &slot(number));
        assert!(is_kept(0), "three have room");
        slot(3);
        assert!(is_kept(0), "it was used after the others");
        assert!(is_kept(2));
        assert!(!is_kept(1), "nobody asked for it for the longest time");
        drop(segments.slot(key(9), 9_000));
        let kept = segments.kept.lock().unwrap();
        assert_eq!(kept.slots.len(), 1, "a large one has room alone");
        assert_eq!(kept.bytes, 9_000);
    }

    #[test]
    fn a_segment_is_one_plain_frame() {
        let good = frame(|_| ());
        assert_eq!(decompress_segment(&good, 1_000), Some(vec![7; 1_000]));
        assert_eq!(decompress_segment(&good, 999), None);
        let refused = |bytes: &[u8]| assert_eq!(decompress_segment(bytes, 1_000), None);
        refused(&[&good[..], &[0]].concat());
        refused(&[&good[..], &frame(|_| ())].concat());
        refused(&frame(|c| c.include_checksum(true).unwrap()));
        refused(&frame(|c| c.include_contentsize(false).unwrap()));
        refused(&[&b"\x50\x2a\x4d\x18\0\0\0\0"[..], &good].concat());
        refused(&[]);
    }
}
