//! Index runs made anew from the trailers of packs, when some are lost: `spec/archive-v1.md`, sections 7
//! and 8. Slow, since every pack is asked, but sure.

use std::collections::HashSet;

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_crypto::keys::SealedKind;
use strongroom_format::FormatError;
use strongroom_format::index::{Entry, PackPlace, Run, SegmentPlace};
use strongroom_format::pack::Trailer;
use strongroom_format::sealed::{CELLS_START, HEADER_LEN, SealedHeader, open_object, opener};
use strongroom_replica::log::{Log, LogEntry, read_log};
use strongroom_replica::record::{PartKind, Record};

use crate::cells::Cells;
use crate::error::ReadError;
use crate::index::RunOpener;
use crate::replicas::Replicas;

/// A run is full with about as many entries.
const ENTRIES: usize = 1 << 19;

/// The place of a pack: its object and where it starts there.
type Place = (ObjectRef, u32);

/// Makes runs of all live packs that none of the runs that can be read covers.
pub(crate) fn rebuild(opener: &RunOpener<'_>, runs: &[ObjectRef]) -> Result<Vec<Run>, ReadError> {
    let mut covered: HashSet<Place> = HashSet::new();
    for object in runs {
        // One that cannot be read covers nothing.
        let Ok(plaintext) = opener.plaintext(object) else {
            continue;
        };
        let Ok(run) = Run::decode(&plaintext) else {
            continue;
        };
        let places = run.objects.iter();
        covered.extend(places.map(|place| (place.object, place.offset)));
    }
    let (log, records) = newest_log(opener, &covered)?;
    let mut builder = Builder::default();
    for (object, size) in log.live().contents() {
        let is_wanted = object.kind() == ObjectKind::Pack && !covered.contains(&(*object, 0));
        // A pack that is damaged is found out when its content is wanted.
        if is_wanted && let Ok((place, trailer)) = open_trailer(opener, object, size) {
            builder.add(place, &trailer);
        }
    }
    for (place, trailer) in records {
        builder.add(place, &trailer);
    }
    Ok(builder.finish())
}

/// Reads the log of the replica that has the newest record, with the packs in records that are not covered.
fn newest_log(
    opener: &RunOpener<'_>,
    covered: &HashSet<Place>,
) -> Result<(Log, Vec<(PackPlace, Trailer)>), ReadError> {
    let mut newest: Option<(Log, Vec<(PackPlace, Trailer)>)> = None;
    let mut first_error = None;
    for replica in opener.replicas.iter() {
        let mut packs = Vec::new();
        let log = read_log(replica, &opener.authority, &mut |record| {
            packs.extend(packs_in(opener, record, covered));
        });
        match log {
            Ok(log) => {
                let head = |log: &Log| log.head().map(LogEntry::id);
                if newest
                    .as_ref()
                    .is_none_or(|(other, _)| head(other) < head(&log))
                {
                    newest = Some((log, packs));
                }
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    newest.ok_or_else(|| first_error.map_or(ReadError::NoReplica, ReadError::from))
}

/// Returns the packs that travel in a record and are not covered.
fn packs_in(
    opener: &RunOpener<'_>,
    record: &Record,
    covered: &HashSet<Place>,
) -> Vec<(PackPlace, Trailer)> {
    let object = ObjectRef::record(record.id());
    let archive = opener.replicas.archive();
    let pack = |(kind, offset, bytes): (PartKind, usize, &[u8])| {
        let offset = u32::try_from(offset).ok()?;
        if kind != PartKind::Pack || covered.contains(&(object, offset)) {
            return None;
        }
        let (header, plaintext) =
            open_object(bytes, SealedKind::Pack, archive, opener.ring).ok()?;
        let place = PackPlace {
            object,
            offset,
            size: u32::try_from(bytes.len()).ok()?,
            header,
            prefix: *bytes.get(HEADER_LEN..)?.first_chunk()?,
        };
        Some((place, Trailer::of_plaintext(&plaintext).ok()?))
    };
    record.parts().filter_map(pack).collect()
}

/// Reads the trailer of a pack, from whichever replica has it.
fn open_trailer(
    from: &RunOpener<'_>,
    object: &ObjectRef,
    size: u64,
) -> Result<(PackPlace, Trailer), ReadError> {
    let damaged = |source| ReadError::Object {
        object: *object,
        source,
    };
    let malformed = |field| {
        damaged(FormatError::malformed("pack")(
            strongroom_base::wire::invalid(field),
        ))
    };
    from.replicas.ask(|replica| {
        let one = Replicas::new(vec![replica.clone()])?;
        let front = Replicas::get_range(replica, object, 0, CELLS_START)?;
        let header = SealedHeader::decode(&front).map_err(damaged)?;
        let prefix = front.get(HEADER_LEN..).and_then(|rest| rest.first_chunk());
        let prefix = *prefix.ok_or_else(|| malformed("length"))?;
        let key = opener(&header, &prefix, from.replicas.archive(), from.ring).map_err(damaged)?;
        let cells = Cells::new(*object, 0..size, &header, key)?;
        let len = cells.plaintext_len();
        let start = len.checked_sub(4).ok_or_else(|| malformed("length"))?;
        let last = cells.read(&one, start..len)?;
        let last = *last.first_chunk().ok_or_else(|| malformed("length"))?;
        let range = Trailer::range(len, last).map_err(damaged)?;
        let trailer = Trailer::decode(&cells.read(&one, range.clone())?, range.start);
        let place = PackPlace {
            object: *object,
            offset: 0,
            size: u32::try_from(size).map_err(|_| malformed("length"))?,
            header,
            prefix,
        };
        Ok((place, trailer.map_err(damaged)?))
    })
}

/// Gathers the rows of packs.
#[derive(Default)]
struct Builder {
    full: Vec<Run>,
    run: Run,
}

impl Builder {
    fn add(&mut self, place: PackPlace, trailer: &Trailer) {
        let run = &mut self.run;
        let number = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let object = number(run.objects.len());
        run.objects.push(place);
        let mut at = 0;
        for segment in &trailer.segments {
            let row = number(run.segments.len());
            run.segments.push(SegmentPlace {
                object,
                offset: at,
                stored_len: segment.stored_len,
                method: segment.method,
                raw_len: segment.raw_len,
            });
            at += segment.stored_len;
            let mut offset = 0;
            for chunk in &segment.chunks {
                run.entries.push(Entry {
                    prefix: chunk.prefix,
                    segment: row,
                    offset,
                });
                offset += chunk.len;
            }
        }
        if run.entries.len() >= ENTRIES {
            self.full.push(std::mem::take(run));
        }
    }

    fn finish(mut self) -> Vec<Run> {
        self.full.push(self.run);
        self.full.retain(|run| !run.entries.is_empty());
        self.full.iter_mut().for_each(Run::sort);
        self.full
    }
}
