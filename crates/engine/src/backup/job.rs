//! A backup from the first look at the roots to the record.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use strongroom_base::clock::Clock;
use strongroom_catalogue::Catalogue;
use strongroom_crypto::chunker::Chunker;
use strongroom_format::body::{Snapshot, Statistics};

use super::assembled::Assembled;
use super::chunks::ChunkSet;
use super::hints::Hints;
use super::known::open_known;
use super::links::with_links;
use super::options::BackupOptions;
use super::packer::Packer;
use super::scan::Scanner;
use super::summary::{BackupSummary, Counts};
use super::walk::Seen;
use super::{Pipeline, named_roots, open_roots, sorted};
use crate::error::EngineError;
use crate::memory::Head;
use crate::monitor::{Monitor, Progress, Stop};
use crate::writer::Writer;

/// Backs up what `options` names, and writes a snapshot to every destination of `writer` that works.
///
/// What cannot be read is told to `monitor` and left out. When `stop` is requested, what was stored so
/// far is recorded, so that the next backup goes on from there.
pub fn backup(
    writer: &mut Writer<'_>,
    catalogue: &Catalogue,
    options: &BackupOptions,
    monitor: &dyn Monitor,
    progress: &Progress,
    stop: &Stop,
) -> Result<BackupSummary, EngineError> {
    let job = Job {
        options,
        monitor,
        progress,
        stop,
        always: true,
    };
    let summary = job.run(writer, catalogue)?;
    summary.ok_or(EngineError::Interrupted)
}

/// As [`backup`], but where nothing changed since the last snapshot, nothing is written, and `None` returned.
pub fn backup_changes(
    writer: &mut Writer<'_>,
    catalogue: &Catalogue,
    options: &BackupOptions,
    monitor: &dyn Monitor,
    progress: &Progress,
    stop: &Stop,
) -> Result<Option<BackupSummary>, EngineError> {
    let job = Job {
        options,
        monitor,
        progress,
        stop,
        always: false,
    };
    job.run(writer, catalogue)
}

/// What there is to tell of the files.
struct Files {
    counts: Counts,
    unsettled: u64,
    linked: Hints,
}

impl Files {
    fn of(seen: Seen, assembled: &Assembled) -> Self {
        Self {
            // What was not looked at is unmodified, too.
            counts: assembled.counts.of(assembled.statistics.files),
            unsettled: assembled.unsettled,
            linked: seen.linked,
        }
    }
}

/// A backup under way.
struct Job<'a> {
    options: &'a BackupOptions,
    monitor: &'a dyn Monitor,
    progress: &'a Progress,
    stop: &'a Stop,
    /// Whether a snapshot is written where nothing changed, too.
    always: bool,
}

impl Job<'_> {
    fn run(
        &self,
        writer: &mut Writer<'_>,
        catalogue: &Catalogue,
    ) -> Result<Option<BackupSummary>, EngineError> {
        let Self {
            options,
            monitor,
            progress,
            stop,
            always,
        } = *self;
        options.check()?;
        let begun = Instant::now();
        let started = writer.identity.clock.now();
        let roots = open_roots(&options.roots)?;
        let ring = writer.identity.ring.clone();
        let known = open_known(writer, catalogue)?;
        if !writer.vouches_for(catalogue.record()?.as_deref()) {
            // What it saw may name chunks that the archive does not have.
            catalogue.forget_directories()?;
        }
        let set = ChunkSet::new(&ring.dedup, known, progress);
        let chunker = Chunker::new(ring.dedup.chunker.expose_bytes());
        let clock = writer.identity.clock.clone();
        let coverage = options.coverage();
        let is_covered = catalogue.coverage()?.as_deref() == Some(&coverage[..]);
        let hints = options.hints.clone().filter(|_| is_covered);
        let hints = hints
            .map(|hints| with_links(hints, &catalogue.lookup()?))
            .transpose()?;
        let scanner = self.scanner(catalogue, &*clock, hints.as_ref());
        let pipeline = Pipeline {
            catalogue,
            scanner: &scanner,
            set: &set,
            chunker: &chunker,
            monitor,
            stop,
        };
        let packer = Packer::new(writer, &set);
        let (packer, walked) = pipeline.run(&roots, packer)?;
        let (seen, assembled, update) = match walked {
            Ok(walked) => walked,
            Err(error) => {
                let mut packer = packer;
                packer.record_progress()?;
                return Err(error);
            }
        };
        if !always && is_covered && !assembled.changed {
            return Ok(None);
        }
        let statistics = assembled.statistics;
        let files = Files::of(seen, &assembled);
        let snapshot = Snapshot {
            started,
            ended: clock.now(),
            host: options.host.clone(),
            program: options.program.clone(),
            tags: sorted(&options.tags),
            statistics,
            roots: named_roots(&roots, assembled)?,
        };
        let head = packer.record_snapshot(snapshot)?;
        update.commit(&head.to_bytes(), &coverage)?;
        writer.catch_up_while(&mut |_, _| {
            if self.stop.await_turn().is_err() {
                // The snapshot is there: what is behind goes on another time.
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        Ok(Some(self.summary(writer, head, files, &statistics, begun)))
    }

    fn summary(
        &self,
        writer: &Writer<'_>,
        snapshot: Head,
        files: Files,
        statistics: &Statistics,
        begun: Instant,
    ) -> BackupSummary {
        let progress = self.progress;
        let total = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BackupSummary {
            snapshot,
            files: files.counts,
            linked: files.linked,
            unsettled: files.unsettled,
            failed: statistics.failed,
            directories: statistics.directories,
            bytes_scanned: statistics.bytes,
            bytes_read: total(&progress.bytes_read),
            bytes_new: total(&progress.bytes_new),
            bytes_stored: total(&progress.bytes_stored),
            duration: begun.elapsed(),
            destinations: writer.reports(),
            spool: writer.spool(),
        }
    }

    fn scanner<'s>(
        &'s self,
        catalogue: &'s Catalogue,
        clock: &'s dyn Clock,
        hints: Option<&'s Hints>,
    ) -> Scanner<'s> {
        let options = self.options;
        let mut scanner = Scanner::new(catalogue, &options.excludes, clock, self.progress);
        scanner.one_file_system = options.one_file_system;
        scanner.hints = hints;
        scanner.leave_out(&options.never, &options.identities);
        scanner
    }
}
