//! Going on with an archive that another profile, or this one in another time, has written.

use std::path::Path;

use strongroom_base::ids::{ArchiveId, DestinationId};
use strongroom_base::object::RecordId;
use strongroom_engine::{DestinationReport, Writer};
use strongroom_read::{OpenKeys, ReadError, open_keys};
use strongroom_replica::Replica;

use crate::access::{Credential, choose, custody_of, locate};
use crate::backup::Tools;
use crate::memory::ProfileMemory;
use crate::profile::{ArchiveConfig, Profile};
use crate::writing::Writing;
use crate::{AgentError, archives, destinations, keys, spool, wraps};

/// What is to be adopted.
pub struct AdoptRequest<'a> {
    /// A destination that holds it: a name of the profile's, or a URL.
    pub from: &'a str,
    /// The folder that relative paths start from.
    pub current: &'a Path,
    /// The archive, where there are several.
    pub archive: Option<ArchiveId>,
    /// What opens it.
    pub credential: &'a Credential,
}

/// An archive that was adopted.
#[derive(Debug)]
pub struct Adopted {
    /// The archive.
    pub archive: ArchiveId,
    /// The first record of the new generation.
    pub head: RecordId,
    /// What became of the destinations.
    pub destinations: Vec<DestinationReport>,
    /// What is wrong with the descriptor at the destination.
    pub descriptor: Option<ReadError>,
    /// The keys objects there that cannot be read, and are newer than the one that opened.
    pub unread: Vec<ReadError>,
}

/// Makes a profile, or uses the one that is there, to write an archive from now on in place of whoever wrote
/// it before.
///
/// After a crash it is called again.
pub fn adopt(
    dir: &Path,
    request: &AdoptRequest<'_>,
    tools: &Tools<'_>,
) -> Result<Adopted, AgentError> {
    let there = Profile::open(dir)?;
    let location = locate(there.as_ref(), request.from, request.current)?;
    let store = location.open()?;
    let archive = choose(&store, request.archive, request.credential)?;
    let replica = Replica::new(store, archive);
    let opened = open_keys(&replica, |keys| custody_of(keys, request.credential))?;
    let profile = keys::import(dir, &opened.custody)?;
    settle_in(&profile, request, (&replica, &opened), tools)?;
    let (head, destinations) = finish(&profile, archive, tools)?;
    Ok(Adopted {
        archive,
        head,
        destinations,
        descriptor: opened.descriptor,
        unread: opened.unread,
    })
}

/// Makes the profile one that writes the archive.
fn settle_in(
    profile: &Profile,
    request: &AdoptRequest<'_>,
    (replica, opened): (&Replica, &OpenKeys),
    tools: &Tools<'_>,
) -> Result<(), AgentError> {
    let _lock = profile.lock()?;
    let (archive, mut config) = (replica.archive(), profile.config()?);
    let ring = &opened.ring;
    wraps::take(profile, replica, &opened.keys, ring)?;
    ProfileMemory::new(profile, archive).set_aside_damaged()?;
    // A copy of this profile may hold the old one.
    let _ = profile.renew_writer_key(archive, &*tools.random)?;
    if !config.archives.iter().any(|archive| archive.begun) {
        config.suite = ring.current().1;
        config.archives.clear();
    }
    let (from, current) = ([request.from.to_owned()], request.current);
    let ids = archives::destinations_of(&mut config, &from, current, &*tools.random)?;
    if config.archive(archive).is_none() {
        let default = !config.archives.iter().any(|archive| archive.default);
        config.archives.push(ArchiveConfig {
            id: archive,
            default,
            begun: true,
            grace: None,
            destinations: Vec::new(),
        });
    }
    if let Some(settings) = config.archive_mut(archive) {
        settings.begun = true;
        let missing = ids.iter().filter(|id| !settings.destinations.contains(id));
        let missing: Vec<_> = missing.copied().collect();
        settings.destinations.extend(missing);
    }
    profile.save_config(&config)
}

fn finish(
    profile: &Profile,
    archive: ArchiveId,
    tools: &Tools<'_>,
) -> Result<(RecordId, Vec<DestinationReport>), AgentError> {
    let writing = Writing::begin(profile, Some(archive), tools)?;
    // What the catalogue knows may be of another history.
    writing.read_all_again()?;
    let mut writer = Writer::adopt(writing.identity(), writing.destinations(), writing.memory())?;
    writer.catch_up(&mut |_| ())?;
    Ok((writer.head().id, writer.reports()))
}

/// What was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The archive.
    pub archive: ArchiveId,
    /// The record that the archive itself went back to, because no destination had its newest one.
    pub went_back_to: Option<RecordId>,
    /// The id of the destination.
    pub destination: DestinationId,
    /// The newest record now.
    pub head: RecordId,
    /// What became of the destinations.
    pub destinations: Vec<DestinationReport>,
}

/// Accepts what a destination holds, though it acknowledged more; that is recorded in the archive.
pub fn accept(
    profile: &Profile,
    name: &str,
    asked: Option<ArchiveId>,
    tools: &Tools<'_>,
) -> Result<Accepted, AgentError> {
    let writing = Writing::begin(profile, asked, tools)?;
    spool::refuse_unacknowledged(profile, writing.settings())?;
    let id = destinations::named(writing.config(), name)?.id;
    let (identity, there) = (writing.identity(), writing.destinations());
    let catalogue = writing.catalogue()?;
    // Before: who dies afterwards must not take it for what is stored.
    let read_all_again = &mut || Ok(catalogue.forget_directories()?);
    let (mut writer, went_back_to) =
        Writer::accept(identity, there, writing.memory(), id, read_all_again)?;
    writer.catch_up(&mut |_| ())?;
    Ok(Accepted {
        archive: writing.settings().id,
        went_back_to,
        destination: id,
        head: writer.head().id,
        destinations: writer.reports(),
    })
}
