//! Goes on where a replica ends: copies what the records after its newest one add, and nothing is read but these.
//!
//! Both ends are known to whoever asks. Each record names the hash of the one before it, so the records between
//! them are the chain's: `spec/archive-v1.md`, section 9.

use std::ops::ControlFlow;

use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_base::{Class, Classified as _};
use strongroom_store::PutOutcome;

use crate::budget::Budget;
use crate::error::ReplicaError;
use crate::live::LiveSet;
use crate::log::{Head, chain};
use crate::parallel::{THREADS_MAX, in_order};
use crate::record::RecordKind;
use crate::replica::Replica;
use crate::sync::{Copied, put_record};

/// A batch ends with the record that makes it so large, in bytes of objects and records.
const BATCH_BYTES: u64 = 32 << 20;
/// Most records of a batch.
const BATCH_RECORDS: usize = 128;
/// Objects of at least so many bytes are looked for before they are put for a second time.
const LARGE: u64 = 1 << 16;

/// How far following is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Followed {
    /// What was copied.
    pub copied: Copied,
    /// The newest record that the target has with all before it.
    pub newest: Head,
}

/// Records that follow one another.
#[derive(Debug)]
pub struct Piece {
    steps: Vec<Step>,
    from: Head,
    bytes: u64,
}

/// A record, and what it adds that is still live at the end of its piece.
#[derive(Debug)]
struct Step {
    head: Head,
    len: u64,
    objects: Vec<(ObjectRef, u64)>,
}

impl Step {
    fn bytes(&self) -> u64 {
        self.len + self.objects.iter().map(|(_, size)| size).sum::<u64>()
    }
}

impl Piece {
    /// Returns how many records it has.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Says whether it has none.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the bytes of its records, and of what they add.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads the records after `from` up to `to` from the first of `sources` that has them all. `None` where none has, or
    /// where they cannot be told from one another without the rest of the log: a checkpoint is among them.
    ///
    /// That a source cannot be read now is an error where no other one has them.
    pub fn between(
        sources: &[&Replica],
        from: Head,
        to: Head,
        authority: &[u8; 32],
    ) -> Result<Option<Self>, ReplicaError> {
        let mut later = None;
        for source in sources {
            match read(source, from, to, authority) {
                Ok(Some(piece)) => return Ok(Some(piece)),
                Err(error) if error.class() == Class::Retry => later = later.or(Some(error)),
                Ok(None) | Err(_) => {}
            }
        }
        later.map_or(Ok(None), Err)
    }

    /// Copies its objects and records to `target`, whose newest record is the one before it, each from the first of
    /// `sources` that has it undamaged. Calls `progress` after each object, and stops where it breaks. Says whether
    /// everything was copied: `false` where no source has an object; all before its record is there then.
    ///
    /// A crash anywhere is made good by another call.
    pub fn copy_to(
        &self,
        target: &Replica,
        sources: &[&Replica],
        authority: &[u8; 32],
        progress: &mut dyn FnMut(Followed) -> ControlFlow<()>,
    ) -> Result<bool, ReplicaError> {
        let objects = self.steps.iter().map(|step| step.objects.len() as u64 + 1);
        let mut followed = Followed {
            copied: Copied {
                objects_total: objects.sum(),
                bytes_total: self.bytes,
                ..Copied::default()
            },
            newest: self.from,
        };
        let copying = Copying {
            target,
            sources,
            authority,
        };
        let mut rest = &self.steps[..];
        let mut is_first = true;
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(batch_len(rest));
            let copied = copying.copy(batch, is_first, &mut followed, progress)?;
            if !copied {
                return Ok(false);
            }
            (rest, is_first) = (after, false);
        }
        Ok(true)
    }
}

/// Returns how many records the next batch has.
fn batch_len(steps: &[Step]) -> usize {
    let mut bytes = 0;
    let is_within = |step: &&Step| {
        let fits = bytes < BATCH_BYTES;
        bytes += step.bytes();
        fits
    };
    let steps = steps.iter().take(BATCH_RECORDS);
    steps.take_while(is_within).count()
}

