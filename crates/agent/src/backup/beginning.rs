//! Which archive a backup goes to, and why it is a new one, where it is.

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_engine::{EngineError, Memory as _};
use strongroom_replica::Replica;

use super::{BackupRequest, CALL_BOUND};
use crate::destinations::{located, open_within};
use crate::memory::ProfileMemory;
use crate::profile::{Config, Profile};
use crate::taking_back::take_back;
use crate::{AgentError, archives};

/// Why an archive begins, where the profile has others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// None goes to this list of destinations.
    OtherDestinations,
    /// The one before is at none of the destinations that are left.
    Gone {
        /// The one before.
        archive: ArchiveId,
    },
}

impl Beginning {
    /// Returns what a person is told.
    pub fn explain(self) -> String {
        match self {
            Self::OtherDestinations => "a new archive begins, in which everything is stored anew: no archive of this \
                profile goes to exactly these destinations. Commands that read show it with --archive"
                .to_owned(),
            Self::Gone { archive } => format!(
                "a new archive begins, in which everything is stored anew: archive {archive} is at none of the \
                 destinations that are left. Where it lies, --from reads it, and `strongroom destination add` takes \
                 it up again"
            ),
        }
    }
}

/// Finds or makes the archive of the destinations, and stores the settings where they changed.
pub(super) fn prepare(
    profile: &Profile,
    request: &BackupRequest<'_>,
    random: &dyn RandomSource,
) -> Result<(Config, ArchiveId, Option<Beginning>), AgentError> {
    let _lock = profile.lock()?;
    let before = profile.config()?;
    let mut config = before.clone();
    let to = archives::destinations_of(&mut config, request.to, request.current, random)?;
    for id in to
        .iter()
        .filter(|id| before.destination_by_id(**id).is_none())
    {
        let there = config.destination_by_id(*id).expect("it was just added");
        let location = located(&config, there)?;
        take_back(profile, &mut config, *id, &location)?;
    }
    let has_others = config.archives.iter().any(|archive| archive.begun);
    let mut archive = archives::choose(profile, &mut config, &to, request.suite, random)?;
    let is_begun = config.archive(archive).is_some_and(|there| there.begun);
    let mut beginning = (has_others && !is_begun).then_some(Beginning::OtherDestinations);
    if is_gone(profile, &config, archive)? {
        beginning = Some(Beginning::Gone { archive });
        archive = archives::replace(profile, &mut config, archive, request.suite, random)?;
    }
    if config != before {
        profile.save_config(&config)?;
    }
    Ok((config, archive, beginning))
}

/// Says whether no destination that an archive still has holds it: those that did were removed from the settings, and what
/// they hold is out of reach for this profile.
fn is_gone(profile: &Profile, config: &Config, archive: ArchiveId) -> Result<bool, AgentError> {
    let state = ProfileMemory::new(profile, archive)
        .load()
        .map_err(EngineError::from)?;
    let Some(settings) = config.archive(archive).filter(|_| state.head.is_some()) else {
        return Ok(false);
    };
    let may_hold = |id: &DestinationId| {
        // One that was added again has another id.
        state.heads.contains_key(id) || may_hold(config, *id, archive)
    };
    Ok(!settings.destinations.iter().any(may_hold))
}

/// Says whether a destination holds an archive, or nobody can say now.
fn may_hold(config: &Config, id: DestinationId, archive: ArchiveId) -> bool {
    let Some(there) = config.destination_by_id(id) else {
        return false;
    };
    let location = located(config, there);
    let Ok(store) = location.and_then(|location| open_within(&location, CALL_BOUND)) else {
        return true;
    };
    Replica::discover(&*store).map_or(true, |found| found.contains(&archive))
}
