//! Copying and mending replicas of the profile's archives; no custody key is needed.

mod history;
mod mend;

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use strongroom_base::ids::{ArchiveId, DestinationId, ObjectName};
use strongroom_base::{Class, Classified as _};
use strongroom_crypto::hash::hash;
use strongroom_engine::{EngineError, Head, Memory as _, Writer, WriterState};
use strongroom_format::keys::KeysObject;
use strongroom_replica::Replica;
use strongroom_replica::expected::{Expected, Keys, Owner};
use strongroom_replica::given_up::GivenUp;
use strongroom_replica::heal::Healed;
use strongroom_replica::history::Together;
use strongroom_replica::log::Log;
use strongroom_replica::scrub::{Sample, ScrubReport};
use strongroom_replica::sync::{Synced, sync_to};

use mend::Bench;

use crate::AgentError;
use crate::backup::{Job, Tools};
use crate::destinations::{Unreached, named, reach};
use crate::locks::{Locked, Locks};
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, Profile};
use crate::wraps::{self, Wraps};

/// What is asked of replicas.
#[derive(Clone, Copy, Debug)]
pub enum Task {
    /// Bring them up to date.
    Sync,
    /// Bring them up to date, read a share of them, and mend what is damaged.
    Heal {
        /// The share.
        sample: Sample,
        /// Only say what is damaged.
        dry_run: bool,
    },
}

/// What became of one replica.
#[derive(Debug)]
pub struct Tended {
    /// The archive.
    pub archive: ArchiveId,
    /// The destination.
    pub destination: String,
    /// What became of it.
    pub result: Result<Tending, AgentError>,
}

/// What was done with a replica.
#[derive(Debug, Default)]
pub struct Tending {
    /// What was copied.
    pub synced: Synced,
    /// What was found, where it was looked for.
    pub found: Option<ScrubReport>,
    /// What was mended.
    pub healed: Healed,
    /// What was found of objects that are not needed any more, and kept for a while.
    pub given_up: GivenUp,
    /// What was mended of them.
    pub put_back: Healed,
    /// That it had gone back before, in words.
    pub went_back: Option<String>,
    /// What became of the locks, where some had to be extended.
    pub locks: Option<Locked>,
    /// Whether it has the newest record that the profile knows, as far as was found out.
    pub is_newest: bool,
}

impl Tending {
    /// Says whether something stays damaged.
    pub fn is_damaged(&self) -> bool {
        let found = self.found.as_ref().map_or(0, |found| found.findings.len());
        !self.synced.left_out.is_empty() && self.found.is_none()
            || !self.healed.is_whole()
            // One that no other destination has undamaged is needed by no snapshot.
            || !self.put_back.failed.is_empty()
            || found > self.healed.healed.len()
    }
}

/// Tends to the replicas of all archives of the profile at the destinations `names`, or at all where it is empty.
///
/// Returns what became of each, and the destinations that cannot be reached.
pub fn tend(
    profile: &Profile,
    names: &[String],
    task: Task,
    tools: &Tools<'_>,
) -> Result<(Vec<Tended>, Vec<Unreached>), AgentError> {
    let config = profile.config()?;
    let mut wanted = Vec::new();
    for name in names {
        wanted.push(named(&config, name)?.id);
    }
    let (mut tended, mut unreached) = (Vec::new(), Vec::new());
    let is_wanted = |id: &DestinationId| names.is_empty() || wanted.contains(id);
    for archive in config.archives.iter().filter(|archive| archive.begun) {
        if !archive.destinations.iter().any(is_wanted) {
            continue;
        }
        let _lock = profile.lock_archive(archive.id)?;
        if matches!(task, Task::Sync) && config.spool_bytes.is_some() {
            // What fails here shows below: the destination stays behind.
            let _ = deliver(profile, &config, archive.id, tools);
        }
        let mut work = Work::new(profile, &config, archive, tools)?;
        unreached.append(&mut work.unreached);
        for number in 0..work.sites.len() {
            let site = &work.sites[number];
            if !is_wanted(&site.id) {
                continue;
            }
            let destination = site.name.clone();
            let result = work.tend(number, task);
            if matches!(&result, Err(error) if error.is_interruption()) {
                return result.map(|_| (Vec::new(), Vec::new()));
            }
            tended.push(Tended {
                archive: archive.id,
                destination,
                result,
            });
        }
    }
    unreached.retain(|there: &Unreached| names.is_empty() || names.contains(&there.name));
    Ok((tended, unreached))
}

