//! A backup: from paths and destinations to a snapshot.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::clock::Clock;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_catalogue::Catalogue;
use strongroom_crypto::suite::Suite;
use strongroom_engine::backup::{
    BackupOptions, BackupSummary, Excludes, Hints, Survey, backup as back_up,
    backup_changes as back_up_changes,
};
use strongroom_engine::{
    Destination, DestinationReport, EngineError, Identity, Memory as _, Monitor, NewArchive,
    Progress, Queues, SpoolReport, SpoolStatus, Stop, Targets, Writer, create_archive,
};
use strongroom_format::keys::KeyRing;
use strongroom_replica::Replica;
use strongroom_store::Folder;
use strongroom_store::bounded::Bounded;

use crate::guest::METERED;
use crate::location::Location;
use crate::locks::{Locked, extend_all};
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, Profile};
use crate::retain::is_local;
use crate::wraps::{Wraps, fence, refuse_stale, settle};
use crate::{AgentError, archives, destinations, spool, writing};

/// Nobody writes one object for so long.
const LEFTOVER_AGE: Duration = Duration::from_hours(24);

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
    let done = with_writer(
        profile,
        request,
        (&request.paths, None, true),
        (tools, None),
        |writer, catalogue, options| back_up(writer, catalogue, options, monitor, progress, stop),
    )?;
    Ok(BackedUp {
        archive: done.archive,
        begun: done.begun,
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
}

/// Says which destinations a round serves itself.
pub(crate) trait Dispatch {
    /// Divides the destinations of an archive; `None` where the round serves all of them. Refuses where nothing may be
    /// written.
    fn lanes(&self, config: &Config, archive: ArchiveId) -> Result<Option<Lanes>, AgentError>;
}

/// Backs up what hints name, or everything without them, where anything changed. Destinations that were away catch up in
/// any case; those beyond this computer only where they may be used.
pub(crate) fn backup_changes(
    profile: &Profile,
    request: &BackupRequest<'_>,
    paths: &[PathBuf],
    (hints, far_allowed): (Option<Hints>, bool),
    tools: &Tools<'_>,
    dispatch: &dyn Dispatch,
) -> Result<Round, AgentError> {
    let (monitor, progress, stop) = (tools.monitor, tools.progress, tools.stop);
    let looks = hints.as_ref().is_none_or(|hints| !hints.is_empty()) && !paths.is_empty();
    let done = with_writer(
        profile,
        request,
        (paths, hints, far_allowed),
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
    lacks_password: bool,
    locks: Vec<Locked>,
    result: T,
}

/// Lets something write to the archive of a backup, which is begun where need be, after its destinations caught up.
fn with_writer<T>(
    profile: &Profile,
    request: &BackupRequest<'_>,
    (paths, hints, far_allowed): (&[PathBuf], Option<Hints>, bool),
    (tools, dispatch): (&Tools<'_>, Option<&dyn Dispatch>),
    work: impl FnOnce(&mut Writer<'_>, &Catalogue, &BackupOptions) -> Result<T, EngineError>,
) -> Result<Written<T>, AgentError> {
    let excludes = Excludes::new(request.excludes.iter().map(String::as_str))?;
    let (config, archive) = prepare(profile, request, &*tools.random)?;
    let lanes = dispatch.map(|dispatch| dispatch.lanes(&config, archive));
    let lanes = lanes.transpose()?.flatten();
    let _lock = match dispatch {
        Some(_) => profile.lock_round(archive)?,
        None => profile.lock_archive(archive)?,
    };
    let mut job = Job::new(profile, config, archive)?;
    (job.lanes, job.far_allowed) = (lanes, far_allowed);
    job.use_suite(request.suite, &*tools.random)?;
    let identity = job.identity(tools)?;
    let begun = job.begin(&identity.ring, tools)?;
    let options = BackupOptions {
        roots: outermost(paths),
        excludes,
        never: never_entered(profile, &job.config),
        tags: request.tags.clone(),
        host: request.host.clone(),
        program: request.program.clone(),
        one_file_system: request.one_file_system,
        hints,
    };
    let memory = ProfileMemory::new(profile, archive);
    let mut writer = Writer::open(identity, job.targets(), &memory)?;
    writer.catch_up(&mut |_| ())?;
    let catalogue = Catalogue::open(&profile.catalogue_dir(archive)?).map_err(EngineError::from)?;
    let result = work(&mut writer, &catalogue, &options)?;
    Ok(Written {
        archive,
        begun,
        lacks_password: begun && job.lacks_password()?,
        locks: extend_all(profile, archive, &writer, tools),
        result,
    })
}

/// Returns what is never backed up: the destinations, and the profile with its keys. Whoever restores
/// a profile from one of its own snapshots would go back in time; keys are exported instead.
pub(crate) fn never_entered(profile: &Profile, config: &Config) -> Vec<PathBuf> {
    let mut never = vec![profile.dir().to_owned()];
    for there in &config.destinations {
        let location = Location::parse(&there.url, Path::new("/")).ok();
        never.extend(location.and_then(|location| location.folder().map(Path::to_owned)));
    }
    never
}

/// Says what a backup would read; writes nothing. `profile` is `None` where there is none yet.
pub fn survey(
    profile: Option<&Profile>,
    request: &BackupRequest<'_>,
    tools: &Tools<'_>,
) -> Result<Survey, AgentError> {
    let options = BackupOptions {
        roots: outermost(&request.paths),
        excludes: Excludes::new(request.excludes.iter().map(String::as_str))?,
        one_file_system: request.one_file_system,
        ..BackupOptions::default()
    };
    let known = profile
        .map(|profile| known_archive(profile, request))
        .transpose()?
        .flatten();
    let empty = tempfile::tempdir().map_err(|source| AgentError::Temporary { source })?;
    let catalogue = match known.and_then(|folder| Catalogue::open_existing(&folder)) {
        Some(catalogue) => catalogue,
        None => Catalogue::open(&empty.path().join("catalogue")).map_err(EngineError::from)?,
    };
    let (monitor, progress, stop) = (tools.monitor, tools.progress, tools.stop);
    Ok(strongroom_engine::backup::survey(
        &catalogue,
        &options,
        &*tools.clock,
        monitor,
        progress,
        stop,
    )?)
}

/// Returns the catalogue of the archive that a backup would go to, where there is one.
fn known_archive(
    profile: &Profile,
    request: &BackupRequest<'_>,
) -> Result<Option<PathBuf>, AgentError> {
    let config = profile.config()?;
    let mut wanted = Vec::new();
    for text in request.to {
        let named = config.destination(text).or_else(|| {
            let location = Location::parse(text, request.current).ok()?;
            destinations::at(&config, &location)
        });
        let Some(there) = named else { return Ok(None) };
        wanted.push(there.id);
    }
    wanted.sort_unstable();
    wanted.dedup();
    let found = config.archives.iter().find(|archive| {
        let mut has = archive.destinations.clone();
        has.sort_unstable();
        if wanted.is_empty() {
            archive.default
        } else {
            has == wanted
        }
    });
    found
        .map(|archive| profile.catalogue_dir(archive.id))
        .transpose()
}

/// Finds or makes the archive of the destinations, and stores the settings where they changed.
fn prepare(
    profile: &Profile,
    request: &BackupRequest<'_>,
    random: &dyn RandomSource,
) -> Result<(Config, ArchiveId), AgentError> {
    let _lock = profile.lock()?;
    let before = profile.config()?;
    let mut config = before.clone();
    let to = archives::destinations_of(&mut config, request.to, request.current, random)?;
    let mut archive = archives::choose(profile, &mut config, &to, request.suite, random)?;
    if is_gone(profile, &config, archive)? {
        archive = archives::replace(profile, &mut config, archive, request.suite, random)?;
    }
    if config != before {
        profile.save_config(&config)?;
    }
    Ok((config, archive))
}

/// Says whether no destination that an archive still has ever held it: those that did were removed from
/// the settings, and what they hold is out of reach for this profile.
fn is_gone(profile: &Profile, config: &Config, archive: ArchiveId) -> Result<bool, AgentError> {
    let state = ProfileMemory::new(profile, archive)
        .load()
        .map_err(EngineError::from)?;
    let settings = config.archive(archive);
    let held = |id: &_| state.heads.contains_key(id);
    Ok(state.head.is_some() && settings.is_some_and(|there| !there.destinations.iter().any(held)))
}

/// An archive that is about to be written.
pub(crate) struct Job<'a> {
    profile: &'a Profile,
    config: Config,
    archive: ArchiveId,
    wraps: Wraps,
    /// Which destinations are left to queues; `None` where none is.
    lanes: Option<Lanes>,
    /// Whether destinations beyond this computer are used.
    far_allowed: bool,
}

impl<'a> Job<'a> {
    pub(crate) fn new(
        profile: &'a Profile,
        config: Config,
        archive: ArchiveId,
    ) -> Result<Self, AgentError> {
        let wraps = Wraps::load(profile, archive)?;
        Ok(Self {
            profile,
            config,
            archive,
            wraps,
            lanes: None,
            far_allowed: true,
        })
    }

    /// Returns the archive.
    pub(crate) fn archive(&self) -> ArchiveId {
        self.archive
    }

    /// Returns who writes, and with what.
    pub(crate) fn identity(&self, tools: &Tools<'_>) -> Result<Identity, AgentError> {
        let (ring, _) = self.wraps.open(self.profile)?;
        let signer = self.profile.writer_key(self.archive, &*tools.random)?;
        Ok(Identity {
            archive: self.archive,
            ring: Arc::new(ring),
            signer: Arc::new(signer),
            clock: Arc::clone(&tools.clock),
            random: Arc::clone(&tools.random),
        })
    }

    pub(crate) fn settings(&self) -> &crate::profile::ArchiveConfig {
        let settings = self.config.archive(self.archive);
        settings.expect("the archive was chosen from the settings")
    }

    /// Starts an epoch where new objects are to be sealed in another way.
    fn use_suite(
        &mut self,
        suite: Option<Suite>,
        random: &dyn RandomSource,
    ) -> Result<(), AgentError> {
        let Some(suite) = suite else { return Ok(()) };
        let (mut ring, custody) = self.wraps.open(self.profile)?;
        if ring.current().1 == suite {
            return Ok(());
        }
        refuse_stale(self.profile, &self.config, self.settings())?;
        ring.start_epoch(suite, random)?;
        let slots = self.wraps.keys.slots.clone();
        let settings = self.settings().clone();
        self.wraps
            .replace(self.profile, &settings, (&ring, &custody), slots, random)
    }

    /// Writes the first record where there is none yet, and brings the newest keys to every destination.
    fn begin(&mut self, ring: &KeyRing, tools: &Tools<'_>) -> Result<bool, AgentError> {
        let begins = !self.settings().begun;
        if begins {
            let writer = self.profile.writer_key(self.archive, &*tools.random)?;
            let new = NewArchive {
                archive: self.archive,
                ring,
                keys_object: &self.wraps.bytes,
                writer: &writer,
            };
            let memory = ProfileMemory::new(self.profile, self.archive);
            let (clock, random) = (&*tools.clock, &*tools.random);
            let state = memory.load().map_err(EngineError::from)?;
            if state.head.is_none() {
                create_archive(&new, &self.destinations(), &memory, clock, random)?;
            }
            let _lock = self.profile.lock()?;
            let mut config = self.profile.config()?;
            if let Some(archive) = config.archive_mut(self.archive) {
                archive.begun = true;
            }
            self.profile.save_config(&config)?;
            self.config = config;
        }
        for replica in self
            .destinations()
            .into_iter()
            .filter_map(|there| there.replica.ok())
        {
            // What fails here shows when the archive is written there.
            let fence = || fence(self.profile, &self.config, &self.served().0);
            let _ = settle(&replica, &self.wraps, &fence);
        }
        Ok(begins)
    }

    /// Returns the destinations and the spool.
    pub(crate) fn targets(&self) -> Targets {
        Targets {
            destinations: self.destinations(),
            // One that cannot be opened stops no destination; `strongroom spool` says why.
            spool: spool::replica(self.profile, &self.config, self.archive)
                .ok()
                .flatten(),
            queues: self.lanes.as_ref().map(|lanes| lanes.queues.clone()),
        }
    }

    /// Returns the destinations that are not left to queues as the engine takes them. Where there are queues, none is waited for for ever.
    pub(crate) fn destinations(&self) -> Vec<Destination> {
        let (served, left_alone) = self.served();
        let mut destinations = writing::destinations(&self.config, &served);
        if self.lanes.is_some() {
            for there in &mut destinations {
                let replica = there.replica.as_mut().ok();
                if let Some(replica) = replica.filter(|replica| !replica.store().is_far()) {
                    let bounded = Bounded::new(Arc::clone(replica.store()), CALL_BOUND);
                    *replica = Replica::new(Arc::new(bounded), self.archive);
                }
            }
        }
        destinations.extend(left_alone);
        destinations
    }

    /// Returns the settings with those destinations that this works with, and the others that no queue serves either.
    fn served(&self) -> (ArchiveConfig, Vec<Destination>) {
        let (mut served, mut left_alone) = (self.settings().clone(), Vec::new());
        if let Some(lanes) = &self.lanes {
            served
                .destinations
                .retain(|id| lanes.foreground.contains(id));
        } else if !self.far_allowed {
            served.destinations.retain(|id| {
                let there = self.config.destination_by_id(*id);
                let far = there.filter(|there| !is_local(there));
                left_alone.extend(far.map(|there| Destination {
                    id: there.id,
                    name: there.name.to_string(),
                    replica: Err(METERED.to_owned()),
                }));
                far.is_none()
            });
        }
        (served, left_alone)
    }

    /// Returns the destinations that are folders of this computer.
    pub(crate) fn local_destinations(&self) -> BTreeSet<DestinationId> {
        let destinations = self.config.destinations.iter();
        let local = destinations.filter(|there| is_local(there));
        local.map(|there| there.id).collect()
    }

    /// Removes what writers that were killed left at destinations that are folders: halves of objects under temporary
    /// names. What cannot be removed now is so another time.
    pub(crate) fn remove_leftovers(&self, clock: &dyn Clock) {
        let destinations = self.settings().destinations.iter();
        for there in destinations.filter_map(|id| self.config.destination_by_id(*id)) {
            let location = Location::parse(&there.url, Path::new("/"));
            if let Ok(location) = &location
                && let Some(folder) = location.folder()
                && let Ok(folder) = Folder::open(folder)
            {
                let _ = folder.remove_stale_temporaries(clock.now(), LEFTOVER_AGE);
            }
        }
    }

    fn lacks_password(&self) -> Result<bool, AgentError> {
        if !self.wraps.keys.slots.is_empty() {
            return Ok(false);
        }
        for other in &self.config.archives {
            if !Wraps::load(self.profile, other.id)?.keys.slots.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Drops paths that lie below another one, which holds them anyway.
pub(crate) fn outermost(paths: &[PathBuf]) -> Vec<PathBuf> {
    let mut sorted = paths.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in sorted {
        if !kept.iter().any(|above| path.starts_with(above)) {
            kept.push(path);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_below_others_are_held_by_them() {
        let paths = ["/b", "/a/b", "/a", "/ab", "/b"].map(PathBuf::from);
        assert_eq!(outermost(&paths), ["/a", "/ab", "/b"].map(PathBuf::from));
    }
}
