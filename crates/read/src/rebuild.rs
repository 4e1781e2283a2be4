//! Index runs made anew from the trailers of packs, when some are lost: `spec/archive-v1.md`, sections 7
//! and 8. Slow, since every pack is asked, but sure.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_crypto::keys::SealedKind;
use strongroom_format::FormatError;
use strongroom_format::index::{PackPlace, Run};
use strongroom_format::pack::Trailer;
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::{CELLS_START, HEADER_LEN, SealedHeader, open_object, opener};
use strongroom_replica::Replica;
use strongroom_replica::log::{Log, read_log_of};
use strongroom_replica::record::{PartKind, Record};

use crate::cells::Cells;
use crate::error::ReadError;
use crate::index::RunOpener;
use crate::replicas::Replicas;

/// A run is full with about as many entries.
const ENTRIES: usize = 1 << 19;

/// The place of a pack: its object and where it starts there.
pub type PackKey = (ObjectRef, u32);

/// Index runs made anew.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// The runs.
    pub runs: Vec<Run>,
    /// Packs, and records that carry some, whose trailers could not be read anywhere, and why: these runs say
    /// nothing of them.
    pub unread: Vec<(ObjectRef, ReadError)>,
}

/// Returns the packs that the runs place something in, of those runs that can be read.
pub(crate) fn covered_by(opener: &RunOpener<'_>, runs: &[ObjectRef]) -> HashSet<PackKey> {
    let mut covered = HashSet::new();
    for object in runs {
        // One that cannot be read covers nothing.
        let run = opener.plaintext(object).ok();
        let run = run.and_then(|plaintext| Run::decode(&plaintext, Carrier::of(object)).ok());
        let places = run.into_iter().flat_map(|run| run.objects);
        covered.extend(places.map(|place| (place.object, place.offset)));
    }
    covered
}

/// Makes runs of all live packs that are not covered. What cannot be read is named.
pub(crate) fn rebuild(
    opener: &RunOpener<'_>,
    covered: &HashSet<PackKey>,
) -> Result<Rebuilt, ReadError> {
    let replicas: Vec<&Replica> = opener.replicas.iter().collect();
    let mut carried = Vec::new();
    let log = read_log_of(&replicas, &opener.authority, &mut |record| {
        carried.extend(packs_in(opener, record, covered));
    })?;
    let (mut builder, mut unread) = (Builder::default(), Vec::new());
    for (object, size) in packs(opener, &log)? {
        if covered.contains(&(object, 0)) {
            continue;
        }
        match open_trailer(opener, &object, size) {
            Ok((place, trailer)) => builder.add(place, &trailer),
            Err(error) => unread.push((object, error)),
        }
    }
    let is_of_log = |object: &ObjectRef| {
        let entry = object.record_id().and_then(|id| log.entry_of(id));
        entry.is_some()
    };
    for (object, pack) in carried.into_iter().filter(|(object, _)| is_of_log(object)) {
        match pack {
            Ok((place, trailer)) => builder.add(place, &trailer),
            Err(error) => unread.push((object, error)),
        }
    }
    let runs = builder.finish();
    Ok(Rebuilt { runs, unread })
}

/// Returns the live packs. Where records are lost, nobody knows what they added: then all packs that are there and
/// were not given up.
fn packs(opener: &RunOpener<'_>, log: &Log) -> Result<BTreeMap<ObjectRef, u64>, ReadError> {
    let live = log.live();
    let is_pack = |object: &ObjectRef| object.kind() == ObjectKind::Pack;
    let contents = live.contents().map(|(object, size)| (*object, size));
    let mut packs: BTreeMap<ObjectRef, u64> =
        contents.filter(|(object, _)| is_pack(object)).collect();
    if log.lost.is_empty() {
        return Ok(packs);
    }
    let changes = log.entries.iter().map(|entry| &entry.header.changes);
    let given_up = changes.flat_map(|changes| changes.condemns.iter().chain(&changes.voids));
    let given_up: BTreeSet<&ObjectRef> = given_up.collect();
    for replica in opener.replicas.iter() {
        for (object, size) in replica.content_objects()? {
            if is_pack(&object) && !given_up.contains(&object) {
                packs.entry(object).or_insert(size);
            }
        }
    }
    Ok(packs)
}

type OpenedPack = Result<(PackPlace, Trailer), ReadError>;

