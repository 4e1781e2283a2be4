//! Generations: who wrote which part of the log. `spec/archive-v1.md`, section 9.1.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, ControlFlow};

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};

use crate::error::ReplicaError;
use crate::parallel::{THREADS_MAX, in_order};
use crate::reader::RecordReader;
use crate::record::{Header, RecordKind};

/// The record that begins a generation.
#[derive(Clone, Copy, Debug)]
struct Begin {
    first: Seq,
    writer: [u8; 32],
    /// The hash of the record that the generation continues.
    previous: [u8; 32],
}

/// The generations that have a sound record of the authority.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    begun: BTreeMap<Generation, Begin>,
    /// Those that a later one does not continue, though it begins above their first records: branches as a whole.
    passed_over: BTreeSet<Generation>,
    /// Why others could not be proven for now, by generation.
    unread: BTreeMap<Generation, ReplicaError>,
}

/// The places of records, by what they are for the log; each sorted by seq.
#[derive(Debug, Default)]
pub(crate) struct Division {
    /// The chain.
    pub(crate) chain: Vec<RecordId>,
    /// What older generations wrote above the base of a later one.
    pub(crate) branches: Vec<RecordId>,
    /// What no proven generation has written.
    pub(crate) strays: Vec<RecordId>,
}

impl Generations {
    /// Reads the record that begins each generation of `ids`, which are sorted.
    pub(crate) fn prove(reader: &RecordReader<'_>, ids: &[RecordId]) -> Self {
        let mut generations = Self::default();
        for ids in ids.chunk_by(|one, other| one.generation == other.generation) {
            generations.prove_one(reader, ids);
        }
        generations.pass_over(reader, ids);
        generations
    }

    /// Finds the generations that are no part of the chain, though later ones begin above their first records: where
    /// records of several generations stand below the first record of one, it continues the one that it names.
    fn pass_over(&mut self, reader: &RecordReader<'_>, ids: &[RecordId]) {
        let mut newest = self.newest();
        while let Some(generation) = newest {
            let base = self.base_of(reader, ids, generation);
            let below = self.begun.range(..generation);
            newest = below.map(|(below, _)| *below).next_back();
            if let Some(base) = base {
                let between = (Bound::Excluded(base), Bound::Excluded(generation));
                let between = self.begun.range(between).map(|(between, _)| *between);
                self.passed_over.extend(between);
                newest = Some(base);
            }
        }
    }

    /// Returns the generation that another one continues, where that is not clear from the numbers.
    fn base_of(
        &self,
        reader: &RecordReader<'_>,
        ids: &[RecordId],
        generation: Generation,
    ) -> Option<Generation> {
        let begin = self.begun.get(&generation)?;
        let seq = Seq(begin.first.0.checked_sub(1)?);
        let is_there = |id: &RecordId| ids.binary_search(id).is_ok();
        let below = || self.begun.range(..generation).rev();
        let by_number = below().find(|(_, below)| below.first <= seq);
        let by_number = by_number.map(|(generation, _)| *generation);
        let candidates = below().map(|(&generation, _)| RecordId { generation, seq });
        let candidates: Vec<RecordId> = candidates.filter(is_there).collect();
        if candidates.iter().all(|id| Some(id.generation) == by_number) {
            return None;
        }
        let continues = |id: &&RecordId| {
            let Ok(record) = reader.read(**id) else {
                return false;
            };
            let is_base = record.hash() == begin.previous && self.wrote(record.header());
            reader.keep(record);
            is_base
        };
        candidates.iter().find(continues).map(|id| id.generation)
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
        record: Result<crate::record::Record, ReplicaError>,
    ) -> ControlFlow<()> {
        match record {
            Ok(record) => {
                let link = record.header().link;
                let found = record.header().kind == RecordKind::Generation;
                reader.keep(record);
                if found {
                    let begin = Begin {
                        first: link.id.seq,
                        writer: link.writer,
                        previous: link.previous,
                    };
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

    /// Says whether the writer of its generation wrote a record, or the authority, where it begins one.
    pub(crate) fn wrote(&self, header: &Header) -> bool {
        let link = &header.link;
        self.begun.get(&link.id.generation).is_some_and(|begin| {
            let begins = begin.first == link.id.seq;
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
        unread
            .filter(|error| error.class() == Class::Retry)
            .collect()
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
