//! Prunes: gives up what no surviving snapshot needs. `spec/archive-v1.md`, sections 9.2 and 11.
//!
//! ```text
//! log ─▶ mark: trees of the surviving snapshots ─▶ use of each pack ─▶ plan
//!      ─▶ copy to new packs ─▶ new index runs ─▶ prune record ─▶ checkpoint
//! ```
//!
//! A crash anywhere leaves the archive at one of its records; packs and runs that no record names are garbage.
//! Nothing is erased here: destinations erase what is condemned when they may.

mod checkpoint;
mod copy;
mod history;
mod mark;
mod marks;
mod options;
mod plan;
mod repack;
mod unnamed;
mod usage;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use strongroom_base::object::{ObjectKind, ObjectRef};
use strongroom_catalogue::{Catalogue, KnownChunks};
use strongroom_format::body::Deed;
use strongroom_format::content::{ChunkId, Content, IdPrefix};
use strongroom_format::index::{LEVEL_FINAL, level};
use strongroom_format::tree::{Entry, Node};
use strongroom_read::{Archive, Replicas};
use strongroom_replica::record::{Added, Changes};

pub use options::{Amount, PruneOptions, PruneSummary};

use crate::deed::commit_deed;
use crate::error::EngineError;
use crate::monitor::{Monitor, Progress, Stop, count};
use crate::writer::Writer;
use checkpoint::{records_to_go, write_checkpoint};
use history::History;
use mark::Walker;
use marks::{Marks, PackKey, key_of};
use plan::{Plan, plan};
use unnamed::{refuse_unrecorded, unindexed};
use usage::{PackUse, usage};
use write::Output;

/// Gives up what no surviving snapshot needs, and packs that hold little else after what is needed of them was
/// copied. Writes a checkpoint when snapshots were forgotten since the last one, or many records can go.
///
/// Refuses where the log, a tree or an index run is damaged: what cannot be read might need what would go.
pub fn prune(
    writer: &mut Writer<'_>,
    catalogue: &Catalogue,
    options: &PruneOptions,
    monitor: &dyn Monitor,
    progress: &Progress,
    stop: &Stop,
) -> Result<PruneSummary, EngineError> {
    let archive = open_archive(writer)?;
    let mut history = History::read(&archive, writer.head())?;
    let folder = catalogue.runs_folder().with_file_name("prune");
    let mut marks = Marks::open(&folder, &archive, writer.runs())?;
    let missing = mark(&archive, &history, &mut marks, progress, stop)?;
    history.misses_chunks = !missing.is_empty();
    let uses = usage(&marks)?;
    refuse_unrecorded(&history, &uses, writer.runs())?;
    let unindexed = unindexed(&archive, &history, &uses, &missing)?;
    let plan = plan(&history, &uses, options);
    let mut job = Job {
        archive,
        history,
        marks,
        uses,
        unindexed,
        plan,
        monitor,
        progress,
        stop,
        summary: PruneSummary::default(),
    };
    job.sum_up();
    if options.dry_run {
        job.summary.destinations = writer.reports();
        return Ok(job.summary);
    }
    job.run(writer, catalogue)?;
    writer.catch_up(&mut |_| ())?;
    job.summary.destinations = writer.reports();
    Ok(job.summary)
}

/// Opens the archive at the ready destinations; every run must be readable.
fn open_archive(writer: &Writer<'_>) -> Result<Archive, EngineError> {
    let replicas = writer.ready_replicas()?;
    let ring = writer.identity.ring.clone();
    let mut problems = Vec::new();
    let archive = Archive::with_key_ring(Replicas::new(replicas)?, ring, &mut problems)?;
    match problems.into_iter().next() {
        Some(problem) => Err(problem.into()),
        None => Ok(archive),
    }
}

