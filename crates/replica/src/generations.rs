//! Generations: who wrote which part of the log. `spec/archive-v1.md`, section 9.1.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};

use crate::error::ReplicaError;
use crate::parallel::{THREADS_MAX, in_order};
use crate::reader::RecordReader;
use crate::record::{Header, Link, Record, RecordKind};

/// The record that begins a generation.
#[derive(Clone, Copy, Debug)]
struct Begin {
    first: Seq,
    writer: [u8; 32],
    /// The hash of the record that the generation continues.
    previous: [u8; 32],
    /// The hash of the record itself: two profiles may begin generations of one number.
    hash: [u8; 32],
}

impl Begin {
    fn of(record: &Record) -> Self {
        let link = &record.header().link;
        Self {
            first: link.id.seq,
            writer: link.writer,
            previous: link.previous,
            hash: record.hash(),
        }
    }
}

/// The generations that have a sound record of the authority.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    begun: BTreeMap<Generation, Begin>,
    /// Those that a later one does not continue, though it begins above their first records: branches as a whole.
    passed_over: BTreeSet<Generation>,
    /// Why others could not be proven for now, by generation.
    unread: BTreeMap<Generation, ReplicaError>,
    /// Why it could not be found out for now what generations continue.
    passing: Vec<ReplicaError>,
}

/// The places of records, by what they are for the log; each sorted by seq.
#[derive(Debug, Default)]
pub(crate) struct Division {
    /// The chain.
    pub(crate) chain: Vec<RecordId>,
    /// What older generations wrote above the base of a later one, proven or not.
    pub(crate) branches: Vec<RecordId>,
    /// What no proven generation has written, where it may be one of the chain.
    pub(crate) strays: Vec<RecordId>,
}

impl Generations {
    /// Reads the record that begins each generation of `ids`, which are sorted.
    pub(crate) fn prove(reader: &RecordReader<'_>, ids: &[RecordId]) -> Self {
        let mut generations = Self::default();
        for ids in ids.chunk_by(|one, other| one.generation == other.generation) {
            generations.prove_one(reader, ids);
        }
        generations.follow(reader, ids);
        generations
    }

    /// Follows the chain down from the newest generation. Each one names the hash of the record that it continues: that
    /// says which generation is below it, where records of several stand there, and who wrote that one, where several
    /// have begun it. Those between the two are no part of the chain.
    fn follow(&mut self, reader: &RecordReader<'_>, ids: &[RecordId]) {
        self.read_ahead(reader, ids);
        let mut newest = self.newest();
        while let Some(generation) = newest {
            let base = self.base_of(reader, ids, generation);
            if let Some(base) = &base {
                self.settle(reader, ids, base);
            }
            let below = self.begun.range(..generation);
            newest = below.map(|(below, _)| *below).next_back();
            let base = base.map(|base| base.id.generation);
            if let Some(base) = base.filter(|base| self.begun.contains_key(base)) {
                // Those that nobody proves, too: their first records may be damaged.
                let there = ids.iter().map(|id| id.generation);
                let between = there.filter(|between| (base..generation).contains(between));
                self.passed_over
                    .extend(between.filter(|between| *between != base));
                newest = Some(base);
            }
        }
    }

    /// Returns the places at which the record may be that a generation continues, those of later generations first.
    fn bases(&self, ids: &[RecordId], generation: Generation) -> Vec<RecordId> {
        let begin = self.begun.get(&generation);
        let Some(seq) = begin.and_then(|begin| begin.first.0.checked_sub(1)) else {
            return Vec::new();
        };
        let below = self.begun.range(..generation).rev();
        let places = below.map(|(&generation, _)| RecordId {
            generation,
            seq: Seq(seq),
        });
        places.filter(|id| ids.binary_search(id).is_ok()).collect()
    }

    /// Reads what generations may continue, many at a time.
    fn read_ahead(&self, reader: &RecordReader<'_>, ids: &[RecordId]) {
        let generations = self.begun.keys();
        let bases = generations.flat_map(|generation| self.bases(ids, *generation));
        let bases: BTreeSet<RecordId> = bases.collect();
        let bases: Vec<RecordId> = bases.into_iter().collect();
        let read = |id: &RecordId| reader.read(*id);
        in_order(THREADS_MAX, &bases, &read, &mut |_, record| {
            // What fails is read again.
            let _ = record.map(|record| reader.keep(record));
            ControlFlow::Continue(())
        });
    }

    /// Returns the record that a generation continues, where it is there.
    fn base_of(
        &mut self,
        reader: &RecordReader<'_>,
        ids: &[RecordId],
        generation: Generation,
    ) -> Option<Link> {
        let previous = self.begun.get(&generation)?.previous;
        for id in self.bases(ids, generation) {
            match reader.read(id) {
                Ok(record) => {
                    let (hash, link) = (record.hash(), record.header().link);
                    reader.keep(record);
                    if hash == previous {
                        return Some(link);
                    }
                }
                Err(error) => self.note_passing(error),
            }
        }
        None
    }

    /// Sees to it that a generation is that of the writer of a record which is one of the chain. Where two histories
    /// have begun it, records of both may be there; where that of this writer has no first record, it is refused.
    fn settle(&mut self, reader: &RecordReader<'_>, ids: &[RecordId], record: &Link) {
        let (place, writer) = (record.id, record.writer);
        let fits = |begin: &Begin| begin.writer == writer && begin.first <= place.seq;
        if self.begun.get(&place.generation).is_none_or(fits) {
            return;
        }
        let own = |id: &&RecordId| id.generation == place.generation && id.seq <= place.seq;
        let own: Vec<RecordId> = ids.iter().filter(own).copied().collect();
        let mut begin = None;
        let read = |id: &RecordId| reader.read(*id);
        in_order(THREADS_MAX, &own, &read, &mut |_, record| {
            match record {
                Ok(record) => {
                    let header = record.header();
                    if header.kind == RecordKind::Generation && header.link.writer == writer {
                        begin = Some(Begin::of(&record));
                    }
                    reader.keep(record);
                }
                Err(error) => self.note_passing(error),
            }
            ControlFlow::Continue(())
        });
        match begin {
            Some(begin) => self.begun.insert(place.generation, begin),
            None => self.begun.remove(&place.generation),
        };
    }

