//! Keeping locked what archives need, where destinations lock objects: `spec/archive-v1.md`, section 11.1.
//!
//! How far each destination is, is remembered in `state/<archive>.locks`. Losing that costs questions and nothing else.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_engine::Writer;
use strongroom_format::keys::KeysObject;
use strongroom_replica::Replica;
use strongroom_replica::expected::Owner;
use strongroom_replica::locks::{Extended, Round, extend, is_due, live_paths};

use crate::AgentError;
use crate::backup::Tools;
use crate::profile::Profile;

/// The version of the file that this program writes.
const VERSION: u32 = 1;
const EXTENSION: &str = "locks";
/// Longest file, in bytes.
const LEN_MAX: u64 = 1 << 20;

/// What became of the locks at a destination.
#[derive(Debug)]
pub struct Locked {
    /// The name of the destination.
    pub destination: String,
    /// What was done.
    pub result: Result<Extended, AgentError>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    destinations: BTreeMap<String, RoundText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoundText {
    /// Nanoseconds since 1970.
    begun: i128,
    after: Option<String>,
}

/// Keeps locked what an archive needs, at every destination of its writer that is ready.
pub(crate) fn extend_all(
    profile: &Profile,
    archive: ArchiveId,
    writer: &Writer<'_>,
    tools: &Tools<'_>,
) -> Vec<Locked> {
    let authority = writer.key_ring().authority().public_key();
    let mut locks = Locks::load(profile, archive, authority, tools);
    writer
        .ready_destinations()
        .filter_map(|(id, name, replica)| locks.extend_at(id, name, replica))
        .collect()
}

/// Queues and rounds of one process save one after the other.
static SAVING: Mutex<()> = Mutex::new(());

fn read(profile: &Profile, archive: ArchiveId) -> State {
    let bytes = profile.read_state(archive, EXTENSION, LEN_MAX);
    let state = bytes.ok().flatten();
    let state = state.and_then(|bytes| serde_json::from_slice::<State>(&bytes).ok());
    state
        .filter(|state| state.version == VERSION)
        .unwrap_or_default()
}

/// The locks of one archive.
pub(crate) struct Locks<'a> {
    profile: &'a Profile,
    archive: ArchiveId,
    authority: [u8; 32],
    tools: &'a Tools<'a>,
    /// Says whether to stop, beside what the tools say.
    is_to_stop: &'a dyn Fn() -> bool,
    state: State,
}

impl<'a> Locks<'a> {
    /// Recalls how far the locks of an archive are.
    pub(crate) fn load(
        profile: &'a Profile,
        archive: ArchiveId,
        authority: [u8; 32],
        tools: &'a Tools<'a>,
    ) -> Self {
        Self {
            profile,
            archive,
            authority,
            tools,
            is_to_stop: &|| false,
            state: read(profile, archive),
        }
    }

    /// Stops when this says so, too; what was done until then is noted.
    pub(crate) fn until(mut self, is_to_stop: &'a dyn Fn() -> bool) -> Self {
        self.is_to_stop = is_to_stop;
        self
    }

    /// Locks at one destination what is needed and will not be locked for long; `None` where there is nothing to do
    /// yet, or where objects have no locks.
    pub(crate) fn extend_at(
        &mut self,
        id: DestinationId,
        name: &str,
        replica: &Replica,
    ) -> Option<Locked> {
        let result = self.run(id, replica).transpose()?;
        Some(Locked {
            destination: name.to_owned(),
            result,
        })
    }

