//! Forgetting snapshots, and pruning what only they needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{ArchiveId, Seq};
use strongroom_catalogue::Catalogue;
use strongroom_engine::erase::{EraseOptions, Erasure, GRACE, erase_condemned};
use strongroom_engine::forget::{forget as record, refuse_unsettled};
use strongroom_engine::prune::{PruneOptions, PruneSummary, prune as give_up};
use strongroom_engine::retention::{Age, Candidate, Policy, PolicyError};
use strongroom_engine::{DestinationReport, EngineError, Writer};
use strongroom_read::{Archive, ReadError, Replicas, SnapshotInfo};

use crate::backup::{Job, Tools};
use crate::location::Location;
use crate::locks::{Locked, extend_all};
use crate::look::{SnapshotName, select};
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, DestinationConfig, Profile};
use crate::{AgentError, archives};

/// Which snapshots are looked at together by a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// Those of the same paths: every set of paths keeps its own.
    Paths,
    /// All.
    Together,
}

/// What is to be forgotten.
pub struct ForgetRequest<'a> {
    /// The archive; none for the default one.
    pub archive: Option<ArchiveId>,
    /// Snapshots that go in any case.
    pub snapshots: &'a [SnapshotName],
    /// What is kept; where there is no rule, only `snapshots` go.
    pub policy: Policy,
    /// Only snapshots with this tag are looked at.
    pub tag: Option<&'a str>,
    /// Which are looked at together.
    pub grouping: Grouping,
    /// The time zone of days, weeks, months and years.
    pub zone: TimeZone,
    /// Whether it is right that no snapshot stays.
    pub may_empty: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// A snapshot, and what becomes of it.
pub struct Judged {
    /// The snapshot.
    pub info: SnapshotInfo,
    /// Why it stays; nothing where it goes.
    pub reasons: Vec<String>,
}

impl Judged {
    /// Says whether the snapshot goes.
    pub fn goes(&self) -> bool {
        self.reasons.is_empty()
    }
}

/// What was forgotten.
pub struct Forgotten {
    /// The archive.
    pub archive: ArchiveId,
    /// Every snapshot that was looked at, the oldest first.
    pub judged: Vec<Judged>,
    /// How many snapshots are left.
    pub left: u64,
    /// What is damaged in the log.
    pub problems: Vec<String>,
    /// What became of the destinations.
    pub destinations: Vec<DestinationReport>,
}

/// Forgets snapshots. What they hold stays stored until it is pruned.
pub fn forget(
    profile: &Profile,
    request: &ForgetRequest<'_>,
    tools: &Tools<'_>,
) -> Result<Forgotten, AgentError> {
    if request.policy.is_empty() && request.snapshots.is_empty() {
        return Err(PolicyError::Empty.into());
    }
    let work = |job: &Job<'_>, writer: &mut Writer<'_>| {
        let archive = open_archive(writer)?;
        let (snapshots, mut log, problems) = archive.snapshots()?;
        refuse_unsettled(&snapshots, &mut log)?;
        let judged = judge(request, &snapshots, tools.clock.now())?;
        let goes = judged.iter().filter(|judged| judged.goes());
        let goes: Vec<Seq> = goes.map(|judged| judged.info.id.seq).collect();
        let left = (snapshots.len() - goes.len()) as u64;
        if left == 0 && !goes.is_empty() && !request.may_empty {
            return Err(PolicyError::KeepsNothing.into());
        }
        if !request.dry_run {
            record(writer, &goes)?;
        }
        let problems = problems.iter().map(ToString::to_string);
        Ok(Forgotten {
            archive: job.archive(),
            judged,
            left,
            problems: problems
                .chain(log.problems.iter().map(ToString::to_string))
                .collect(),
            destinations: writer.reports(),
        })
    };
    with_writer(profile, request.archive, request.dry_run, tools, work)
}

/// Says whether a snapshot says of itself that it was made after `now`.
fn is_later(info: &SnapshotInfo, now: Timestamp) -> bool {
    candidate(info).time > now
}