fn mark(
    archive: &Archive,
    history: &History,
    marks: &mut Marks,
    progress: &Progress,
    stop: &Stop,
) -> Result<BTreeSet<IdPrefix>, EngineError> {
    count(&progress.entries_total, history.snapshots.len() as u64);
    let mut walker = Walker {
        archive,
        marks,
        stop,
        missing: Vec::new(),
    };
    walker.mark_all(&history.snapshots, progress)?;
    if !walker.missing.is_empty() && !history.is_loss_known {
        let reason = format!(
            "{} chunks are missing, and their loss was not acknowledged",
            walker.missing.len()
        );
        return Err(EngineError::Unprunable { reason });
    }
    Ok(walker.missing.iter().map(ChunkId::prefix).collect())
}

/// One prune.
struct Job<'a> {
    archive: Archive,
    history: History,
    marks: Marks,
    uses: BTreeMap<PackKey, PackUse>,
    /// Live packs in which no run places anything.
    unindexed: Vec<ObjectRef>,
    plan: Plan,
    monitor: &'a dyn Monitor,
    progress: &'a Progress,
    stop: &'a Stop,
    summary: PruneSummary,
}

impl Job<'_> {
    /// Says what is planned.
    fn sum_up(&mut self) {
        let summary = &mut self.summary;
        summary.snapshots = self.history.snapshots.len() as u64;
        summary.chunks = self.marks.chunks();
        let live = self
            .history
            .objects
            .values()
            .chain(self.history.records.values());
        live.for_each(|size| summary.before.add(*size));
        for (key, pack) in &self.uses {
            if !self.plan.gone.contains(key) {
                summary.unused_left += pack.unused;
            } else if pack.chunks == 0 && pack.record().is_none() {
                summary.unneeded.add(u64::from(pack.place.size));
            }
        }
        for object in &self.unindexed {
            summary.unneeded.add(self.history.objects[object]);
        }
        for pack in &self.plan.moved {
            if pack.record().is_none() {
                summary.repacked.add(u64::from(pack.place.size));
            }
            summary.written.bytes += pack.used;
        }
        if self.plan.checkpoint {
            let going = records_to_go(&self.history, &self.plan.staying);
            going.for_each(|(_, size)| summary.records.add(size));
        }
    }

    fn run(&mut self, writer: &mut Writer<'_>, catalogue: &Catalogue) -> Result<(), EngineError> {
        let condemned_packs = self
            .plan
            .gone
            .iter()
            .any(|(object, _)| self.is_live(object));
        let touches_packs = condemned_packs || !self.plan.gone.is_empty();
        if touches_packs || !self.unindexed.is_empty() {
            // What the catalogue knows is not stored again: it must know nothing that goes.
            let marks = &self.marks;
            catalogue.retain_directories::<EngineError>(&mut |entry| is_kept(marks, entry))?;
        }
        let mut output = Output::new(writer, self.progress);
        self.copy(&mut output)?;
        self.give_up_runs(&mut output, writer.runs())?;
        let mut newer = Vec::new();
        if self.prune_record_is_due(&output, writer.runs()) {
            output.wait(writer);
            let head = self.write_prune_record(writer, &output)?;
            newer.push(ObjectRef::record(head.id));
            self.summary.head = Some(head);
            self.refresh(writer, catalogue)?;
        }
        if self.plan.checkpoint {
            self.add_carriers(writer);
            let head = write_checkpoint(writer, &self.history, &self.plan.staying, &newer)?;
            self.summary.head = Some(head);
        }
        Ok(())
    }

    fn is_live(&self, object: &ObjectRef) -> bool {
        self.history.objects.contains_key(object)
    }

    /// Says whether a run has rows that go, or lies in a record that goes.
    fn is_touched(&self, run: &marks::MarkedRun) -> bool {
        let carried = run.object.record_id().is_some();
        (carried && self.plan.checkpoint && !self.plan.staying.contains(&run.object))
            || run
                .objects
                .iter()
                .any(|place| self.plan.gone.contains(&key_of(place)))
    }

    /// Replaces the runs that have rows that go, and with them those that are not of the last level. The new runs and
    /// the others are complete.
    fn give_up_runs(
        &mut self,
        output: &mut Output<'_>,
        runs: &[ObjectRef],
    ) -> Result<(), EngineError> {
        let any =
            !output.adds.is_empty() || self.marks.runs().iter().any(|run| self.is_touched(run));
        let is_small = |run: &marks::MarkedRun| {
            level(u32::try_from(run.entries).unwrap_or(u32::MAX)) < LEVEL_FINAL
        };
        let replaced = self.marks.runs().iter();
        let replaced: Vec<ObjectRef> = replaced
            .filter(|run| any && (is_small(run) || self.is_touched(run)))
            .map(|run| run.object)
            .collect();
        for object in &replaced {
            let run = self.marks.run(object)?;
            output.take_run(run, &self.plan.gone, &mut self.marks)?;
        }
        output.flush(&mut self.marks)?;
        let kept = runs.iter().filter(|run| !replaced.contains(run));
        output.runs.extend(kept);
        Ok(())
    }

    fn prune_record_is_due(&self, output: &Output<'_>, before: &[ObjectRef]) -> bool {
        let mut runs = output.runs.clone();
        runs.sort_unstable();
        !output.adds.is_empty() || runs != before || !self.unindexed.is_empty()
    }

    /// Writes the record, and brings `history` up to it.
    fn write_prune_record(
        &mut self,
        writer: &mut Writer<'_>,
        output: &Output<'_>,
    ) -> Result<crate::memory::Head, EngineError> {
        let runs: BTreeSet<ObjectRef> = output.runs.iter().copied().collect();
        let packs = self.plan.gone.iter().map(|(object, _)| *object);
        let mut condemns: BTreeSet<ObjectRef> =
            packs.chain(self.unindexed.iter().copied()).collect();
        let indexes = self.history.objects.keys();
        condemns.extend(
            indexes.filter(|object| object.kind() == ObjectKind::Index && !runs.contains(object)),
        );
        condemns.retain(|object| self.is_live(object));
        let mut adds: Vec<Added> = output.adds.clone();
        adds.sort_unstable();
        for object in &condemns {
            if let Some(size) = self.history.objects.remove(object)
                && object.kind() == ObjectKind::Index
            {
                self.summary.runs.add(size);
            }
        }
        self.summary.written = Amount::default();
        for added in &adds {
            self.summary.written.add(added.size);
            self.history.objects.insert(added.object, added.size);
        }
        self.history.condemned.extend(&condemns);
        let changes = Changes {
            adds,
            condemns: condemns.into_iter().collect(),
            ..Changes::default()
        };
        commit_deed(writer, Deed::Prune, changes, output.runs.clone())
    }

    /// Lets the next backup know the new runs without fetching them.
    fn refresh(&self, writer: &Writer<'_>, catalogue: &Catalogue) -> Result<(), EngineError> {
        let marks = &self.marks;
        let fetch = &mut |run: &ObjectRef| marks.plaintext(run);
        KnownChunks::open::<EngineError>(&catalogue.runs_folder(), writer.runs(), fetch)?;
        Ok(())
    }

    /// Keeps the records that the index needs: those that carry a run, and those that carry a pack that stays.
    fn add_carriers(&mut self, writer: &Writer<'_>) {
        let carried = |object: &&ObjectRef| object.record_id().is_some();
        let staying = &mut self.plan.staying;
        staying.extend(writer.runs().iter().filter(carried));
        let packs = self.uses.keys().filter(|key| !self.plan.gone.contains(key));
        staying.extend(packs.map(|(object, _)| object).filter(carried));
        self.summary.records = Amount::default();
        for (_, size) in records_to_go(&self.history, staying) {
            self.summary.records.add(size);
        }
    }
}

/// Says whether all that an entry names is needed by a surviving snapshot.
fn is_kept(marks: &Marks, entry: &Entry) -> Result<bool, EngineError> {
    let xattrs = entry.meta.xattrs.iter().map(|(_, value)| value);
    let content = match &entry.node {
        Node::File { content } => Some(content),
        Node::Directory { tree } => Some(tree),
        Node::Symlink { .. } | Node::Fifo | Node::CharDevice { .. } | Node::BlockDevice { .. } => {
            None
        }
    };
    for content in xattrs.chain(content) {
        let (Content::Chunk { id, .. } | Content::List { id, .. }) = content else {
            continue;
        };
        if !marks.is_marked(&id.prefix())? {
            return Ok(false);
        }
    }
    Ok(true)
}