    fn run(
        &mut self,
        id: DestinationId,
        replica: &Replica,
    ) -> Result<Option<Extended>, AgentError> {
        let store = replica.store();
        let Some(rule) = store.properties()?.lock else {
            return Ok(None);
        };
        let now = self.tools.clock.now();
        let last = self.state.destinations.get(&id.to_string());
        let last = last.map(|round| Round {
            begun: Timestamp(round.begun),
            after: round.after.clone(),
        });
        if !is_due(last.as_ref(), rule, now) {
            return Ok(None);
        }
        let authority = self.authority;
        let is_keys = |number: u32, bytes: &[u8]| {
            KeysObject::decode(bytes, &authority).is_ok_and(|keys| keys.number == number)
        };
        let owner = Owner {
            authority,
            is_keys: &is_keys,
        };
        let (stop, is_to_stop) = (self.tools.stop, self.is_to_stop);
        let live = live_paths(replica, &owner)?;
        let go_on = &mut || {
            if stop.is_requested() || is_to_stop() {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let (round, extended) = extend(&**store, &live, rule, now, last, go_on)?;
        let round = RoundText {
            begun: round.begun.0,
            after: round.after,
        };
        self.save(id, round)?;
        Ok(Some(extended))
    }

    /// Notes how far one destination is, beside what was noted of others meanwhile.
    fn save(&mut self, id: DestinationId, round: RoundText) -> Result<(), AgentError> {
        let _one = SAVING.lock().unwrap_or_else(PoisonError::into_inner);
        self.state = read(self.profile, self.archive);
        self.state.version = VERSION;
        self.state.destinations.insert(id.to_string(), round);
        let bytes = serde_json::to_vec_pretty(&self.state).map_err(|source| AgentError::State {
            archive: self.archive.to_string(),
            source,
        })?;
        self.profile.write_state(self.archive, EXTENSION, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use strongroom_base::clock::SystemClock;
    use strongroom_crypto::custody::CustodyKey;
    use strongroom_crypto::random::SystemRandom;
    use strongroom_crypto::suite::Suite;
    use strongroom_engine::{Destination, Monitor, NewArchive, Progress, Stop, Warning};
    use strongroom_engine::{Memory as _, WriterState, create_archive};
    use strongroom_store::{LockMode, LockRule, Memory};

    use super::*;
    use crate::memory::ProfileMemory;
    use crate::wraps::{Wraps, make};

    struct Quiet;

    impl Monitor for Quiet {
        fn warning(&self, _: Warning) {}
    }

    #[test]
    fn extending_stops_where_it_is_told_to_and_goes_on_later() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let custody = CustodyKey::random(&SystemRandom);
        profile.set_custody_key(&custody).unwrap();
        let archive = ArchiveId([3; 16]);
        make(
            &profile,
            archive,
            Suite::Aes256,
            &custody,
            vec![],
            &SystemRandom,
        )
        .unwrap();
        let wraps = Wraps::load(&profile, archive).unwrap();
        let rule = LockRule {
            mode: LockMode::Governance,
            days: 30,
        };
        let store = Memory::with_lock(Arc::new(SystemClock), rule);
        let replica = Replica::new(Arc::new(store), archive);
        let id = DestinationId([1; 16]);
        let destination = Destination {
            id,
            name: "d".to_owned(),
            replica: Ok(replica.clone()),
        };
        let (ring, _) = wraps.open(&profile).unwrap();
        let new = NewArchive {
            archive,
            ring: &ring,
            keys_object: &wraps.bytes,
            writer: &profile.writer_key(archive, &SystemRandom).unwrap(),
        };
        let memory = ProfileMemory::new(&profile, archive);
        create_archive(&new, &[destination], &memory, &SystemClock, &SystemRandom).unwrap();
        assert!(memory.load().unwrap() != WriterState::default());
        let (progress, stop) = (Progress::default(), Stop::default());
        let tools = Tools {
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            monitor: &Quiet,
            progress: &progress,
            stop: &stop,
        };
        let authority = ring.authority().public_key();
        let extend = |is_to_stop: &dyn Fn() -> bool| {
            let locks = Locks::load(&profile, archive, authority, &tools);
            let locked = locks.until(is_to_stop).extend_at(id, "d", &replica);
            locked.map(|locked| locked.result.unwrap())
        };
        let stopped = extend(&|| true).unwrap();
        assert!(stopped.looked_at == 1 && stopped.left > 0, "{stopped:?}");
        assert_eq!(extend(&|| false).unwrap().left, 0);
        assert!(extend(&|| false).is_none(), "it is not due");
    }
}
