//! Generations: who wrote which part of the log. `spec/archive-v1.md`, section 9.1.

use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

use strongroom_base::ids::{Generation, Seq};
use strongroom_base::object::RecordId;
use strongroom_base::{Class, Classified};

use crate::error::ReplicaError;
use crate::parallel::{THREADS_MAX, in_order};
use crate::reader::RecordReader;
use crate::record::{Header, RecordKind};

/// The generations that have a sound record of the authority.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    begun: BTreeMap<Generation, (Seq, [u8; 32])>,
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
        generations
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
                    self.begun.insert(generation, (link.id.seq, link.writer));
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
        self.begun
            .get(&link.id.generation)
            .is_some_and(|(first, writer)| {
                let begins = *first == link.id.seq;
                let in_place = *first <= link.id.seq;
                *writer == link.writer
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
            later.map(|(_, (first, _))| *first).min()
        };
        let mut division = Division::default();
        for id in ids {
            let list = match self.begun.get(&id.generation) {
                Some((first, _)) if *first <= id.seq => match end_of(id.generation) {
                    Some(end) if end <= id.seq => &mut division.branches,
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
