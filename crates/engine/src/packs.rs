//! Packs in the making: segments are sealed as they are placed, and a trailer is added.

use strongroom_base::ids::Generation;
use strongroom_base::object::ObjectRef;
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::{PREFIX_LEN, Sealer};
use strongroom_format::index::{Entry, PackPlace, Run, SegmentPlace};
use strongroom_format::limits::PACK_LEN_MAX;
use strongroom_format::pack::{Fill, PackClass, Tail, Trailer, TrailerSegment};
use strongroom_format::sealed::{HEADER_LEN, SealedHeader, object_len};

use crate::backup::Segment;
use crate::create::begin_seal;
use crate::writer::Identity;

/// Segments wait for a pack that they fill well: at most this many bytes of them.
const WAITING_BYTES: usize = 3 << 20;

/// A pack that segments are placed in.
pub(crate) struct OpenPack {
    class: PackClass,
    identity: Identity,
    generation: Generation,
    sealing: Option<Sealing>,
    /// How many bytes were placed.
    len: usize,
    segments: Vec<TrailerSegment>,
    trailer_len: usize,
    waiting: Vec<Segment>,
}

/// What was placed, sealed but for what does not fill a cell.
struct Sealing {
    header: SealedHeader,
    sealer: Sealer,
    bytes: Vec<u8>,
}

impl Sealing {
    fn append(&mut self, plaintext: &[u8]) {
        let needed = self.bytes.len() + plaintext.len();
        if needed > self.bytes.capacity() && needed > PACK_LEN_MAX / 8 {
            let most = object_len(self.header.suite, PACK_LEN_MAX as u64);
            let most = usize::try_from(most).unwrap_or(PACK_LEN_MAX);
            self.bytes
                .reserve_exact(most.saturating_sub(self.bytes.len()));
        }
        self.sealer.append(plaintext, &mut self.bytes);
    }
}

/// A sealed pack that is not an object yet.
pub(crate) struct SealedPack {
    pub(crate) bytes: Vec<u8>,
    header: SealedHeader,
    segments: Vec<TrailerSegment>,
}

impl OpenPack {
    /// Opens a pack that is sealed under the current epoch.
    pub(crate) fn new(class: PackClass, identity: &Identity, generation: Generation) -> Self {
        Self {
            class,
            identity: identity.clone(),
            generation,
            sealing: None,
            len: 0,
            segments: Vec::new(),
            trailer_len: 0,
            waiting: Vec::new(),
        }
    }

    /// Returns how many bytes were placed.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns how long the pack would be at most if it were sealed now, and how many chunks it has.
    pub(crate) fn extent(&self) -> (usize, usize) {
        let chunks = self
            .segments
            .iter()
            .map(|segment| segment.chunks.len())
            .sum();
        (self.len + self.trailer_len, chunks)
    }

    /// Takes a segment, which waits for its place.
    pub(crate) fn push(&mut self, segment: Segment) {
        debug_assert!(segment.class == self.class);
        self.waiting.push(segment);
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Says whether so many segments wait that one should be placed.
    pub(crate) fn has_many_waiting(&self) -> bool {
        let bytes: usize = self.waiting.iter().map(|segment| segment.bytes.len()).sum();
        bytes > WAITING_BYTES
    }

    /// Places one of the segments that wait: the first while there is much room, then the longest that
    /// fits. Returns whether one fitted.
    pub(crate) fn place_one(&mut self) -> bool {
        let used = self.len + self.trailer_len;
        let room = (PACK_LEN_MAX - 16).saturating_sub(used);
        let fits = |segment: &Segment| segment.bytes.len() + trailer_len(segment) <= room;
        let much_room = room > WAITING_BYTES;
        let candidates = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(_, segment)| fits(segment));
        let chosen = if much_room {
            candidates.map(|(at, _)| at).next()
        } else {
            candidates
                .max_by_key(|(_, segment)| segment.bytes.len())
                .map(|(at, _)| at)
        };
        let Some(at) = chosen else { return false };
        let segment = self.waiting.remove(at);
        self.trailer_len += trailer_len(&segment);
        self.len += segment.bytes.len();
        self.sealing().append(&segment.bytes);
        self.segments.push(TrailerSegment {
            method: segment.method,
            stored_len: u32::try_from(segment.bytes.len()).unwrap_or(u32::MAX),
            raw_len: segment.raw_len,
            chunks: segment.chunks,
        });
        true
    }

    fn sealing(&mut self) -> &mut Sealing {
        let (identity, generation) = (&self.identity, self.generation);
        self.sealing.get_or_insert_with(|| {
            let mut bytes = Vec::new();
            let (header, sealer) = begin_seal(identity, generation, SealedKind::Pack, &mut bytes);
            Sealing {
                header,
                sealer,
                bytes,
            }
        })
    }

    /// Adds the trailer to what was placed, and ends the pack; `None` where nothing was placed.
    pub(crate) fn finish(&mut self, fill: Fill) -> Option<SealedPack> {
        let mut sealing = self.sealing.take()?;
        let trailer = Trailer {
            class: self.class,
            segments: std::mem::take(&mut self.segments),
        };
        let tail =
            Tail::new(self.len, &trailer, fill).expect("segments were placed where they fit");
        (self.len, self.trailer_len) = (0, 0);
        let mut padding = tail.padding;
        while padding > 0 {
            let zeros = &[0; 4096][..padding.min(4096)];
            sealing.append(zeros);
            padding -= zeros.len();
        }
        sealing.append(&tail.trailer);
        let Sealing {
            header,
            sealer,
            mut bytes,
        } = sealing;
        sealer.finish(&mut bytes);
        Some(SealedPack {
            bytes,
            header,
            segments: trailer.segments,
        })
    }
}

/// Returns how long the row of a segment in the trailer is at the most.
fn trailer_len(segment: &Segment) -> usize {
    16 + segment.chunks.len() * 20
}

/// Notes in a run where the chunks of a pack lie that starts at `offset` of an object.
pub(crate) fn index_pack(run: &mut Run, pack: &SealedPack, object: ObjectRef, offset: usize) {
    let mut prefix = [0; PREFIX_LEN];
    prefix.copy_from_slice(&pack.bytes[HEADER_LEN..HEADER_LEN + PREFIX_LEN]);
    let place = PackPlace {
        object,
        offset: number(offset),
        size: number(pack.bytes.len()),
        header: pack.header,
        prefix,
    };
    run.add_pack(place, &pack.segments);
}

/// Adds the rows of a run to another one, which has to be sorted at last.
pub(crate) fn append_run(all: &mut Run, run: Run) {
    let (objects, segments) = (number(all.objects.len()), number(all.segments.len()));
    all.objects.extend(run.objects);
    all.segments
        .extend(run.segments.into_iter().map(|row| SegmentPlace {
            object: row.object + objects,
            ..row
        }));
    all.entries
        .extend(run.entries.into_iter().map(|entry| Entry {
            segment: entry.segment + segments,
            ..entry
        }));
}

fn number(value: usize) -> u32 {
    u32::try_from(value).expect("packs and runs are shorter than 2^32")
}
