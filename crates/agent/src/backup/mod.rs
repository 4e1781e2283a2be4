//! A backup: from paths and destinations to a snapshot.

mod beginning;
mod job;
mod roots;
mod survey;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_catalogue::Catalogue;
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::{
    BackupOptions, BackupSummary, Excludes, Hints, backup as back_up,
    backup_changes as back_up_changes,
};
use strongroom_engine::{
    DestinationReport, EngineError, Monitor, Progress, Queues, SpoolReport, SpoolStatus, Stop,
    Warning, Writer,
};
use strongroom_store::bounded::within;

use crate::AgentError;
use crate::location::Location;
use crate::locks::{Locked, extend_all};
use crate::memory::ProfileMemory;
use crate::profile::{Config, DestinationConfig, Profile};

pub use beginning::Beginning;
use beginning::prepare;
pub(crate) use job::Job;
pub(crate) use roots::outermost;
pub(crate) use survey::known_archive;
pub use survey::survey;

/// What is to be backed up, and where to.
pub struct BackupRequest<'a> {
    /// Absolute paths.
    pub paths: Vec<PathBuf>,
    /// Names or URLs of destinations; none for the default ones.
    pub to: &'a [String],
    /// Patterns of what is left out.
    pub excludes: &'a [String],
    /// Tags of the snapshot.
    pub tags: Vec<String>,
    /// The suite from now on; none for the one that the archive has.
    pub suite: Option<Suite>,
    /// Whether other file systems than those of the paths are left out.
    pub one_file_system: bool,
    /// The folder that relative paths of destinations start from.
    pub current: &'a Path,
    /// The name of the computer.
    pub host: Vec<u8>,
    /// The program and its version.
    pub program: String,
}

/// What a backup works with.
pub struct Tools<'a> {
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The source of randomness.
    pub random: Arc<dyn RandomSource>,
    /// Is told what is left out.
    pub monitor: &'a dyn Monitor,
    /// Counts what is done.
    pub progress: &'a Progress,
    /// Asks to stop.
    pub stop: &'a Stop,
}

/// What a backup did.
#[derive(Debug)]
pub struct BackedUp {
    /// The archive.
    pub archive: ArchiveId,
    /// Whether this was its first snapshot.
    pub begun: bool,
    /// Why it is a new one, where the profile has others.
    pub beginning: Option<Beginning>,
    /// The paths that could not be opened: nothing of them is in the snapshot.
    pub missing: Vec<PathBuf>,
    /// Whether a private password opens other archives of the profile, but not this new one.
    pub lacks_password: bool,
    /// What the engine did.
    pub summary: BackupSummary,
    /// What became of the locks, where some had to be extended.
    pub locks: Vec<Locked>,
}

/// Backs up.
pub fn backup(
    profile: &Profile,
    request: &BackupRequest<'_>,
    tools: &Tools<'_>,
) -> Result<BackedUp, AgentError> {
    let (monitor, progress, stop) = (tools.monitor, tools.progress, tools.stop);
    roots::tell_of_hopeless(request.excludes, monitor);
    let (paths, missing) = roots::open_ones(&request.paths, monitor)?;
    let done = with_writer(
        profile,
        request,
        (&paths, None),
        (tools, None),
        |writer, catalogue, options| back_up(writer, catalogue, options, monitor, progress, stop),
    )?;
    Ok(BackedUp {
        archive: done.archive,
        begun: done.begun,
        beginning: done.beginning,
        missing,
        lacks_password: done.lacks_password,
        summary: done.result,
        locks: done.locks,
    })
}

/// What a look for changes did.
pub(crate) struct Round {
    /// The archive.
    pub(crate) archive: ArchiveId,
    /// The snapshot; `None` where nothing had changed.
    pub(crate) snapshot: Option<BackupSummary>,
    /// What became of every destination.
    pub(crate) destinations: Vec<DestinationReport>,
    /// Records that only the spool of this computer has.
    pub(crate) unacknowledged: u64,
    /// Whether nothing was cut short in the spool.
    pub(crate) is_spool_sound: bool,
    /// What the spool takes, in bytes.
    pub(crate) spool_bytes: u64,
}

/// How long a round waits for a call to a destination that it serves itself.
pub(crate) const CALL_BOUND: Duration = Duration::from_secs(10);

/// Which destinations a round serves itself, and which are left to their queues.
pub(crate) struct Lanes {
    /// Those that it serves.
    pub(crate) foreground: Vec<DestinationId>,
    /// The others.
    pub(crate) queues: Queues,
    /// Device and inode of folders that are destinations, where nobody may ask them now: they may hang.
    pub(crate) identities: BTreeMap<PathBuf, Option<(u64, u64)>>,
}

/// Says which destinations a round serves itself.
pub(crate) trait Dispatch {
    /// Divides the destinations of an archive; `None` where the round serves all of them that may be used. Refuses where
    /// nothing may be written.
    fn lanes(&self, config: &Config, archive: ArchiveId) -> Result<Option<Lanes>, AgentError>;

    /// Says why a destination must not be used now.
    fn refusal(&self, there: &DestinationConfig) -> Option<String>;
}

