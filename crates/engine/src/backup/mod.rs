//! Backs up: one read, one encryption, any number of destinations.
//!
//! ```text
//! scan (lists ahead) ─▶ walk ─▶ batches ─▶ workers ─┬▶ assembly (trees, catalogue)
//!                                          │        │
//!                                          └────────┴▶ segments ─▶ packer ─▶ destinations
//! ```
//!
//! Every channel is bounded, so memory is. The workers compress for one another, so one large file
//! keeps all of them busy.

mod assemble;
mod assembled;
mod batch;
mod chunks;
mod compress;
mod content;
mod frame;
mod hints;
mod job;
mod known;
mod links;
mod listing;
mod lists;
mod named;
mod old_entries;
mod options;
mod packer;
mod scan;
mod sender;
mod spans;
mod stored;
mod summary;
mod survey;
mod walk;
mod worker;

use std::collections::HashMap;
use std::error::Error as _;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::bounded;
use strongroom_catalogue::Catalogue;
use strongroom_crypto::chunker::Chunker;
use strongroom_files::{Dir, Error, Kind, Names};
use strongroom_format::body::{Root, root_name};

pub use compress::{Compressor, Stream};
pub use hints::Hints;
pub use job::{backup, backup_changes};
pub use options::{BackupOptions, Excludes};
pub use summary::{BackupSummary, Counts};
pub use survey::{Survey, survey};

use crate::error::EngineError;
use crate::monitor::{Monitor, Stop};
use assemble::{Assembler, FileRoot};
use assembled::Assembled;
use chunks::{ChunkSet, ChunkSink};
pub(crate) use chunks::{RawSegment, Segment};
use content::FileReader;
use packer::Packer;
use scan::Scanner;
use sender::BatchSender;
use spans::{SPANS_WAITING, SpanCutter};
pub(crate) use stored::{OF_ARCHIVES, is_archive};
use walk::{Seen, Walk};
use worker::Worker;

/// Batches under way, and what waits between threads.
const BATCHES: usize = 16;
const RAW_SEGMENTS: usize = 1;
const SEGMENTS: usize = 2;
/// Threads that list directories.
const SCANNERS: usize = 2;

/// A root, opened.
struct OpenRoot {
    path: PathBuf,
    /// The directory itself, or the one that holds the file.
    dir: Arc<Dir>,
    name: Vec<u8>,
    other: Option<strongroom_files::Stat>,
}

impl OpenRoot {
    fn file_root(&self, scanned: strongroom_base::clock::Timestamp) -> Option<FileRoot> {
        let path = self.path.as_os_str().as_bytes().to_vec();
        self.other.map(|stat| FileRoot {
            path,
            dev: stat.dev,
            scanned,
        })
    }
}

/// What the threads of one backup share.
struct Pipeline<'a> {
    catalogue: &'a Catalogue,
    scanner: &'a Scanner<'a>,
    set: &'a ChunkSet<'a>,
    chunker: &'a Chunker,
    monitor: &'a dyn Monitor,
    stop: &'a Stop,
}

type Walked = (Seen, Assembled, strongroom_catalogue::Update);

