//! Verifying the replicas of an archive that is open, and remembering what was read when.

use std::path::PathBuf;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::DestinationId;
use strongroom_engine::verify::{ReadData, ReadTimes, VerifyOptions, VerifyReport};
use strongroom_engine::{EngineError, Head, Memory as _, Progress, Stop};
use strongroom_read::{Archive, ReadError, Replicas};
use strongroom_replica::Replica;
use strongroom_store::durable;

use crate::AgentError;
use crate::access::Opened;
use crate::memory::ProfileMemory;
use crate::profile::Profile;

/// Longest file of times, in bytes: those of 13 million packs.
const TIMES_LEN_MAX: u64 = 512 << 20;

/// What was found at one destination.
#[derive(Debug)]
pub struct Verified {
    /// Its name.
    pub destination: String,
    /// What was found; an error where nothing could be.
    pub report: Result<VerifyReport, AgentError>,
    /// Why the profile would not write there, where somebody else has.
    pub others: Option<AgentError>,
    /// Why it could not be noted which packs were read when.
    pub unnoted: Option<AgentError>,
}

/// Verifies the replica at every destination of an archive, each by itself: what fails at one is found out of the others.
///
/// What `profile` remembers of a destination is compared with what is there; it also keeps when each pack
/// was read.
pub fn verify(
    opened: &Opened,
    profile: Option<&Profile>,
    read_data: ReadData,
    now: Timestamp,
    progress: &Progress,
    stop: &Stop,
) -> Result<Vec<Verified>, AgentError> {
    let mut verified = Vec::new();
    let there = opened.archive.replicas().iter().zip(&opened.ids);
    for ((replica, id), name) in there.zip(&opened.destinations) {
        let (report, unnoted) = match Known::load(opened, profile, *id) {
            Ok(mut known) => {
                let mut options = VerifyOptions {
                    read_data,
                    acknowledged: known.head,
                    times: &mut known.times,
                    now,
                };
                let report = verify_one(opened, replica, &mut options, progress, stop);
                (report, known.save().err())
            }
            Err(error) => (Err(error), None),
        };
        if let Err(error) = &report
            && error.is_interruption()
        {
            return Err(AgentError::Interrupted);
        }
        verified.push(Verified {
            destination: name.clone(),
            report,
            others: None,
            unnoted,
        });
    }
    if let Some(profile) = profile {
        look_for_others(opened, profile, &mut verified)?;
    }
    Ok(verified)
}

/// Looks for what another profile has written, or a copy of this one.
///
/// What this one wrote meanwhile it had announced before: its memory is read when all logs were.
fn look_for_others(
    opened: &Opened,
    profile: &Profile,
    verified: &mut [Verified],
) -> Result<(), AgentError> {
    let archive = &opened.archive;
    if profile.config()?.archive(archive.id()).is_none() {
        return Ok(());
    }
    // What is lost of the memory is for a writer to tell, and hides nothing of what was found.
    let Ok(state) = ProfileMemory::new(profile, archive.id()).load() else {
        return Ok(());
    };
    let newest = |there: &Verified| there.report.as_ref().ok()?.newest;
    // One that has the newest record of the profile has the profile's history.
    let own = verified.iter().position(|there| {
        let found = newest(there);
        found.is_some() && found == state.head
    });
    let own = own.and_then(|number| archive.replicas().iter().nth(number));
    let authority = archive.key_ring().authority().public_key();
    for there in verified {
        let Some(found) = newest(there) else { continue };
        let beyond = state.refuse_beyond(&there.destination, found);
        there.others = match beyond {
            Err(error @ EngineError::Fenced { .. }) => Some(error.into()),
            _ if state.head.is_none_or(|head| head.id < found.id) => None,
            _ => {
                let record = own.and_then(|own| own.record(found.id, &authority).ok());
                let hash = record.map(|record| record.hash());
                let known = state.head.filter(|head| head.id == found.id);
                let hash = known.map(|head| head.hash).or(hash);
                let is_other = hash.is_some_and(|hash| hash != found.hash);
                is_other.then(|| AgentError::SetAside {
                    destination: there.destination.clone(),
                    reason: format!("its record {} is not the one of this profile", found.id),
                })
            }
        };
    }
    Ok(())
}

fn verify_one(
    opened: &Opened,
    replica: &Replica,
    options: &mut VerifyOptions<'_>,
    progress: &Progress,
    stop: &Stop,
) -> Result<VerifyReport, AgentError> {
    let alone = Replicas::new(vec![replica.clone()])?;
    let mut problems: Vec<ReadError> = Vec::new();
    let ring = opened.archive.key_ring().clone();
    let archive = Archive::with_key_ring(alone, ring, &mut problems)?;
    let verify = strongroom_engine::verify::verify;
    Ok(verify(&archive, &problems, options, progress, stop)?)
}

/// What a profile knows of a destination.
struct Known {
    head: Option<Head>,
    times: ReadTimes,
    path: Option<PathBuf>,
}

impl Known {
    fn load(
        opened: &Opened,
        profile: Option<&Profile>,
        id: DestinationId,
    ) -> Result<Self, AgentError> {
        let archive = opened.archive.id();
        let nothing = Self {
            head: None,
            times: ReadTimes::default(),
            path: None,
        };
        let Some(profile) = profile else {
            return Ok(nothing);
        };
        let config = profile.config()?;
        let is_own = config
            .archive(archive)
            .is_some_and(|settings| settings.destinations.contains(&id));
        if !is_own {
            return Ok(nothing);
        }
        let state = ProfileMemory::new(profile, archive).load();
        let state = state.map_err(EngineError::from)?;
        let path = profile.catalogue_dir(archive)?.join(format!("read-{id}"));
        // Without the file, everything is read once more.
        let times = durable::read(&path, TIMES_LEN_MAX).unwrap_or_default();
        Ok(Self {
            head: state.heads.get(&id).copied(),
            times: ReadTimes::decode(&times),
            path: Some(path),
        })
    }

    fn save(&self) -> Result<(), AgentError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        Ok(durable::write_atomic(path, &self.times.encode(), 0o600)?)
    }
}
