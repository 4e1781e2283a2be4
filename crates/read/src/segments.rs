//! Opened and decompressed segments, the recently used ones kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use strongroom_base::object::ObjectRef;
use strongroom_format::index::{PackPlace, SegmentPlace};
use strongroom_format::keys::KeyRing;
use strongroom_format::pack::Method;
use strongroom_format::sealed::opener;

use crate::cells::Cells;
use crate::error::ReadError;
use crate::replicas::Replicas;

type Key = (ObjectRef, u32, u32);

/// Segments, the one used last first.
type Shard = VecDeque<(Key, Arc<Vec<u8>>)>;

/// How many shards there are, so that threads seldom wait for one another.
const SHARDS: usize = 4;

/// Segments that were opened lately.
pub(crate) struct Segments {
    shards: Vec<Mutex<Shard>>,
    bytes_max: usize,
}

impl Segments {
    /// Keeps at most about `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            shards,
            bytes_max: bytes_max / SHARDS,
        }
    }

    /// Returns a segment, raw.
    pub(crate) fn get(
        &self,
        replicas: &Replicas,
        ring: &KeyRing,
        pack: &PackPlace,
        segment: &SegmentPlace,
    ) -> Result<Arc<Vec<u8>>, ReadError> {
        let key = (pack.object, pack.offset, segment.offset);
        let name = pack.object.list_name();
        let spread = usize::from(name[7]) ^ usize::from(name[11]) ^ (segment.offset >> 12) as usize;
        let shard = &self.shards[spread % SHARDS];
        let mut kept = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(other, _)| *other == key) {
            let found = kept[at].1.clone();
            if at > 4
                && let Some(entry) = kept.remove(at)
            {
                kept.push_front(entry);
            }
            return Ok(found);
        }
        // The lock is held while the segment is read: whoever wants the same one waits for it instead
        // of reading it again.
        let raw = Arc::new(read_segment(replicas, ring, pack, segment)?);
        kept.push_front((key, raw.clone()));
        let mut bytes: usize = kept.iter().map(|(_, raw)| raw.len()).sum();
        while bytes > self.bytes_max && kept.len() > 1 {
            bytes -= kept.pop_back().map_or(0, |(_, raw)| raw.len());
        }
        Ok(raw)
    }
}

/// Reads, opens and decompresses a segment.
fn read_segment(
    replicas: &Replicas,
    ring: &KeyRing,
    pack: &PackPlace,
    segment: &SegmentPlace,
) -> Result<Vec<u8>, ReadError> {
    let damaged = |source| ReadError::Object {
        object: pack.object,
        source,
    };
    let opener = opener(&pack.header, &pack.prefix, replicas.archive(), ring).map_err(damaged)?;
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
            Method::Zstd => zstd::bulk::decompress(&stored, raw_len).ok(),
        };
        raw.filter(|raw| raw.len() == raw_len)
            .ok_or(ReadError::SegmentDamaged {
                object: pack.object,
            })
    })
}