impl Pipeline<'_> {
    /// Runs all threads to their end. The inner error leaves a packer that can record what there is.
    fn run<'w, 'm>(
        &self,
        roots: &[OpenRoot],
        packer: Packer<'w, 'm>,
    ) -> Result<(Packer<'w, 'm>, Result<Walked, EngineError>), EngineError>
    where
        'w: 'm,
    {
        let (batch_sender, batches) = bounded(BATCHES);
        let (token_sender, tokens) = bounded(BATCHES);
        let (done_sender, done) = bounded(BATCHES * 2);
        let (raw_sender, raw) = bounded(RAW_SEGMENTS);
        let (segment_sender, segments) = bounded(SEGMENTS);
        let (span_sender, spans) = bounded(SPANS_WAITING);
        let names = Names::new();
        let file_roots = roots
            .iter()
            .map(|root| root.file_root(self.scanner.clock.now()))
            .collect();
        std::thread::scope(|scope| {
            let packing = scope.spawn(move || packer.run(&segments));
            for _ in 0..SCANNERS {
                scope.spawn(|| self.scanner.run());
            }
            let workers: Vec<_> = (0..threads())
                .map(|_| {
                    let sink =
                        ChunkSink::new(self.set, Some(raw_sender.clone()), segment_sender.clone());
                    let (sender, waiting) = (span_sender.clone(), spans.clone());
                    let cutter = SpanCutter::new(self.chunker, self.stop, sender, waiting);
                    let worker = self.worker(sink, cutter, &names);
                    let (batches, raw, done) = (batches.clone(), raw.clone(), done_sender.clone());
                    scope.spawn(move || worker.run(&batches, &raw, done))
                })
                .collect();
            drop((batches, raw, done_sender, span_sender, spans));
            let sink = ChunkSink::new(self.set, Some(raw_sender), segment_sender);
            let assembling = scope.spawn(move || self.assemble(sink, file_roots, &done, &tokens));
            let walked = self.walk(roots, BatchSender::new(batch_sender, token_sender));
            self.scanner.close();
            let worked = workers
                .into_iter()
                .map(join_thread)
                .find(Result::is_err)
                .unwrap_or(Ok(()));
            let assembled = join_thread(assembling);
            let packer = join_thread(packing)?;
            Ok((packer, first_error(walked, worked, assembled)))
        })
    }

    fn worker<'s>(
        &'s self,
        sink: ChunkSink<'s>,
        spans: SpanCutter<'s>,
        names: &'s Names,
    ) -> Worker<'s> {
        Worker {
            sink,
            reader: FileReader::new(self.chunker, self.stop, spans),
            names,
            monitor: self.monitor,
            stop: self.stop,
            owners: HashMap::new(),
        }
    }

    fn assemble(
        &self,
        sink: ChunkSink<'_>,
        file_roots: Vec<Option<FileRoot>>,
        done: &crossbeam_channel::Receiver<batch::Batch<batch::Done>>,
        tokens: &crossbeam_channel::Receiver<()>,
    ) -> Result<(Assembled, strongroom_catalogue::Update), EngineError> {
        let (update, lookup) = (self.catalogue.update()?, self.catalogue.lookup()?);
        Assembler::new(sink, update, lookup, file_roots).run(done, tokens)
    }

    fn walk(&self, roots: &[OpenRoot], out: BatchSender) -> Result<Seen, EngineError> {
        let walk = Walk {
            scanner: self.scanner,
            lookup: self.catalogue.lookup()?,
            monitor: self.monitor,
            stop: self.stop,
            counts: Counts::default(),
            linked: Hints::default(),
            out,
        };
        walk_roots(walk, roots)
    }
}

/// Walks every root.
fn walk_roots(mut walk: Walk<'_>, roots: &[OpenRoot]) -> Result<Seen, EngineError> {
    for root in roots {
        let path = root.path.as_os_str().as_bytes();
        match root.other {
            None => walk.directory(root.dir.clone(), path, &root.name)?,
            Some(stat) => walk.other(root.dir.clone(), path, &root.name, stat)?,
        }
    }
    walk.finish()
}

