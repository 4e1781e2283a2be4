//! The destinations of a profile: adding, removing, trying out, reaching.

use std::path::Path;
use std::sync::Arc;

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_replica::Replica;
use strongroom_store::Store;
use strongroom_store::probe::{Capabilities, probe};

use crate::AgentError;
use crate::location::Location;
use crate::profile::{ArchiveConfig, Config, DestinationConfig, DestinationName, Profile};

/// A destination that can be reached.
pub(crate) struct Reached {
    /// Its id.
    pub(crate) id: DestinationId,
    /// Its name.
    pub(crate) name: String,
    /// Its objects.
    pub(crate) store: Arc<dyn Store>,
}

/// A destination that cannot be reached.
#[derive(Debug)]
pub struct Unreached {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: AgentError,
}

/// What trying a destination out has shown.
#[derive(Debug)]
pub struct Tested {
    /// What the destination does.
    pub capabilities: Capabilities,
    /// The archives that it holds.
    pub archives: Vec<ArchiveId>,
}

/// Adds a destination after trying it out; the default archive goes there from now on.
pub fn add(
    profile: &Profile,
    name: DestinationName,
    url: &str,
    current: &Path,
    random: &dyn RandomSource,
) -> Result<Capabilities, AgentError> {
    let _lock = profile.lock()?;
    let mut config = profile.config()?;
    if let Some(there) = config.destination(name.as_str()) {
        return Err(exists(there));
    }
    let location = Location::parse(url, current)?;
    let capabilities = fit(name.as_str(), &*location.create()?, random)?;
    insert(&mut config, name, &location, true, random)?;
    profile.save_config(&config)?;
    Ok(capabilities)
}

/// Adds a destination to settings that are not stored yet, and returns its id.
pub(crate) fn insert(
    config: &mut Config,
    name: DestinationName,
    location: &Location,
    default: bool,
    random: &dyn RandomSource,
) -> Result<DestinationId, AgentError> {
    let url = location.to_url()?;
    if let Some(there) = config.destinations.iter().find(|there| there.url == url) {
        return Err(exists(there));
    }
    let id = DestinationId::random(random);
    config.destinations.push(DestinationConfig {
        name,
        id,
        url,
        default,
    });
    if default {
        let defaults = config.archives.iter_mut().filter(|archive| archive.default);
        defaults.for_each(|archive| archive.destinations.push(id));
    }
    Ok(id)
}

fn exists(there: &DestinationConfig) -> AgentError {
    AgentError::DestinationExists {
        name: there.name.to_string(),
        url: there.url.clone(),
    }
}

/// Tries a destination out, and refuses one on which archives would not be safe.
pub(crate) fn fit(
    name: &str,
    store: &dyn Store,
    random: &dyn RandomSource,
) -> Result<Capabilities, AgentError> {
    let found = probe(store, random)?;
    let unfit = |why| AgentError::Unfit {
        name: name.to_owned(),
        why,
    };
    if !found.exclusive_create {
        return Err(unfit("of two writers of one object, both succeed"));
    }
    if !found.reads_back {
        return Err(unfit("objects do not come back as they were stored"));
    }
    if !found.lists {
        return Err(unfit("it does not list its objects"));
    }
    Ok(found)
}

/// Forgets a destination. What it holds stays there.
pub fn remove(profile: &Profile, name: &str) -> Result<DestinationConfig, AgentError> {
    let _lock = profile.lock()?;
    let mut config = profile.config()?;
    let removed = named(&config, name)?.clone();
    config.destinations.retain(|there| there.id != removed.id);
    for archive in &mut config.archives {
        archive.destinations.retain(|id| *id != removed.id);
    }
    profile.save_config(&config)?;
    Ok(removed)
}

/// Tries a destination out.
pub fn test(
    profile: &Profile,
    name: &str,
    random: &dyn RandomSource,
) -> Result<Tested, AgentError> {
    let config = profile.config()?;
    let store = open(named(&config, name)?)?;
    Ok(Tested {
        capabilities: probe(&*store, random)?,
        archives: Replica::discover(&*store)?,
    })
}

/// Returns the destination with this name.
pub(crate) fn named<'a>(
    config: &'a Config,
    name: &str,
) -> Result<&'a DestinationConfig, AgentError> {
    config
        .destination(name)
        .ok_or_else(|| AgentError::NoSuchDestination {
            name: name.to_owned(),
        })
}

/// Divides the destinations of an archive into those that can be reached and the others.
pub(crate) fn reach(config: &Config, archive: &ArchiveConfig) -> (Vec<Reached>, Vec<Unreached>) {
    let (mut reached, mut unreached) = (Vec::new(), Vec::new());
    let destinations = archive.destinations.iter();
    for destination in destinations.filter_map(|id| config.destination_by_id(*id)) {
        let name = destination.name.to_string();
        match open(destination) {
            Ok(store) => reached.push(Reached {
                id: destination.id,
                name,
                store,
            }),
            Err(reason) => unreached.push(Unreached { name, reason }),
        }
    }
    (reached, unreached)
}

fn open(destination: &DestinationConfig) -> Result<Arc<dyn Store>, AgentError> {
    let location = Location::parse(&destination.url, Path::new("/"))?;
    Ok(location.open()?)
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SystemRandom;
    use strongroom_crypto::suite::Suite;

    use super::*;

    #[test]
    fn a_destination_is_added_tried_out_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let add = |name: &str, url: &str| {
            add(
                &profile,
                name.parse().unwrap(),
                url,
                folder.path(),
                &SystemRandom,
            )
        };
        add("one", "disk").unwrap();
        assert!(matches!(
            add("one", "other"),
            Err(AgentError::DestinationExists { .. })
        ));
        assert!(matches!(
            add("two", "./disk/"),
            Err(AgentError::DestinationExists { .. })
        ));
        let tested = test(&profile, "one", &SystemRandom).unwrap();
        assert!(tested.capabilities.deletes && tested.archives.is_empty());
        let url = remove(&profile, "one").unwrap().url;
        assert!(Path::new(&url).is_dir());
        assert!(matches!(
            remove(&profile, "one"),
            Err(AgentError::NoSuchDestination { .. })
        ));
    }
}