/// Says of every snapshot why it stays.
///
/// The rules look at those that are not named, and were not made after `now`: a clock that once went wrong must not make all
/// others old.
fn judge(
    request: &ForgetRequest<'_>,
    snapshots: &[SnapshotInfo],
    now: Timestamp,
) -> Result<Vec<Judged>, AgentError> {
    let mut named = BTreeSet::new();
    for name in request.snapshots {
        named.insert(select(snapshots, name)?.id);
    }
    let is_looked_at = |info: &&SnapshotInfo| {
        let tag = request.tag;
        tag.is_none_or(|tag| info.snapshot.tags.iter().any(|has| has == tag))
    };
    let mut groups: BTreeMap<Vec<&[u8]>, Vec<&SnapshotInfo>> = BTreeMap::new();
    for info in snapshots.iter().filter(is_looked_at) {
        let roots = info.snapshot.roots.iter().map(|root| root.path.as_slice());
        let group = match request.grouping {
            Grouping::Paths => roots.collect(),
            Grouping::Together => Vec::new(),
        };
        groups.entry(group).or_default().push(info);
    }
    let mut judged = Vec::new();
    for group in groups.into_values() {
        let ruled = |info: &&SnapshotInfo| !named.contains(&info.id) && !is_later(info, now);
        let candidates: Vec<Candidate> =
            group.iter().copied().filter(ruled).map(candidate).collect();
        let mut reasons = if request.policy.is_empty() {
            vec![vec!["not named".to_owned()]; candidates.len()]
        } else {
            request.policy.reasons(&candidates, &request.zone)?
        }
        .into_iter();
        for info in group {
            let reasons = if ruled(&info) {
                reasons.next().unwrap_or_default()
            } else if named.contains(&info.id) {
                Vec::new()
            } else {
                vec!["made later than now".to_owned()]
            };
            judged.push(Judged {
                info: info.clone(),
                reasons,
            });
        }
    }
    let others = snapshots.iter().filter(|info| !is_looked_at(info));
    judged.extend(
        others
            .filter(|info| named.contains(&info.id))
            .map(|info| Judged {
                info: info.clone(),
                reasons: Vec::new(),
            }),
    );
    judged.sort_by_key(|judged| judged.info.id.seq);
    Ok(judged)
}

fn candidate(info: &SnapshotInfo) -> Candidate {
    Candidate {
        time: info.snapshot.started,
        tags: info.snapshot.tags.clone(),
    }
}

/// What is to be pruned, and how.
pub struct PruneRequest {
    /// The archive; none for the default one.
    pub archive: Option<ArchiveId>,
    /// How.
    pub options: PruneOptions,
    /// How long what was given up is kept at each destination; none for what the settings say, else seven days.
    pub grace: Option<Age>,
}

/// What was pruned.
pub struct Pruned {
    /// The archive.
    pub archive: ArchiveId,
    /// What was given up.
    pub summary: PruneSummary,
    /// What was erased at each destination that could be reached.
    pub erasures: Vec<Erasure>,
    /// What became of the locks, where some had to be extended.
    pub locks: Vec<Locked>,
}

/// Gives up what no snapshot needs, and erases what was given up long enough ago.
pub fn prune(
    profile: &Profile,
    request: &PruneRequest,
    tools: &Tools<'_>,
) -> Result<Pruned, AgentError> {
    let work = |job: &Job<'_>, writer: &mut Writer<'_>| {
        let folder = profile.catalogue_dir(job.archive())?;
        let catalogue = Catalogue::open(&folder).map_err(EngineError::from)?;
        let (monitor, progress, stop) = (tools.monitor, tools.progress, tools.stop);
        let erase = EraseOptions {
            grace: grace_of(job.settings(), request.grace)?,
            local: job.local_destinations(),
            dry_run: request.options.dry_run,
        };
        let summary = give_up(
            writer,
            &catalogue,
            &request.options,
            monitor,
            progress,
            stop,
        )?;
        let erasures = erase_condemned(writer, &erase, progress, stop);
        let mut locks = Vec::new();
        if !erase.dry_run {
            locks = extend_all(profile, job.archive(), writer, tools);
            job.remove_leftovers(&*tools.clock);
        }
        Ok(Pruned {
            archive: job.archive(),
            summary,
            erasures,
            locks,
        })
    };
    let is_rehearsal = request.options.dry_run;
    with_writer(profile, request.archive, is_rehearsal, tools, work)
}

