//! Copies what is needed of packs to new ones.
//!
//! A segment of which everything is needed is copied as it is stored. One of which a part is needed is put
//! together anew, by itself: what was never compressed together (chunks of several owners) is not now.

use std::collections::BTreeSet;

use strongroom_base::object::ObjectRef;
use strongroom_crypto::hash::same;
use strongroom_crypto::keys::SealedKind;
use strongroom_format::content::{ChunkId, IdPrefix};
use strongroom_format::index::PackPlace;
use strongroom_format::pack::{Method, PackClass, Trailer, TrailerSegment};
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::open_object;
use strongroom_read::{Archive, ReadError};

use super::marks::{Marks, key_of};
use super::usage::PackUse;
use crate::backup::{Compressor, RawSegment, Segment};
use crate::error::EngineError;

/// Reads packs, and returns their needed segments.
pub(crate) struct Reader<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) marks: &'a Marks,
    pub(crate) compressor: Compressor,
}

impl Reader<'_> {
    /// Returns the segments of what is needed of a pack, which must be all that the index says.
    pub(crate) fn needed(&mut self, pack: &PackUse) -> Result<Vec<Segment>, EngineError> {
        let object = pack.place.object;
        let damaged = |source| ReadError::Object { object, source };
        let (archive, ring) = (self.archive.id(), &**self.archive.key_ring());
        let sealed = self.sealed(&pack.place)?;
        let (_, plaintext) =
            open_object(&sealed, SealedKind::Pack, archive, ring).map_err(damaged)?;
        drop(sealed);
        let trailer = Trailer::of_plaintext(&plaintext, Carrier::of(&object)).map_err(damaged)?;
        let (mut at, mut segments) = (0, Vec::new());
        let mut found: BTreeSet<IdPrefix> = BTreeSet::new();
        for segment in trailer.segments {
            let stored = &plaintext[at..at + segment.stored_len as usize];
            at += segment.stored_len as usize;
            let mut wanted = Vec::with_capacity(segment.chunks.len());
            for chunk in &segment.chunks {
                let needed = self
                    .marks
                    .is_needed_of(key_of(&pack.place), &chunk.prefix)?;
                wanted.push(needed && found.insert(chunk.prefix));
            }
            if wanted.iter().all(|wanted| *wanted) {
                segments.push(as_stored(trailer.class, segment, stored));
            } else if wanted.contains(&true) {
                segments.push(self.part(object, trailer.class, &segment, stored, &wanted)?);
            }
        }
        if found.len() as u64 != pack.chunks {
            return Err(ReadError::SegmentDamaged { object }.into());
        }
        Ok(segments)
    }

    /// Reads a sealed pack whose object is undamaged, from the first replica that has it.
    fn sealed(&self, place: &PackPlace) -> Result<Vec<u8>, ReadError> {
        let Some(id) = place.object.record_id() else {
            return self.archive.replicas().get(&place.object);
        };
        let authority = self.archive.key_ring().authority().public_key();
        let range = place.offset as usize..place.offset as usize + place.size as usize;
        self.archive.replicas().ask(|replica| {
            let record = replica.record(id, &authority)?;
            let bytes = record.bytes().get(range.clone());
            bytes.map(<[u8]>::to_vec).ok_or(ReadError::SegmentDamaged {
                object: place.object,
            })
        })
    }

    /// Makes a segment of the wanted chunks of another one.
    fn part(
        &mut self,
        object: ObjectRef,
        class: PackClass,
        segment: &TrailerSegment,
        stored: &[u8],
        wanted: &[bool],
    ) -> Result<Segment, EngineError> {
        let damaged = || ReadError::SegmentDamaged { object };
        let raw = match segment.method {
            Method::Stored => stored.to_vec(),
            Method::Zstd => {
                zstd::bulk::decompress(stored, segment.raw_len as usize).map_err(|_| damaged())?
            }
        };
        let mut rest = raw.as_slice();
        let (mut bytes, mut chunks) = (Vec::new(), Vec::new());
        for (chunk, wanted) in segment.chunks.iter().zip(wanted) {
            let (this, after) = rest
                .split_at_checked(chunk.len as usize)
                .ok_or_else(damaged)?;
            rest = after;
            if !wanted {
                continue;
            }
            let id = ChunkId(self.archive.key_ring().dedup.chunk_id(chunk.kind, this));
            if !same(&id.prefix(), &chunk.prefix) {
                return Err(ReadError::ChunkDamaged { id, object }.into());
            }
            bytes.extend_from_slice(this);
            chunks.push(*chunk);
        }
        let raw = RawSegment::again(class, bytes, chunks);
        raw.compress(&mut self.compressor, &mut Vec::new())
    }
}

fn as_stored(class: PackClass, segment: TrailerSegment, stored: &[u8]) -> Segment {
    Segment {
        class,
        method: segment.method,
        bytes: stored.to_vec(),
        raw_len: segment.raw_len,
        chunks: segment.chunks,
    }
}