/// Brings what only the spool has to the destinations that can be reached, as a backup does.
fn deliver(
    profile: &Profile,
    config: &Config,
    archive: ArchiveId,
    tools: &Tools<'_>,
) -> Result<(), AgentError> {
    let job = Job::new(profile, config.clone(), archive)?;
    let memory = ProfileMemory::new(profile, archive);
    let mut writer = Writer::look(job.identity(tools)?, job.targets(), &memory)?;
    Ok(writer.catch_up(&mut |_| ())?)
}

/// A destination that can be reached.
struct Site {
    id: DestinationId,
    name: String,
    replica: Replica,
}

/// Tending to the replicas of one archive.
struct Work<'a> {
    memory: ProfileMemory<'a>,
    state: WriterState,
    sites: Vec<Site>,
    unreached: Vec<Unreached>,
    authority: [u8; 32],
    local: (Vec<u8>, Keys),
    config: &'a Config,
    archive: &'a ArchiveConfig,
    tools: &'a Tools<'a>,
    profile: &'a Profile,
}

impl<'a> Work<'a> {
    fn new(
        profile: &'a Profile,
        config: &'a Config,
        archive: &'a ArchiveConfig,
        tools: &'a Tools<'a>,
    ) -> Result<Self, AgentError> {
        let (reached, unreached) = reach(config, archive);
        let site = |there: crate::destinations::Reached| Site {
            id: there.id,
            name: there.name,
            replica: Replica::new(there.store, archive.id),
        };
        let Wraps { bytes, keys, .. } = Wraps::load(profile, archive.id)?;
        let (descriptor, authority) = wraps::descriptor(profile, archive.id)?;
        let keys = Keys {
            number: keys.number,
            name: ObjectName(hash(&bytes)),
            bytes,
        };
        let memory = ProfileMemory::new(profile, archive.id);
        Ok(Self {
            state: memory.load().map_err(EngineError::from)?,
            memory,
            sites: reached.into_iter().map(site).collect(),
            unreached,
            authority,
            local: (descriptor, keys),
            config,
            archive,
            tools,
            profile,
        })
    }

    fn tend(&mut self, number: usize, task: Task) -> Result<Tending, AgentError> {
        let authority = self.authority;
        let is_keys = |number: u32, bytes: &[u8]| {
            KeysObject::decode(bytes, &authority).is_ok_and(|keys| keys.number == number)
        };
        let owner = Owner {
            authority,
            is_keys: &is_keys,
        };
        let site = &self.sites[number];
        let target = &site.replica;
        let sisters: Vec<&Replica> = self.sites.iter().map(|site| &site.replica).collect();
        let sisters: Vec<&Replica> = [&sisters[..number], &sisters[number + 1..]].concat();
        let Together {
            own,
            sisters,
            strangers,
            mut expected,
        } = self.of_one_history(site, &sisters, &owner)?;
        self.put_own(&mut expected)?;
        self.refuse_newer(&expected.log)?;
        let mut tending = Tending {
            went_back: self.judge(site, (&own, &expected.log), task)?,
            ..Tending::default()
        };
        let dry_run = matches!(task, Task::Heal { dry_run: true, .. });
        let is_behind = own.newest() != expected.log.newest();
        if !dry_run && (is_behind || matches!(task, Task::Sync)) {
            let (mut noted, mut failed) = (self.state.clone(), None);
            let synced = sync_to(target, &sisters, &expected, &owner, &mut |copied| {
                if copied.left_out > 0 && noted.incomplete.insert(site.id) {
                    // Before a record is there that names it.
                    failed = self.memory.save(&noted).err();
                }
                if failed.is_some() {
                    return ControlFlow::Break(());
                }
                self.show(
                    copied.objects,
                    copied.objects_total,
                    copied.bytes,
                    copied.bytes_total,
                )
            });
            if let Some(error) = failed {
                return Err(EngineError::from(error).into());
            }
            tending.synced = synced?;
        }
        if let Task::Heal { sample, dry_run } = task {
            let bench = Bench {
                target,
                sisters: &sisters,
                strangers: &strangers,
                expected: &expected,
                owner: &owner,
            };
            self.heal(&bench, sample, dry_run, &mut tending)?;
            let rules = self.rules(site.id)?;
            self.put_back(&bench, (sample, rules), dry_run, &mut tending)?;
        }
        if !dry_run {
            let mut locks = Locks::load(self.profile, self.archive.id, authority, self.tools);
            tending.locks = locks.extend_at(site.id, &site.name, &site.replica);
            tending.is_newest = self.remember(number, &expected.log, &tending)?;
        }
        Ok(tending)
    }