/// Backs up what hints name, or everything without them, where anything changed. Destinations that were away catch up in
/// any case, those that may be used now.
pub(crate) fn backup_changes(
    profile: &Profile,
    request: &BackupRequest<'_>,
    paths: &[PathBuf],
    hints: Option<Hints>,
    tools: &Tools<'_>,
    dispatch: &dyn Dispatch,
) -> Result<Round, AgentError> {
    let (monitor, progress, stop) = (tools.monitor, tools.progress, tools.stop);
    let looks = hints.as_ref().is_none_or(|hints| !hints.is_empty()) && !paths.is_empty();
    let done = with_writer(
        profile,
        request,
        (paths, hints),
        (tools, Some(dispatch)),
        |writer, catalogue, options| {
            let mut snapshot = None;
            if looks {
                snapshot = back_up_changes(writer, catalogue, options, monitor, progress, stop)?;
            }
            let spool = writer.spool();
            let failed = |spool: &SpoolReport| matches!(spool.status, SpoolStatus::Failed(_));
            Ok(Round {
                archive: writer.archive(),
                is_spool_sound: !spool.as_ref().is_some_and(failed),
                snapshot,
                destinations: writer.reports(),
                spool_bytes: spool.as_ref().map_or(0, |spool| spool.bytes),
                unacknowledged: spool.map_or(0, |spool| spool.unacknowledged),
            })
        },
    )?;
    Ok(done.result)
}

/// What became of an archive that something was written to.
struct Written<T> {
    archive: ArchiveId,
    begun: bool,
    beginning: Option<Beginning>,
    lacks_password: bool,
    locks: Vec<Locked>,
    result: T,
}

/// Lets something write to the archive of a backup, which is begun where need be, after its destinations caught up.
fn with_writer<T>(
    profile: &Profile,
    request: &BackupRequest<'_>,
    (paths, hints): (&[PathBuf], Option<Hints>),
    (tools, dispatch): (&Tools<'_>, Option<&dyn Dispatch>),
    work: impl FnOnce(&mut Writer<'_>, &Catalogue, &BackupOptions) -> Result<T, EngineError>,
) -> Result<Written<T>, AgentError> {
    let excludes = Excludes::new(request.excludes.iter().map(String::as_str))?;
    let (config, archive, beginning) = prepare(profile, request, &*tools.random)?;
    if let Some(beginning) = beginning {
        tools.monitor.note(&beginning.explain());
    }
    let lanes = dispatch.map(|dispatch| dispatch.lanes(&config, archive));
    let lanes = lanes.transpose()?.flatten();
    let _lock = match dispatch {
        Some(_) => profile.lock_round(archive)?,
        None => profile.lock_archive(archive)?,
    };
    let mut job = Job::new(profile, config, archive)?;
    job.lanes = lanes;
    if let Some(dispatch) = dispatch {
        job.refuse(dispatch);
    }
    job.use_suite(request.suite, &*tools.random)?;
    let identity = job.identity(tools)?;
    let begun = job.begin(&identity.ring, tools)?;
    roots::refuse_unfit(profile, &job.config, paths)?;
    let (never, destinations) = left_out(profile, &job, paths, tools.monitor);
    let options = BackupOptions {
        roots: outermost(paths),
        named: roots::below_others(&request.paths),
        excludes,
        never,
        destinations,
        identities: job.identities(),
        tags: request.tags.clone(),
        host: request.host.clone(),
        program: request.program.clone(),
        one_file_system: request.one_file_system,
        hints,
    };
    let memory = ProfileMemory::new(profile, archive);
    let mut writer = Writer::open(identity, job.targets(), &memory)?;
    let mut has_stopped = false;
    writer.catch_up_while(&mut |id, _| {
        has_stopped = has_stopped || tools.stop.await_turn().is_err();
        if has_stopped || dispatch.is_some_and(|dispatch| job.is_refused(dispatch, id)) {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if has_stopped {
        return Err(EngineError::Interrupted.into());
    }
    let catalogue = Catalogue::open(&profile.catalogue_dir(archive)?).map_err(EngineError::from)?;
    let result = work(&mut writer, &catalogue, &options)?;
    Ok(Written {
        archive,
        begun,
        beginning,
        lacks_password: begun && job.lacks_password()?,
        locks: extend_all(profile, archive, &writer, tools),
        result,
    })
}

/// Returns what is never entered, and the destinations of which the archives alone are left out: all but those that hang.
fn left_out(
    profile: &Profile,
    job: &Job<'_>,
    roots: &[PathBuf],
    monitor: &dyn Monitor,
) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let identities = job.identities();
    let (mut never, mut destinations) = (vec![profile.dir().to_owned()], Vec::new());
    for folder in destination_folders(&job.config) {
        let may_hang = identities.contains_key(&folder);
        let is_below = |root: &PathBuf| {
            let real = root.canonicalize();
            folder.starts_with(root) || real.is_ok_and(|real| folder.starts_with(real))
        };
        let is_in_root = may_hang && roots.iter().any(is_below);
        if may_hang && !is_in_root {
            never.push(folder);
            continue;
        }
        let asked = folder.clone();
        if may_hang && within(CALL_BOUND, move || drop(asked.read_dir())).is_none() {
            monitor.warning(Warning {
                subject: folder.as_os_str().as_encoded_bytes().to_vec(),
                message: "it does not answer: nothing of it is in this snapshot".to_owned(),
                left_out: true,
            });
            never.push(folder);
            continue;
        }
        destinations.push(folder);
    }
    (never, destinations)
}

/// Returns the destinations that are folders of this computer.
pub(crate) fn destination_folders(config: &Config) -> Vec<PathBuf> {
    let locations = config.destinations.iter();
    let locations = locations.filter_map(|there| Location::parse(&there.url, Path::new("/")).ok());
    let folders = locations.filter_map(|location| location.folder().map(Path::to_owned));
    folders.collect()
}

/// Returns what is not watched: the destinations, and the profile with its keys. Whoever restores
/// a profile from one of its own snapshots would go back in time; keys are exported instead.
pub(crate) fn never_entered(profile: &Profile, config: &Config) -> Vec<PathBuf> {
    let mut never = vec![profile.dir().to_owned()];
    never.extend(destination_folders(config));
    never
}