/// Returns how long what an archive gave up is kept: as asked, else as its settings say.
pub(crate) fn grace_of(
    archive: &ArchiveConfig,
    asked: Option<Age>,
) -> Result<Duration, AgentError> {
    let age = match (asked, archive.grace.as_deref()) {
        (Some(age), _) => Some(age),
        (None, Some(text)) => Some(text.parse::<Age>()?),
        (None, None) => None,
    };
    Ok(age.map_or(GRACE, Age::to_duration))
}

/// Says whether a destination is a folder of this computer.
pub(crate) fn is_local(there: &DestinationConfig) -> bool {
    let location = Location::parse(&there.url, Path::new("/"));
    location.is_ok_and(|location| location.folder().is_some())
}

/// Lets something work with the writer of an archive that has begun, after its destinations caught up; in a
/// rehearsal nothing is written, and those that are behind stay so.
fn with_writer<T>(
    profile: &Profile,
    asked: Option<ArchiveId>,
    is_rehearsal: bool,
    tools: &Tools<'_>,
    work: impl FnOnce(&Job<'_>, &mut Writer<'_>) -> Result<T, AgentError>,
) -> Result<T, AgentError> {
    let config = profile.config()?;
    let archive = archives::to_read(&config, asked)?.id;
    let _lock = profile.lock_archive(archive)?;
    let job = Job::new(profile, config, archive)?;
    let identity = job.identity(tools)?;
    let memory = ProfileMemory::new(profile, archive);
    let targets = job.targets();
    let mut writer = if is_rehearsal {
        Writer::look(identity, targets, &memory)?
    } else {
        Writer::open(identity, targets, &memory)?
    };
    if !is_rehearsal {
        writer.catch_up(&mut |_| ())?;
    }
    work(&job, &mut writer)
}

/// Opens the archive at the destinations that are ready.
fn open_archive(writer: &Writer<'_>) -> Result<Archive, ReadError> {
    let replicas = writer.ready().map(|(_, replica)| replica.clone()).collect();
    let ring = writer.key_ring().clone();
    Archive::with_key_ring(Replicas::new(replicas)?, ring, &mut Vec::new())
}

#[cfg(test)]
mod tests {
    use strongroom_base::ids::Generation;
    use strongroom_base::object::RecordId;
    use strongroom_format::body::{Snapshot, Statistics};

    use super::*;

    const HOUR: i128 = 3_600_000_000_000;

    fn info(seq: u64, hour: i128) -> SnapshotInfo {
        let time = Timestamp(hour * HOUR);
        SnapshotInfo {
            id: RecordId {
                generation: Generation(1),
                seq: Seq(seq),
            },
            hash: [u8::try_from(seq).unwrap(); 32],
            snapshot: Snapshot {
                started: time,
                ended: time,
                host: Vec::new(),
                program: String::new(),
                tags: Vec::new(),
                statistics: Statistics::default(),
                roots: Vec::new(),
            },
        }
    }

    /// Returns the numbers of the snapshots that go, of four, where it is the 100th hour.
    fn gone(policy: Policy, named: &[SnapshotName]) -> Vec<u64> {
        let request = ForgetRequest {
            archive: None,
            snapshots: named,
            policy,
            tag: None,
            grouping: Grouping::Paths,
            zone: TimeZone::UTC,
            may_empty: false,
            dry_run: true,
        };
        let all = [info(1, 50), info(2, 98), info(3, 99), info(4, 100_000)];
        let judged = judge(&request, &all, Timestamp(100 * HOUR)).unwrap();
        let gone = judged.iter().filter(|judged| judged.goes());
        gone.map(|judged| judged.info.id.seq.0).collect()
    }

    #[test]
    fn a_snapshot_of_the_future_makes_no_other_one_old() {
        let policy = Policy {
            within: Some("7d".parse().unwrap()),
            ..Policy::default()
        };
        assert!(gone(policy, &[]).is_empty());
        let last = Policy {
            last: 1,
            ..Policy::default()
        };
        assert_eq!(gone(last, &[]), [1, 2]);
    }

    #[test]
    fn rules_look_at_what_is_not_named() {
        let last = Policy {
            last: 1,
            ..Policy::default()
        };
        let name = "03".repeat(32).parse().unwrap();
        assert_eq!(gone(last, &[name]), [1, 3]);
    }
}
