//! Which archive a deed is about: `archive.md` says that an archive belongs to one distinct list of
//! destinations, and that backup sets with the same list share one.

use std::collections::BTreeSet;
use std::path::Path;

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_crypto::suite::Suite;

use crate::AgentError;
use crate::destinations;
use crate::location::Location;
use crate::profile::{ArchiveConfig, Config, DestinationName, Profile};
use crate::{spool, wraps};

/// Adds the destinations of `to` that are not in the settings, and returns the ids of all.
///
/// The first destinations of a profile are those of its default archive.
pub(crate) fn destinations_of(
    config: &mut Config,
    to: &[String],
    current: &Path,
    random: &dyn RandomSource,
) -> Result<Vec<DestinationId>, AgentError> {
    let first = config.destinations.is_empty();
    let mut ids = Vec::new();
    for text in to {
        if let Some(there) = config.destination(text) {
            ids.push(there.id);
            continue;
        }
        let location = Location::parse(text, current)?;
        let is_bare_name = !text.contains(['/', ':']) && !current.join(text).is_dir();
        if is_bare_name && !first {
            // A name that was mistyped must not become a new folder.
            return Err(AgentError::NoSuchDestination { name: text.clone() });
        }
        if let Some(there) = destinations::at(config, &location) {
            ids.push(there.id);
            continue;
        }
        let url = location.to_url()?;
        let path = url.split('?').next().unwrap_or_default();
        let name = DestinationName::from_path(path, &config.destinations);
        destinations::refuse_known(config, &location)?;
        destinations::fit(name.as_str(), &location, random)?;
        ids.push(destinations::insert(
            config, name, &location, first, random,
        )?);
    }
    Ok(ids)
}

/// Returns the archive of a list of destinations (of the default ones where it is empty), which is made
/// where there is none.
pub(crate) fn choose(
    profile: &Profile,
    config: &mut Config,
    to: &[DestinationId],
    suite: Option<Suite>,
    random: &dyn RandomSource,
) -> Result<ArchiveId, AgentError> {
    let defaults: BTreeSet<_> = config.default_destinations().into_iter().collect();
    let wanted: BTreeSet<_> = if to.is_empty() {
        defaults.clone()
    } else {
        to.iter().copied().collect()
    };
    if wanted.is_empty() {
        return Err(AgentError::NoDestination);
    }
    let is_this = |archive: &&ArchiveConfig| {
        archive
            .destinations
            .iter()
            .copied()
            .collect::<BTreeSet<_>>()
            == wanted
    };
    let mut there: Vec<&ArchiveConfig> = config.archives.iter().filter(is_this).collect();
    there.sort_by_key(|archive| !archive.default);
    if let Some(archive) = there.first() {
        return Ok(archive.id);
    }
    let is_default = wanted == defaults && !config.archives.iter().any(|archive| archive.default);
    let suite = suite.unwrap_or(config.suite);
    let id = make(profile, config, suite, is_default, random)?;
    let made = config.archive_mut(id).expect("it was just made");
    made.destinations = wanted.into_iter().collect();
    Ok(id)
}

/// Makes an archive in the place of one that no destination holds any more. Refuses where the spool alone has records of it.
pub(crate) fn replace(
    profile: &Profile,
    config: &mut Config,
    gone: ArchiveId,
    suite: Option<Suite>,
    random: &dyn RandomSource,
) -> Result<ArchiveId, AgentError> {
    let position = config
        .archives
        .iter()
        .position(|archive| archive.id == gone);
    let position = position.expect("it was just chosen");
    if spool::unacknowledged(profile, &config.archives[position])? > 0 {
        return Err(AgentError::SpoolAlone {
            archive: gone.to_string(),
        });
    }
    spool::erase(profile, gone)?;
    let old = config.archives.remove(position);
    let id = make(
        profile,
        config,
        suite.unwrap_or(config.suite),
        old.default,
        random,
    )?;
    let made = config.archive_mut(id).expect("it was just made");
    made.destinations = old.destinations;
    Ok(id)
}

