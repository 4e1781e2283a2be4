//! Packs in the making: segments are placed, a trailer is added, and all of it is sealed.

use strongroom_base::ids::Generation;
use strongroom_base::object::ObjectRef;
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::PREFIX_LEN;
use strongroom_format::index::{Entry, PackPlace, Run, SegmentPlace};
use strongroom_format::limits::PACK_LEN_MAX;
use strongroom_format::pack::{Fill, PackClass, Trailer, TrailerSegment, finish_pack};
use strongroom_format::sealed::{HEADER_LEN, SealedHeader};

use crate::backup::Segment;
use crate::create::seal;
use crate::writer::Identity;

/// Segments wait for a pack that they fill well: at most this many bytes of them.
const WAITING_BYTES: usize = 3 << 20;

/// A pack that segments are placed in.
pub(crate) struct OpenPack {
    class: PackClass,
    plaintext: Vec<u8>,
    segments: Vec<TrailerSegment>,
    trailer_len: usize,
    waiting: Vec<Segment>,
}

/// A sealed pack that is not an object yet.
pub(crate) struct SealedPack {
    pub(crate) bytes: Vec<u8>,
    header: SealedHeader,
    segments: Vec<TrailerSegment>,
}

impl OpenPack {
    pub(crate) fn new(class: PackClass) -> Self {
        Self {
            class,
            plaintext: Vec::new(),
            segments: Vec::new(),
            trailer_len: 0,
            waiting: Vec::new(),
        }
    }

    /// Returns how many bytes were placed.
    pub(crate) fn len(&self) -> usize {
        self.plaintext.len()
    }

    /// Returns how long the pack would be at most if it were sealed now, and how many chunks it has.
    pub(crate) fn extent(&self) -> (usize, usize) {
        let chunks = self
            .segments
            .iter()
            .map(|segment| segment.chunks.len())
            .sum();
        (self.plaintext.len() + self.trailer_len, chunks)
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
        let used = self.plaintext.len() + self.trailer_len;
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
        let used = self.plaintext.len() + segment.bytes.len();
        if used > self.plaintext.capacity() && used > PACK_LEN_MAX / 8 {
            self.plaintext
                .reserve_exact(PACK_LEN_MAX - self.plaintext.len());
        }
        self.plaintext.extend_from_slice(&segment.bytes);
        self.segments.push(TrailerSegment {
            method: segment.method,
            stored_len: u32::try_from(segment.bytes.len()).unwrap_or(u32::MAX),
            raw_len: segment.raw_len,
            chunks: segment.chunks,
        });
        true
    }

    /// Seals what was placed; `None` where nothing was.
    pub(crate) fn seal(
        &mut self,
        identity: &Identity,
        generation: Generation,
        fill: Fill,
    ) -> Option<SealedPack> {
        if self.segments.is_empty() {
            return None;
        }
        let trailer = Trailer {
            class: self.class,
            segments: std::mem::take(&mut self.segments),
        };
        self.trailer_len = 0;
        finish_pack(&mut self.plaintext, &trailer, fill)
            .expect("segments were placed where they fit");
        let mut bytes = Vec::new();
        let header = seal(
            identity.archive,
            generation,
            &identity.ring,
            SealedKind::Pack,
            &self.plaintext,
            &*identity.random,
            &mut bytes,
        );
        // The next pack of this class uses the same buffer.
        self.plaintext.clear();
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
