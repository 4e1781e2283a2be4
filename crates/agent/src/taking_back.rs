//! A destination that is added again goes on with the archives that this profile wrote there.

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_engine::{EngineError, Memory as _};
use strongroom_replica::Replica;

use crate::AgentError;
use crate::location::Location;
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Config, Profile};
use crate::wraps::Wraps;

/// Gives a destination that was just added to the archives of the profile that lie there, and returns which these are. One that
/// the settings had dropped is in them again.
///
/// An archive of somebody else is left alone.
pub(crate) fn take_back(
    profile: &Profile,
    config: &mut Config,
    destination: DestinationId,
    location: &Location,
) -> Result<Vec<ArchiveId>, AgentError> {
    let mut taken_back = Vec::new();
    for id in Replica::discover(&*location.open()?)? {
        if !is_own(profile, id)? {
            continue;
        }
        if config.archive(id).is_none() {
            config.archives.push(ArchiveConfig {
                id,
                default: !config.archives.iter().any(|archive| archive.default),
                begun: true,
                grace: None,
                destinations: Vec::new(),
            });
        }
        if let Some(settings) = config.archive_mut(id)
            && !settings.destinations.contains(&destination)
        {
            settings.destinations.push(destination);
        }
        taken_back.push(id);
    }
    Ok(taken_back)
}

/// Says whether this profile has written an archive, and has the keys that open it.
fn is_own(profile: &Profile, archive: ArchiveId) -> Result<bool, AgentError> {
    let memory = ProfileMemory::new(profile, archive).load();
    if memory.map_err(EngineError::from)?.head.is_none() {
        return Ok(false);
    }
    Ok(Wraps::load(profile, archive).is_ok_and(|wraps| wraps.open(profile).is_ok()))
}