/// Makes an archive without destinations: its id, keys and writer; the caller stores the settings.
pub(crate) fn make(
    profile: &Profile,
    config: &mut Config,
    suite: Suite,
    default: bool,
    random: &dyn RandomSource,
) -> Result<ArchiveId, AgentError> {
    let custody = profile.custody_key()?;
    let custody = custody.ok_or_else(|| AgentError::NoCustodyKey {
        path: profile.dir().display().to_string(),
    })?;
    let id = ArchiveId::random(random);
    wraps::make(profile, id, suite, &custody, Vec::new(), random)?;
    profile.writer_key(id, random)?;
    config.archives.push(ArchiveConfig {
        id,
        default,
        begun: false,
        grace: None,
        destinations: Vec::new(),
    });
    Ok(id)
}

/// Returns the archive that a reading command is about: the one asked for, else the default one, else the
/// only one. Archives that hold nothing yet do not count.
pub(crate) fn to_read(
    config: &Config,
    asked: Option<ArchiveId>,
) -> Result<&ArchiveConfig, AgentError> {
    let begun: Vec<&ArchiveConfig> = config.archives.iter().filter(|found| found.begun).collect();
    let ids = || begun.iter().map(|archive| archive.id.to_string()).collect();
    if let Some(asked) = asked {
        return begun
            .iter()
            .find(|archive| archive.id == asked)
            .copied()
            .ok_or_else(|| AgentError::NoSuchArchive {
                archive: asked.to_string(),
                archives: ids(),
            });
    }
    if let Some(default) = begun.iter().find(|archive| archive.default) {
        return Ok(default);
    }
    match begun[..] {
        [] => Err(AgentError::NoSnapshot),
        [only] => Ok(only),
        _ => Err(AgentError::SeveralArchives { archives: ids() }),
    }
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::custody::CustodyKey;
    use strongroom_crypto::random::SystemRandom;

    use super::*;

    struct Case {
        folder: tempfile::TempDir,
        profile: Profile,
        config: Config,
    }

    impl Case {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
            let key = CustodyKey::random(&SystemRandom);
            profile.set_custody_key(&key).unwrap();
            let config = profile.config().unwrap();
            Self {
                folder,
                profile,
                config,
            }
        }

        fn archive(&mut self, to: &[&str]) -> Result<ArchiveId, AgentError> {
            let to: Vec<String> = to.iter().map(|to| (*to).to_owned()).collect();
            let (config, random) = (&mut self.config, &SystemRandom);
            let ids = destinations_of(config, &to, self.folder.path(), random)?;
            choose(&self.profile, config, &ids, None, random)
        }
    }

    #[test]
    fn backup_sets_with_the_same_list_share_an_archive() {
        let mut case = Case::new();
        let both = case.archive(&["a", "b"]).unwrap();
        assert_eq!(case.archive(&["b", "./a/"]).unwrap(), both);
        let one = case.archive(&["a"]).unwrap();
        assert_ne!(one, both);
        assert_eq!(case.archive(&["a", "a"]).unwrap(), one);
        assert_ne!(case.archive(&["a", "./c"]).unwrap(), one);
        let names = case.config.destinations.iter().map(|d| d.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn the_first_destinations_are_the_default_ones() {
        let mut case = Case::new();
        assert!(matches!(case.archive(&[]), Err(AgentError::NoDestination)));
        let first = case.archive(&["a", "b"]).unwrap();
        assert!(case.archive(&["c"]).is_err(), "a name is not a new folder");
        case.archive(&["./c"]).unwrap();
        assert_eq!(case.archive(&[]).unwrap(), first);
        assert!(case.config.archive(first).unwrap().default);
    }

    #[test]
    fn a_reader_is_asked_only_where_there_is_a_choice() {
        let mut case = Case::new();
        let first = case.archive(&["a"]).unwrap();
        let second = case.archive(&["./b"]).unwrap();
        assert!(matches!(
            to_read(&case.config, None),
            Err(AgentError::NoSnapshot)
        ));
        case.config.archive_mut(second).unwrap().begun = true;
        assert_eq!(to_read(&case.config, None).unwrap().id, second);
        case.config.archive_mut(first).unwrap().begun = true;
        assert_eq!(to_read(&case.config, None).unwrap().id, first);
        case.config.archive_mut(first).unwrap().default = false;
        assert!(matches!(
            to_read(&case.config, None),
            Err(AgentError::SeveralArchives { .. })
        ));
        assert_eq!(to_read(&case.config, Some(first)).unwrap().id, first);
    }
}
