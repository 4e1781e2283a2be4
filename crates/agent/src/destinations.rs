//! The destinations of a profile: adding, removing, trying out, reaching.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::random::RandomSource;
use strongroom_replica::Replica;
use strongroom_store::bounded::within;
use strongroom_store::probe::{Capabilities, probe};
use strongroom_store::{Store, StoreError};

use crate::AgentError;
use crate::location::{Location, Options, Overlap, Rate, Schedule, overlap};
use crate::profile::{ArchiveConfig, Config, DestinationConfig, DestinationName, Profile};
use crate::service::{Ask, ask};
use crate::storage_key::StorageKey;
use crate::taking_back::take_back;

pub use crate::removal::remove;

/// What is wrong with a server that ignores the condition of a put, and what can be done.
const IGNORES_CONDITION: &str = "of two writers of one object both succeed, because its server ignores If-None-Match; \
    with --single-writer (in the URL: single-writer=yes) it is used all the same, if this computer alone writes there: \
    of two computers, such as two copies of one profile, that write a record at the very same moment, neither would \
    notice it at this destination, but at the others, and when it looks there next";

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
    /// Who could delete what is there.
    pub owner: &'static str,
}

/// A destination to add.
#[derive(Debug)]
pub struct NewDestination<'a> {
    /// Its name.
    pub name: DestinationName,
    /// Where it is: a path or a URL.
    pub url: &'a str,
    /// How it is used, beside what the URL says.
    pub options: Options,
    /// The key of the account there; by default the one from the environment, where one is needed.
    pub key: Option<StorageKey>,
}

/// A destination that was added.
#[derive(Debug)]
pub struct Added {
    /// What the destination does.
    pub capabilities: Capabilities,
    /// The folder that was made, if it was not there.
    pub made: Option<PathBuf>,
    /// Who could delete what is there.
    pub owner: &'static str,
    /// The archives that this profile has written there, which have the destination again.
    pub taken_back: Vec<ArchiveId>,
}

/// Adds a destination after trying it out; the default archive goes there from now on.
pub fn add(
    profile: &Profile,
    new: NewDestination<'_>,
    current: &Path,
    random: &dyn RandomSource,
) -> Result<Added, AgentError> {
    let _lock = profile.lock()?;
    let mut config = profile.config()?;
    if let Some(there) = config.destination(new.name.as_str()) {
        return Err(exists(there));
    }
    let location = Location::parse(new.url, current)?
        .with_options(new.options)?
        .with_key(new.key);
    refuse_known(&config, &location)?;
    let folder = location.folder().filter(|folder| !folder.exists());
    let made = folder.map(Path::to_owned);
    let capabilities = fit(new.name.as_str(), &location, random)?;
    let id = insert(&mut config, new.name, &location, true, random)?;
    let taken_back = take_back(profile, &mut config, id, &location)?;
    profile.save_config(&config)?;
    tell_service(profile);
    Ok(Added {
        taken_back,
        capabilities,
        made,
        owner: location.owner(),
    })
}

/// How a destination is used from now on; `None` where that stays as it is, and `Some(None)` for no rule.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Another name.
    pub name: Option<DestinationName>,
    /// Most bytes per second that are stored.
    pub limit_upload: Option<Option<Rate>>,
    /// Most bytes per second that are read.
    pub limit_download: Option<Option<Rate>>,
    /// In which hours the agent uses it.
    pub schedule: Option<Option<Schedule>>,
    /// Which goes first among those far away.
    pub priority: Option<Option<u8>>,
}

/// Changes how a destination is used. The agent heeds it at once.
pub fn set(profile: &Profile, name: &str, changes: Changes) -> Result<(), AgentError> {
    let _lock = profile.lock()?;
    let mut config = profile.config()?;
    let there = named(&config, name)?;
    if let Some(new) = &changes.name
        && let Some(other) = config.destination(new.as_str())
        && other.id != there.id
    {
        return Err(exists(other));
    }
    let (id, location) = (there.id, Location::parse(&there.url, Path::new("/"))?);
    let location = location.changed(|options| {
        options.limit_upload = changes.limit_upload.unwrap_or(options.limit_upload);
        options.limit_download = changes.limit_download.unwrap_or(options.limit_download);
        options.schedule = changes.schedule.unwrap_or(options.schedule);
        options.priority = changes.priority.unwrap_or(options.priority);
    });
    let url = location.to_url()?;
    if let Some(there) = config.destinations.iter_mut().find(|there| there.id == id) {
        there.url = url;
        there.name = changes.name.unwrap_or_else(|| there.name.clone());
    }
    profile.save_config(&config)?;
    tell_service(profile);
    Ok(())
}