fn read(
    source: &Replica,
    from: Head,
    to: Head,
    authority: &[u8; 32],
) -> Result<Option<Piece>, ReplicaError> {
    let (ids, _) = chain(&source.record_ids()?);
    let is_between = |id: &&RecordId| from.id.seq < id.seq && id.seq <= to.id.seq;
    let ids: Vec<RecordId> = ids.iter().filter(is_between).copied().collect();
    let wanted = to.id.seq.0.saturating_sub(from.id.seq.0);
    if ids.len() as u64 != wanted || ids.last() != Some(&to.id) {
        return Ok(None);
    }
    let mut steps: Vec<Step> = Vec::with_capacity(ids.len());
    let (mut live, mut newest) = (LiveSet::default(), from);
    for id in ids {
        let record = source.record(id, authority)?;
        let header = record.header();
        let follows = header.link.previous == newest.hash
            && newest.id.seq.0 + 1 == id.seq.0
            && newest.id < id;
        if !follows || header.kind == RecordKind::Checkpoint {
            return Ok(None);
        }
        let len = record.bytes().len() as u64;
        live.apply(header, len);
        newest = Head {
            id,
            hash: record.hash(),
        };
        let adds = header.changes.adds.iter();
        steps.push(Step {
            head: newest,
            len,
            objects: adds.map(|added| (added.object, added.size)).collect(),
        });
    }
    if newest != to {
        return Ok(None);
    }
    for step in &mut steps {
        let is_live = |(object, size): &(ObjectRef, u64)| live.size(object) == Some(*size);
        step.objects.retain(is_live);
    }
    Ok(Some(Piece {
        bytes: steps.iter().map(Step::bytes).sum(),
        steps,
        from,
    }))
}

/// What copying needs.
struct Copying<'a> {
    target: &'a Replica,
    sources: &'a [&'a Replica],
    authority: &'a [u8; 32],
}

impl Copying<'_> {
    /// Copies the objects of some records, and then these. What a run before this one copied is passed over in its first batch.
    fn copy(
        &self,
        steps: &[Step],
        is_first: bool,
        followed: &mut Followed,
        progress: &mut dyn FnMut(Followed) -> ControlFlow<()>,
    ) -> Result<bool, ReplicaError> {
        let objects: Vec<_> = steps.iter().flat_map(|step| step.objects.clone()).collect();
        let budget = Budget::new();
        let work = |(object, size): &(ObjectRef, u64)| {
            let _share = budget.take(*size);
            if is_first && *size >= LARGE && self.target.has(object, *size)? {
                return Ok(true);
            }
            let Some(bytes) = self.fetch(object, *size)? else {
                return Ok(false);
            };
            let _: PutOutcome = self.target.put(object, &bytes)?;
            Ok(true)
        };
        let mut ended = Ok(true);
        let mut take = |(_, size): &(ObjectRef, u64), copied: Result<bool, ReplicaError>| {
            match copied {
                Ok(true) => {
                    followed.copied.objects += 1;
                    followed.copied.bytes += size;
                    if progress(*followed).is_continue() {
                        return ControlFlow::Continue(());
                    }
                    ended = Err(ReplicaError::Interrupted);
                }
                other => ended = other,
            }
            ControlFlow::Break(())
        };
        in_order(THREADS_MAX, &objects, &work, &mut take);
        if !matches!(ended, Ok(true)) {
            return ended;
        }
        for step in steps {
            let Some(bytes) = self.fetch_record(step.head)? else {
                return Ok(false);
            };
            put_record(self.target, step.head.id, &bytes, self.authority)?;
            followed.newest = step.head;
            followed.copied.objects += 1;
            followed.copied.bytes += step.len;
            if progress(*followed).is_break() {
                return Err(ReplicaError::Interrupted);
            }
        }
        Ok(true)
    }

    fn fetch(&self, object: &ObjectRef, size: u64) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.first(|source| {
            let bytes = source.get(object)?;
            let fits = bytes.len() as u64 == size;
            fits.then_some(bytes)
                .ok_or(ReplicaError::NameMismatch { object: *object })
        })
    }

    fn fetch_record(&self, head: Head) -> Result<Option<Vec<u8>>, ReplicaError> {
        self.first(|source| {
            let record = source.record(head.id, self.authority)?;
            let is_it = record.hash() == head.hash;
            is_it
                .then(|| record.bytes().to_vec())
                .ok_or(ReplicaError::BrokenChain { id: head.id })
        })
    }

    /// Returns what the first source has. That one cannot be read now is the error where no other one has it.
    fn first(
        &self,
        get: impl Fn(&Replica) -> Result<Vec<u8>, ReplicaError>,
    ) -> Result<Option<Vec<u8>>, ReplicaError> {
        let mut later = None;
        for source in self.sources {
            match get(source) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if error.class() == Class::Retry => later = later.or(Some(error)),
                Err(_) => {}
            }
        }
        later.map_or(Ok(None), Err)
    }
}