    /// Expects descriptor and keys as the profile has copies of them.
    fn put_own(&self, expected: &mut Expected) -> Result<(), AgentError> {
        let (descriptor, keys) = &self.local;
        expected.descriptor = Some(descriptor.clone());
        if let Some(found) = &expected.keys
            && found.number == keys.number
            && found.name != keys.name
        {
            return Err(AgentError::OtherKeys {
                destination: self
                    .sites
                    .iter()
                    .map(|site| &*site.name)
                    .collect::<Vec<_>>()
                    .join(", "),
                archive: self.sites[0].replica.archive().to_string(),
                found: found.number,
                known: keys.number,
            });
        }
        let is_older = |found: &Keys| found.number <= keys.number;
        if expected.keys.as_ref().is_none_or(is_older) {
            expected.keys = Some(keys.clone());
        }
        Ok(())
    }

    /// Notes that a replica has the newest record, and says whether it does.
    fn remember(
        &mut self,
        number: usize,
        log: &Log,
        tending: &Tending,
    ) -> Result<bool, AgentError> {
        let Some(newest) = log.newest().map(head_of) else {
            return Ok(false);
        };
        let is_newest = self.state.head.is_none_or(|head| head.id <= newest.id);
        let id = self.sites[number].id;
        let has_changed = if tending.is_damaged() {
            !tending.synced.left_out.is_empty() && self.state.incomplete.insert(id)
        } else {
            self.state.incomplete.remove(&id)
        };
        if has_changed {
            self.memory.save(&self.state).map_err(EngineError::from)?;
        }
        if is_newest && self.state.head.is_some() && !tending.is_damaged() {
            self.state.heads.insert(id, newest);
            self.memory.save(&self.state).map_err(EngineError::from)?;
        }
        Ok(is_newest)
    }

    fn show(
        &self,
        objects: u64,
        objects_total: u64,
        bytes: u64,
        bytes_total: u64,
    ) -> ControlFlow<()> {
        let progress = self.tools.progress;
        let counters = [
            (&progress.entries_done, objects),
            (&progress.entries_total, objects_total),
            (&progress.bytes_done, bytes),
            (&progress.bytes_total, bytes_total),
        ];
        for (counter, value) in counters {
            counter.store(value, Ordering::Relaxed);
        }
        self.go_on()
    }

    fn go_on(&self) -> ControlFlow<()> {
        if self.tools.stop.is_requested() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

fn head_of(head: strongroom_replica::log::Head) -> Head {
    Head {
        id: head.id,
        hash: head.hash,
    }
}

/// Says whether a result means that a replica is damaged or has another history.
pub fn is_damage(tended: &Tended) -> bool {
    match &tended.result {
        Ok(tending) => tending.is_damaged(),
        Err(error) => error.class() == Class::Damage,
    }
}