    fn note_passing(&mut self, error: ReplicaError) {
        self.passing
            .extend((error.class() == Class::Retry).then_some(error));
    }

    /// Proves the newest generation that can be, and looks at no older one.
    pub(crate) fn prove_newest(reader: &RecordReader<'_>, ids: &[RecordId]) -> Self {
        let mut generations = Self::default();
        let by_generation = ids.chunk_by(|one, other| one.generation == other.generation);
        for ids in by_generation.collect::<Vec<_>>().into_iter().rev() {
            if generations.prove_one(reader, ids) {
                break;
            }
        }
        generations
    }

    /// Looks for the record that begins a generation; it is the first one, unless somebody planted one.
    fn prove_one(&mut self, reader: &RecordReader<'_>, ids: &[RecordId]) -> bool {
        let Some((first, rest)) = ids.split_first() else {
            return false;
        };
        let generation = first.generation;
        let mut take = |record| self.take(reader, generation, record);
        if take(reader.read(*first)).is_continue() {
            let read = |id: &RecordId| reader.read(*id);
            in_order(THREADS_MAX, rest, &read, &mut |_, record| take(record));
        }
        self.begun.contains_key(&generation)
    }

    fn take(
        &mut self,
        reader: &RecordReader<'_>,
        generation: Generation,
        record: Result<Record, ReplicaError>,
    ) -> ControlFlow<()> {
        match record {
            Ok(record) => {
                let found = record.header().kind == RecordKind::Generation;
                let begin = Begin::of(&record);
                reader.keep(record);
                if found {
                    self.begun.insert(generation, begin);
                    self.unread.remove(&generation);
                    return ControlFlow::Break(());
                }
            }
            Err(error) => {
                self.unread.entry(generation).or_insert(error);
            }
        }
        ControlFlow::Continue(())
    }

    /// Says whether a record begins its generation.
    pub(crate) fn begins_at(&self, id: RecordId) -> bool {
        let begin = self.begun.get(&id.generation);
        begin.is_some_and(|begin| begin.first == id.seq)
    }

    /// Says whether the writer of its generation wrote a record, or the authority, where it begins one.
    pub(crate) fn wrote(&self, header: &Header) -> bool {
        let link = &header.link;
        let begins = self.begins_at(link.id);
        self.begun.get(&link.id.generation).is_some_and(|begin| {
            let in_place = begin.first <= link.id.seq;
            begin.writer == link.writer
                && in_place
                && begins == (header.kind == RecordKind::Generation)
        })
    }

    /// Returns the newest generation that is proven.
    pub(crate) fn newest(&self) -> Option<Generation> {
        self.begun.keys().next_back().copied()
    }

    /// Returns why the newest generations could not be proven.
    pub(crate) fn into_unread(self) -> Option<ReplicaError> {
        self.unread.into_values().next_back()
    }

    /// Returns why generations could not be proven that may be when it is tried again.
    pub(crate) fn take_passing(&mut self) -> Vec<ReplicaError> {
        let unread = std::mem::take(&mut self.unread).into_values();
        let unread = unread.filter(|error| error.class() == Class::Retry);
        unread.chain(std::mem::take(&mut self.passing)).collect()
    }

    /// Says whether a generation does not begin with another record here than in another history.
    pub(crate) fn begins_as(&self, other: &Self, generation: Generation) -> bool {
        let begins = (self.begun.get(&generation), other.begun.get(&generation));
        !matches!(begins, (Some(one), Some(other)) if one.hash != other.hash)
    }

    /// Returns the first generation that begins with another record in another history.
    pub(crate) fn first_other(&self, other: &Self) -> Option<Generation> {
        let mut generations = self.begun.keys().copied();
        generations.find(|generation| !self.begins_as(other, *generation))
    }

    /// Says whether a place is one of the chain.
    pub(crate) fn is_of_chain(&self, id: RecordId) -> bool {
        !self.divide(&[id]).chain.is_empty()
    }

    /// Divides the places of records.
    pub(crate) fn divide(&self, ids: &[RecordId]) -> Division {
        let end_of = |generation: Generation| {
            let later = self
                .begun
                .range((Bound::Excluded(generation), Bound::Unbounded));
            let later = later.filter(|(later, _)| !self.passed_over.contains(later));
            later.map(|(_, begin)| begin.first).min()
        };
        let mut division = Division::default();
        for id in ids {
            let list = match self.begun.get(&id.generation) {
                Some(begin) if begin.first <= id.seq => match end_of(id.generation) {
                    Some(end) if end <= id.seq => &mut division.branches,
                    _ if self.passed_over.contains(&id.generation) => &mut division.branches,
                    _ => &mut division.chain,
                },
                // Whoever wrote it: it is no part of the chain.
                _ if end_of(id.generation).is_some_and(|end| end <= id.seq)
                    || self.passed_over.contains(&id.generation) =>
                {
                    &mut division.branches
                }
                _ => &mut division.strays,
            };
            list.push(*id);
        }
        for list in [&mut division.chain, &mut division.strays] {
            list.sort_unstable_by_key(|id| (id.seq, id.generation));
        }
        division
    }
}
