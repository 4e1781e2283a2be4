//! Forgetting a destination, unless something would have no other place any more.

use strongroom_base::ids::DestinationId;
use strongroom_engine::{EngineError, Memory as _};

use crate::AgentError;
use crate::destinations::{named, tell_service};
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, DestinationConfig, Profile};
use crate::spool;

/// Forgets a destination. What it holds stays there.
///
/// Refuses where no other destination of an archive has what the spool or this one has, unless that is given up.
pub fn remove(
    profile: &Profile,
    name: &str,
    give_up: bool,
) -> Result<DestinationConfig, AgentError> {
    let _lock = profile.lock()?;
    let mut config = profile.config()?;
    let removed = named(&config, name)?.clone();
    if !give_up {
        refuse_needed(profile, &config, &removed)?;
    }
    config.destinations.retain(|there| there.id != removed.id);
    for archive in &mut config.archives {
        archive.destinations.retain(|id| *id != removed.id);
    }
    profile.save_config(&config)?;
    config.remove_storage_key(removed.id)?;
    tell_service(profile);
    Ok(removed)
}

fn refuse_needed(
    profile: &Profile,
    config: &Config,
    removed: &DestinationConfig,
) -> Result<(), AgentError> {
    let theirs = |archive: &&ArchiveConfig| archive.destinations.contains(&removed.id);
    for archive in config.archives.iter().filter(theirs) {
        if let Some(what) = only_copy(profile, archive, removed.id)? {
            return Err(AgentError::DestinationNeeded {
                name: removed.name.to_string(),
                archive: archive.id.to_string(),
                what,
            });
        }
    }
    Ok(())
}

/// Says where records of an archive are that none of its other destinations has, if there are any.
///
/// Where there is no other destination, what this one has stays where it is, and is there to be added again.
fn only_copy(
    profile: &Profile,
    archive: &ArchiveConfig,
    removed: DestinationId,
) -> Result<Option<&'static str>, AgentError> {
    let mut others = archive.clone();
    others.destinations.retain(|id| *id != removed);
    let is_last = others.destinations.is_empty();
    let in_spool = spool::unacknowledged(profile, if is_last { archive } else { &others })?;
    if in_spool > 0 {
        return Ok(Some("the spool"));
    }
    let memory = ProfileMemory::new(profile, archive.id).load();
    let state = memory.map_err(EngineError::from)?;
    let newest_of = |ids: &[DestinationId]| {
        let heads = ids.iter().filter_map(|id| state.heads.get(id));
        heads.map(|head| head.id).max()
    };
    let is_behind = newest_of(&others.destinations) < newest_of(&[removed]);
    Ok((!is_last && is_behind).then_some("it"))
}