/// Lets the background service look at the settings at once. Where it does not answer, it sees the change by itself.
pub(crate) fn tell_service(profile: &Profile) {
    let _ = ask(profile, Ask::Settings);
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
    refuse_known(config, location)?;
    let id = DestinationId::random(random);
    if let Some(key) = location.key_to_keep() {
        config.set_storage_key(id, key)?;
    }
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

/// Returns the destination at the same place, if the settings have one.
pub(crate) fn at<'a>(config: &'a Config, location: &Location) -> Option<&'a DestinationConfig> {
    let mut destinations = config.destinations.iter();
    destinations.find(|there| {
        Location::parse(&there.url, Path::new("/")).is_ok_and(|other| {
            other.is_same_place(location) || location.overlap(&other) == Some(Overlap::Same)
        })
    })
}

/// Refuses a place that is a destination already, holds one or lies in one, under whatever name; the root of all; and what
/// lies in the profile.
pub(crate) fn refuse_known(config: &Config, location: &Location) -> Result<(), AgentError> {
    if let Some(there) = at(config, location) {
        return Err(exists(there));
    }
    let is_root = |folder: &Path| {
        folder
            .canonicalize()
            .is_ok_and(|path| path == Path::new("/"))
    };
    if location.folder().is_some_and(is_root) {
        return Err(AgentError::BadUrl {
            url: location.to_url()?,
            why: "it is the root of all files; name a folder of its own",
        });
    }
    if let (Some(folder), Some(profile)) = (location.folder(), config.profile_dir())
        && overlap(folder, profile).is_some_and(|how| how != Overlap::Around)
    {
        return Err(AgentError::DestinationInProfile {
            url: location.to_url()?,
            profile: profile.display().to_string(),
        });
    }
    for there in &config.destinations {
        let Ok(other) = Location::parse(&there.url, Path::new("/")) else {
            continue;
        };
        let how = match location.overlap(&other) {
            Some(Overlap::Inside) => "lies in",
            Some(Overlap::Around) => "holds",
            Some(Overlap::Same) | None => continue,
        };
        return Err(AgentError::NestedDestination {
            url: location.to_url()?,
            how,
            name: there.name.to_string(),
            other: there.url.clone(),
        });
    }
    Ok(())
}

fn exists(there: &DestinationConfig) -> AgentError {
    AgentError::DestinationExists {
        name: there.name.to_string(),
        url: there.url.clone(),
    }
}

/// Makes a destination if need be, tries it out, and refuses one on which archives would not be safe.
pub(crate) fn fit(
    name: &str,
    location: &Location,
    random: &dyn RandomSource,
) -> Result<Capabilities, AgentError> {
    let found = probe(&*location.create()?, random)?;
    let unfit = |why| AgentError::Unfit {
        name: name.to_owned(),
        why,
    };
    if let Some(why) = replaces(&found, location) {
        return Err(unfit(why));
    }
    if !found.reads_back {
        return Err(unfit("objects do not come back as they were stored"));
    }
    if !found.lists {
        return Err(unfit("it does not list its objects"));
    }
    Ok(found)
}

/// Says why writers would replace each other's objects there, if they would.
fn replaces(found: &Capabilities, location: &Location) -> Option<&'static str> {
    let declared = location.has_single_writer();
    match (found.exclusive_create, found.exclusive_in_process) {
        (true, _) => None,
        (false, true) if declared => None,
        (false, false) if declared => {
            Some("it replaces objects, even where one computer writes alone")
        }
        _ if location.takes_single_writer() => Some(IGNORES_CONDITION),
        _ => Some("of two writers of one object, both succeed"),
    }
}

