//! Syncing and healing, in the steps that the program takes: what other replicas have is copied, what is damaged
//! is found and mended, and what was reached is remembered.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::DestinationId;
use strongroom_base::random::RandomSource;
use strongroom_engine::erase::{GRACE, rules};
use strongroom_engine::{EngineError, Head, Memory as _, MemoryError, WriterState};
use strongroom_format::keys::KeysObject;
use strongroom_replica::erase::{Rules, Unnamed};
use strongroom_replica::expected::{Expected, Keys, Owner};
use strongroom_replica::given_up::{Search, search};
use strongroom_replica::heal::{Healed, heal, heal_from};
use strongroom_replica::history::{Histories, Known, Together, together};
use strongroom_replica::log::Log;
use strongroom_replica::relation::{Relation, recall_within};
use strongroom_replica::scrub::{Sample, scrub};
use strongroom_replica::sync::sync_to;
use strongroom_replica::{Replica, ReplicaError};

use crate::common::crash::Dying;

/// What became of one replica.
pub(crate) struct Tended {
    /// Whether it has the newest record that the profile knows, and nothing of it is damaged.
    pub(crate) complete: bool,
    /// How many objects were mended.
    pub(crate) mended: usize,
    /// How many were mended that were given up, and that wait to be erased.
    pub(crate) put_back: usize,
}

/// Why a replica was not tended to.
pub(crate) enum Untended {
    /// It has another history than the one that it acknowledged.
    SetAside(String),
    Failed(EngineError),
}

impl From<EngineError> for Untended {
    fn from(error: EngineError) -> Self {
        Self::Failed(error)
    }
}

impl From<ReplicaError> for Untended {
    fn from(error: ReplicaError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<MemoryError> for Untended {
    fn from(error: MemoryError) -> Self {
        Self::Failed(error.into())
    }
}

/// Tending to the replicas of the archive.
pub(crate) struct Tending<'a> {
    pub(crate) authority: [u8; 32],
    pub(crate) memory: &'a Dying<'a>,
    /// The replicas that can be reached.
    pub(crate) sites: Vec<(DestinationId, Replica)>,
    /// The descriptor and the keys object that the profile has copies of.
    pub(crate) descriptor: Vec<u8>,
    pub(crate) keys: Keys,
    /// The destinations that are disks of this computer.
    pub(crate) local: BTreeSet<DestinationId>,
    /// The time of the writer.
    pub(crate) now: Timestamp,
    pub(crate) random: Arc<dyn RandomSource>,
}

impl Tending<'_> {
    /// Brings a replica up to date; with a sample, also looks for damage and mends it.
    pub(crate) fn tend(&self, number: usize, sample: Option<Sample>) -> Result<Tended, Untended> {
        let authority = self.authority;
        let is_keys = |number: u32, bytes: &[u8]| {
            KeysObject::decode(bytes, &authority).is_ok_and(|keys| keys.number == number)
        };
        let owner = Owner {
            authority,
            is_keys: &is_keys,
        };
        let mut state = self.memory.load()?;
        let (id, target) = &self.sites[number];
        let sisters = [&self.sites[..number], &self.sites[number + 1..]].concat();
        let sisters: Vec<&Replica> = sisters.iter().map(|(_, replica)| replica).collect();
        let Together {
            own,
            sisters,
            strangers,
            mut expected,
        } = match together(target, &sisters, known_of(&state), &owner)? {
            Histories::One(together) => *together,
            Histories::Another(own) => {
                let newest = own.newest().map(|newest| newest.id);
                return Err(Untended::SetAside(format!("another history: {newest:?}")));
            }
        };
        expected.descriptor = Some(self.descriptor.clone());
        expected.keys = Some(self.keys.clone());
        if let Some(newest) = expected.log.newest() {
            state.refuse_beyond("one of them", head_of(newest))?;
        }
        judge(&state, *id, (&own, &expected.log), sample.is_some())?;
        let go_on = || ControlFlow::Continue(());
        let mut damaged = false;
        if own.newest() != expected.log.newest() || sample.is_none() {
            let lacks = self.copy(number, (&sisters, &expected, &owner), &mut state)?;
            damaged = lacks && sample.is_none();
        }
        let (mut healed, mut put_back) = (Healed::default(), 0);
        if let Some(sample) = sample {
            let found = scrub(target, &expected, &owner, sample, &mut |_| go_on())?;
            let findings = &found.findings;
            let sources = (&sisters[..], &strangers[..]);
            healed = heal_from(target, sources, &expected, &owner, findings, &mut |_| {
                go_on()
            })?;
            damaged = !healed.is_whole() || findings.len() > healed.healed.len();
            let searched = Search {
                replica: target,
                sisters: &sisters,
                expected: &expected,
                owner: &owner,
                sample,
                rules: self.rules(*id),
            };
            let given_up = search(&searched, &*self.random, &mut || go_on())?;
            for findings in [&given_up.records, &given_up.contents] {
                let back = heal(target, &sisters, &expected, &owner, findings, &mut |_| {
                    go_on()
                })?;
                put_back += back.healed.len();
            }
        }
        if !damaged && state.incomplete.remove(id) {
            self.memory.save(&state)?;
        }
        let complete = !damaged && self.remember(&mut state, *id, &expected.log)?;
        Ok(Tended {
            complete,
            mended: healed.healed.len(),
            put_back,
        })
    }