/// Joins a thread; a panic goes on in this one.
fn join_thread<T>(
    thread: std::thread::ScopedJoinHandle<'_, Result<T, EngineError>>,
) -> Result<T, EngineError> {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Returns what all threads found, or the error that made the others stop.
fn first_error(
    walked: Result<Seen, EngineError>,
    worked: Result<(), EngineError>,
    assembled: Result<(Assembled, strongroom_catalogue::Update), EngineError>,
) -> Result<Walked, EngineError> {
    let hung_up = |error: &EngineError| matches!(error, EngineError::Interrupted);
    match (walked, worked, assembled) {
        (Ok(seen), Ok(()), Ok((assembled, update))) => Ok((seen, assembled, update)),
        (walked, worked, assembled) => {
            let errors = [walked.err(), worked.err(), assembled.err()];
            let mut errors: Vec<EngineError> = errors.into_iter().flatten().collect();
            let cause = errors.iter().position(|error| !hung_up(error)).unwrap_or(0);
            Err(errors.swap_remove(cause))
        }
    }
}

fn threads() -> usize {
    if strongroom_replica::parallel::is_alone() {
        return 1;
    }
    std::thread::available_parallelism()
        .map_or(2, NonZero::get)
        .max(2)
}

fn sorted(tags: &[String]) -> Vec<String> {
    let mut tags = tags.to_vec();
    tags.sort_unstable();
    tags.dedup();
    tags
}

fn open_roots(paths: &[PathBuf]) -> Result<Vec<OpenRoot>, EngineError> {
    let mut paths = paths.to_vec();
    paths.sort_unstable_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    paths.dedup();
    for (at, path) in paths.iter().enumerate() {
        let unfit = |reason| EngineError::UnfitRoot {
            path: path.display().to_string(),
            reason,
        };
        if !path.is_absolute() {
            return Err(unfit("it is not an absolute path"));
        }
        if root_name(path.as_os_str().as_bytes()).is_none() {
            return Err(unfit("a component of it is not a name"));
        }
        if paths[..at].iter().any(|other| path.starts_with(other)) {
            return Err(unfit("it lies below another one"));
        }
    }
    if paths.is_empty() {
        let reason = "no path was given";
        return Err(EngineError::UnfitRoot {
            path: String::new(),
            reason,
        });
    }
    paths.into_iter().map(open_root).collect()
}

/// Says whether something can be opened as a root of a backup.
pub fn openable(path: &Path) -> Result<(), EngineError> {
    open_root(path.to_owned()).map(drop)
}

fn open_root(path: PathBuf) -> Result<OpenRoot, EngineError> {
    let failed = |source| EngineError::Root {
        path: path.display().to_string(),
        source,
    };
    let Some(name) = path.file_name().map(|name| name.as_bytes().to_vec()) else {
        let dir = Arc::new(Dir::open_root(&path).map_err(failed)?);
        return Ok(OpenRoot {
            path,
            dir,
            name: b"root".to_vec(),
            other: None,
        });
    };
    let above = Dir::open_root(path.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
    let stat = above.stat_child(&name).map_err(failed)?;
    if stat.kind == Kind::Directory {
        let dir = Arc::new(above.open_child(&name).map_err(failed)?);
        return Ok(OpenRoot {
            path,
            dir,
            name,
            other: None,
        });
    }
    Ok(OpenRoot {
        path,
        dir: Arc::new(above),
        name,
        other: Some(stat),
    })
}

fn named_roots(roots: &[OpenRoot], assembled: Assembled) -> Result<Vec<Root>, EngineError> {
    let named = |(root, entry): (&OpenRoot, Option<_>)| {
        let path = root.path.as_os_str().as_bytes().to_vec();
        entry.map(|entry| Root { path, entry })
    };
    let named: Vec<Root> = roots
        .iter()
        .zip(assembled.roots)
        .filter_map(named)
        .collect();
    match (named.is_empty(), roots.first()) {
        (true, Some(root)) => Err(EngineError::UnfitRoot {
            path: root.path.display().to_string(),
            reason: "it cannot be read",
        }),
        _ => Ok(named),
    }
}

/// Returns device and number of a folder.
fn identity_of(path: &Path) -> Option<(u64, u64)> {
    let stat = Dir::open_root(path).and_then(|dir| dir.stat()).ok()?;
    Some((stat.dev, stat.ino))
}

/// Says what happened to a file, with the cause.
pub(crate) fn explain(error: &Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