/// Tries a destination out.
pub fn test(
    profile: &Profile,
    name: &str,
    random: &dyn RandomSource,
) -> Result<Tested, AgentError> {
    let config = profile.config()?;
    let location = located(&config, named(&config, name)?)?;
    let store = location.open()?;
    Ok(Tested {
        capabilities: probe(&*store, random)?,
        archives: Replica::discover(&*store)?,
        owner: location.owner(),
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

type Opened = Result<Arc<dyn Store>, AgentError>;

/// Divides the destinations of an archive into those that can be reached and the others.
pub(crate) fn reach(config: &Config, archive: &ArchiveConfig) -> (Vec<Reached>, Vec<Unreached>) {
    reach_by(config, archive, &Location::open)
}

/// As [`reach`], where opening one takes no longer than `bound`.
pub(crate) fn reach_within(
    config: &Config,
    archive: &ArchiveConfig,
    bound: Duration,
) -> (Vec<Reached>, Vec<Unreached>) {
    reach_by(config, archive, &|location| open_within(location, bound))
}

/// Opens a destination, and leaves it where that takes longer than `bound`.
pub(crate) fn open_within(
    location: &Location,
    bound: Duration,
) -> Result<Arc<dyn Store>, AgentError> {
    let (location, path) = (location.clone(), location.to_url()?);
    let opened = within(bound, move || location.open());
    opened.unwrap_or_else(|| {
        let source = io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
        let op = "open";
        Err(StoreError::Io { op, path, source }.into())
    })
}

fn reach_by(
    config: &Config,
    archive: &ArchiveConfig,
    open: &dyn Fn(&Location) -> Opened,
) -> (Vec<Reached>, Vec<Unreached>) {
    let (mut reached, mut unreached) = (Vec::new(), Vec::new());
    let destinations = archive.destinations.iter();
    for destination in destinations.filter_map(|id| config.destination_by_id(*id)) {
        let name = destination.name.to_string();
        match located(config, destination).and_then(|location| open(&location)) {
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

/// Returns where a destination of the settings is, with the key that opens it.
pub(crate) fn located(
    config: &Config,
    destination: &DestinationConfig,
) -> Result<Location, AgentError> {
    let location = Location::parse(&destination.url, Path::new("/"))?;
    if !location.needs_key() {
        return Ok(location);
    }
    Ok(location.with_key(config.storage_key(destination.id)?))
}

#[cfg(test)]
mod tests {
    use strongroom_crypto::random::SystemRandom;
    use strongroom_crypto::suite::Suite;

    use super::*;

    #[test]
    fn how_a_destination_is_used_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let new = NewDestination {
            name: "one".parse().unwrap(),
            url: "disk",
            options: Options::default(),
            key: None,
        };
        add(&profile, new, folder.path(), &SystemRandom).unwrap();
        let before = profile.config().unwrap();
        let changes = Changes {
            limit_upload: Some("200K".parse().ok()),
            schedule: Some("22:00-06:00".parse().ok()),
            priority: Some(Some(2)),
            ..Changes::default()
        };
        set(&profile, "one", changes).unwrap();
        let url = &profile.config().unwrap().destinations[0].url;
        assert!(
            url.ends_with("/disk?limit-upload=200K&schedule=22:00-06:00&priority=2"),
            "{url}"
        );
        let changes = Changes {
            limit_upload: Some(None),
            schedule: Some(None),
            priority: Some(None),
            ..Changes::default()
        };
        set(&profile, "one", changes.clone()).unwrap();
        assert_eq!(profile.config().unwrap(), before);
        assert!(set(&profile, "two", changes).is_err());
        let name = Some("two".parse().unwrap());
        let changes = Changes {
            name,
            ..Changes::default()
        };
        set(&profile, "one", changes).unwrap();
        let after = profile.config().unwrap();
        assert_eq!(after.destinations[0].id, before.destinations[0].id);
        assert_eq!(after.destinations[0].name.as_str(), "two");
    }

    #[test]
    fn a_destination_is_added_tried_out_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(&folder.path().join("p"), Suite::Aes256).unwrap();
        let add = |name: &str, url: &str| {
            let new = NewDestination {
                name: name.parse().unwrap(),
                url,
                options: Options::default(),
                key: None,
            };
            add(&profile, new, folder.path(), &SystemRandom)
        };
        let added = add("one", "disk").unwrap();
        assert_eq!(added.made, Some(folder.path().join("disk")));
        assert_eq!(
            std::fs::read_dir(folder.path().join("disk"))
                .unwrap()
                .count(),
            0
        );
        assert!(matches!(
            add("one", "other"),
            Err(AgentError::DestinationExists { .. })
        ));
        assert!(matches!(
            add(
                "two",
                &format!("file://{}/disk?limit-upload=1M", folder.path().display())
            ),
            Err(AgentError::DestinationExists { .. })
        ));
        assert!(matches!(
            add("two", "./disk/"),
            Err(AgentError::DestinationExists { .. })
        ));
        for inside in ["p/disk", "p", "./p/keys/"] {
            let refused = add("inside", inside);
            let is_inside = matches!(refused, Err(AgentError::DestinationInProfile { .. }));
            assert!(is_inside, "{inside}");
        }
        let tested = test(&profile, "one", &SystemRandom).unwrap();
        assert!(tested.capabilities.deletes && tested.archives.is_empty());
        let url = remove(&profile, "one", false).unwrap().url;
        assert!(Path::new(&url).is_dir());
        assert!(matches!(
            remove(&profile, "one", false),
            Err(AgentError::NoSuchDestination { .. })
        ));
    }
}