/// Returns the packs that travel in a record and are not covered.
fn packs_in(
    opener: &RunOpener<'_>,
    record: &Record,
    covered: &HashSet<PackKey>,
) -> Vec<(ObjectRef, OpenedPack)> {
    let object = ObjectRef::record(record.id());
    let archive = opener.replicas.archive();
    let open = |offset: u32, bytes: &[u8]| {
        let damaged = |source| ReadError::Object { object, source };
        let pack = open_object(bytes, SealedKind::Pack, archive, opener.ring);
        let (header, plaintext) = pack.map_err(damaged)?;
        let prefix = bytes.get(HEADER_LEN..).and_then(|rest| rest.first_chunk());
        let place = PackPlace {
            object,
            offset,
            size: u32::try_from(bytes.len()).map_err(|_| malformed(object))?,
            header,
            prefix: *prefix.ok_or_else(|| malformed(object))?,
        };
        let trailer = Trailer::of_plaintext(&plaintext, Carrier::Record).map_err(damaged)?;
        Ok((place, trailer))
    };
    let pack = |(kind, offset, bytes): (PartKind, usize, &[u8])| {
        let offset = u32::try_from(offset).ok()?;
        let is_wanted = kind == PartKind::Pack && !covered.contains(&(object, offset));
        is_wanted.then(|| (object, open(offset, bytes)))
    };
    record.parts().filter_map(pack).collect()
}

/// Reads the trailer of a pack, from whichever replica has it. That one cannot be read now comes before that
/// another one is damaged.
pub(crate) fn open_trailer(
    from: &RunOpener<'_>,
    object: &ObjectRef,
    size: u64,
) -> Result<(PackPlace, Trailer), ReadError> {
    let mut failed: Option<ReadError> = None;
    for replica in from.replicas.iter() {
        match open_trailer_at(from, replica, object, size) {
            Ok(opened) => return Ok(opened),
            Err(error) if failed.as_ref().is_none_or(ReadError::is_loss) => failed = Some(error),
            Err(_) => {}
        }
    }
    Err(failed.unwrap_or(ReadError::NoReplica))
}

fn open_trailer_at(
    from: &RunOpener<'_>,
    replica: &Replica,
    object: &ObjectRef,
    size: u64,
) -> Result<(PackPlace, Trailer), ReadError> {
    let damaged = |source| ReadError::Object {
        object: *object,
        source,
    };
    let one = Replicas::new(vec![replica.clone()])?;
    let front = Replicas::get_range(replica, object, 0, CELLS_START)?;
    let header = SealedHeader::decode(&front).map_err(damaged)?;
    let prefix = front.get(HEADER_LEN..).and_then(|rest| rest.first_chunk());
    let prefix = *prefix.ok_or_else(|| malformed(*object))?;
    let key = opener(&header, &prefix, from.replicas.archive(), from.ring).map_err(damaged)?;
    let cells = Cells::new(*object, 0..size, &header, key)?;
    let len = cells.plaintext_len();
    let start = len.checked_sub(4).ok_or_else(|| malformed(*object))?;
    let last = cells.read(&one, start..len)?;
    let last = *last.first_chunk().ok_or_else(|| malformed(*object))?;
    let range = Trailer::range(len, last, Carrier::Object).map_err(damaged)?;
    let trailer = Trailer::decode(&cells.read(&one, range.clone())?, range.start);
    let place = PackPlace {
        object: *object,
        offset: 0,
        size: u32::try_from(size).map_err(|_| malformed(*object))?,
        header,
        prefix,
    };
    Ok((place, trailer.map_err(damaged)?))
}

fn malformed(object: ObjectRef) -> ReadError {
    let invalid = strongroom_base::wire::invalid("length");
    ReadError::Object {
        object,
        source: FormatError::malformed("pack")(invalid),
    }
}

/// Gathers the rows of packs.
#[derive(Default)]
struct Builder {
    full: Vec<Run>,
    run: Run,
}

impl Builder {
    fn add(&mut self, place: PackPlace, trailer: &Trailer) {
        self.run.add_pack(place, &trailer.segments);
        if self.run.entries.len() >= ENTRIES {
            self.full.push(std::mem::take(&mut self.run));
        }
    }

    fn finish(mut self) -> Vec<Run> {
        self.full.push(self.run);
        self.full.retain(|run| !run.entries.is_empty());
        self.full.iter_mut().for_each(Run::sort);
        self.full
    }
}
