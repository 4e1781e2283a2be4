//! Says what a backup would read, without reading or writing anything.

use std::sync::atomic::Ordering;

use crossbeam_channel::unbounded;
use strongroom_base::clock::Clock;
use strongroom_catalogue::Catalogue;

use super::batch::{Batch, Step};
use super::hints::Hints;
use super::options::BackupOptions;
use super::scan::Scanner;
use super::sender::BatchSender;
use super::summary::Counts;
use super::walk::Walk;
use super::{SCANNERS, open_roots, walk_roots};
use crate::error::EngineError;
use crate::monitor::{Monitor, Progress, Stop};

/// What a backup would read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// How many files there are.
    pub files: Counts,
    /// How many entries could not be looked at.
    pub failed: u64,
    /// Directories.
    pub directories: u64,
    /// Bytes of all files.
    pub bytes_scanned: u64,
    /// Bytes of the files that are new or changed.
    pub bytes_to_read: u64,
}

/// Walks what `options` names, and compares it with what the last snapshot saw.
pub fn survey(
    catalogue: &Catalogue,
    options: &BackupOptions,
    clock: &dyn Clock,
    monitor: &dyn Monitor,
    progress: &Progress,
    stop: &Stop,
) -> Result<Survey, EngineError> {
    options.check()?;
    let roots = open_roots(&options.roots)?;
    let mut scanner = Scanner::new(catalogue, &options.excludes, clock, progress);
    scanner.one_file_system = options.one_file_system;
    scanner.leave_out(options);
    let (batch_sender, batches) = unbounded::<Batch<Step>>();
    let (token_sender, tokens) = unbounded();
    let mut survey = Survey::default();
    let seen = std::thread::scope(|scope| {
        for _ in 0..SCANNERS {
            scope.spawn(|| scanner.run());
        }
        let counting = scope.spawn(move || {
            let (mut failed, mut bytes) = (0, 0);
            for batch in batches {
                for step in batch.steps {
                    match step {
                        Step::Lost(_) => failed += 1,
                        Step::Read(to_read)
                            if to_read.stat.kind == strongroom_files::Kind::File =>
                        {
                            bytes += to_read.stat.size;
                        }
                        _ => {}
                    }
                }
            }
            (failed, bytes)
        });
        let walk = Walk {
            scanner: &scanner,
            lookup: catalogue.lookup()?,
            monitor,
            stop,
            counts: Counts::default(),
            linked: Hints::default(),
            out: BatchSender::new(batch_sender, token_sender),
        };
        let seen = walk_roots(walk, &roots);
        scanner.close();
        drop(tokens);
        if let Ok((failed, bytes)) = counting.join() {
            (survey.failed, survey.bytes_to_read) = (failed, bytes);
        }
        seen
    })?;
    survey.files = seen.counts;
    survey.directories = progress.directories.load(Ordering::Relaxed);
    survey.bytes_scanned = progress.bytes_scanned.load(Ordering::Relaxed);
    Ok(survey)
}