    /// Copies what a replica lacks; says whether something is left out.
    fn copy(
        &self,
        number: usize,
        (sisters, expected, owner): (&[&Replica], &Expected, &Owner<'_>),
        state: &mut WriterState,
    ) -> Result<bool, Untended> {
        let (id, target) = &self.sites[number];
        let mut failed = None;
        let synced = sync_to(target, sisters, expected, owner, &mut |copied| {
            if copied.left_out > 0 && state.incomplete.insert(*id) {
                // Before a record is there that names it.
                failed = self.memory.save(state).err();
            }
            match failed {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        Ok(!synced?.left_out.is_empty())
    }

    fn rules(&self, id: DestinationId) -> Rules {
        rules(GRACE, self.local.contains(&id), Unnamed::Leave, self.now)
    }

    fn remember(
        &self,
        state: &mut WriterState,
        id: DestinationId,
        log: &Log,
    ) -> Result<bool, EngineError> {
        let Some(newest) = log.newest().map(head_of) else {
            return Ok(false);
        };
        let is_newest = state.head.is_some_and(|head| head.id <= newest.id);
        if is_newest {
            state.heads.insert(id, newest);
            self.memory.save(state)?;
        }
        Ok(is_newest)
    }
}

fn known_of(state: &WriterState) -> Known {
    let noted = state.newest.as_ref();
    let noted = noted.filter(|noted| Some(noted.head) == state.head);
    Known {
        newest: state.head.map(to_log),
        author: noted.map(|noted| noted.author),
    }
}

/// Compares a replica with what it acknowledged. One that went back is filled by healing alone.
fn judge(
    state: &WriterState,
    id: DestinationId,
    (own, chain): (&Log, &Log),
    heals: bool,
) -> Result<(), Untended> {
    let Some(known) = state.heads.get(&id) else {
        return Ok(());
    };
    let newest = state.head.map(to_log);
    match recall_within(own, to_log(*known), (chain, newest)) {
        Relation::RolledBack if heals => Ok(()),
        relation @ (Relation::RolledBack | Relation::Forked) => Err(Untended::SetAside(format!(
            "{relation:?}: it acknowledged {}",
            known.id
        ))),
        _ => Ok(()),
    }
}

fn head_of(head: strongroom_replica::log::Head) -> Head {
    Head {
        id: head.id,
        hash: head.hash,
    }
}

fn to_log(head: Head) -> strongroom_replica::log::Head {
    strongroom_replica::log::Head {
        id: head.id,
        hash: head.hash,
    }
}
