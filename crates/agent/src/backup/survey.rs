//! What a backup would read.

use std::path::PathBuf;

use strongroom_catalogue::Catalogue;
use strongroom_engine::EngineError;
use strongroom_engine::backup::{BackupOptions, Excludes, Survey};

use super::{BackupRequest, Tools, destination_folders, outermost, roots};
use crate::location::Location;
use crate::profile::{ArchiveConfig, Config, Profile};
use crate::{AgentError, destinations};

/// Says what a backup would read; writes nothing. `profile` is `None` where there is none yet.
pub fn survey(
    profile: Option<&Profile>,
    request: &BackupRequest<'_>,
    tools: &Tools<'_>,
) -> Result<Survey, AgentError> {
    let (mut never, mut destinations) = (Vec::new(), Vec::new());
    if let Some(profile) = profile {
        let config = profile.config()?;
        roots::refuse_unfit(profile, &config, &request.paths)?;
        never.push(profile.dir().to_owned());
        destinations = destination_folders(&config);
    }
    roots::tell_of_hopeless(request.excludes, tools.monitor);
    let (paths, missing) = roots::open_ones(&request.paths, tools.monitor)?;
    let options = BackupOptions {
        roots: outermost(&paths),
        named: roots::below_others(&request.paths),
        never,
        destinations,
        excludes: Excludes::new(request.excludes.iter().map(String::as_str))?,
        one_file_system: request.one_file_system,
        ..BackupOptions::default()
    };
    let known = profile
        .map(|profile| catalogue_of(profile, request))
        .transpose()?
        .flatten();
    let empty = tempfile::tempdir().map_err(|source| AgentError::Temporary { source })?;
    let catalogue = match known.and_then(|folder| Catalogue::open_existing(&folder)) {
        Some(catalogue) => catalogue,
        None => Catalogue::open(&empty.path().join("catalogue")).map_err(EngineError::from)?,
    };
    let (monitor, progress, stop) = (tools.monitor, tools.progress, tools.stop);
    let mut found = strongroom_engine::backup::survey(
        &catalogue,
        &options,
        &*tools.clock,
        monitor,
        progress,
        stop,
    )?;
    found.failed += missing.len() as u64;
    Ok(found)
}

/// Returns the catalogue of the archive that a backup would go to, where there is one.
fn catalogue_of(
    profile: &Profile,
    request: &BackupRequest<'_>,
) -> Result<Option<PathBuf>, AgentError> {
    known_archive(&profile.config()?, request)
        .map(|archive| profile.catalogue_dir(archive.id))
        .transpose()
}

/// Returns the archive that a backup would go to, where there is one.
pub(crate) fn known_archive<'c>(
    config: &'c Config,
    request: &BackupRequest<'_>,
) -> Option<&'c ArchiveConfig> {
    let mut wanted = Vec::new();
    for text in request.to {
        let named = config.destination(text).or_else(|| {
            let location = Location::parse(text, request.current).ok()?;
            destinations::at(config, &location)
        });
        wanted.push(named?.id);
    }
    wanted.sort_unstable();
    wanted.dedup();
    config.archives.iter().find(|archive| {
        let mut has = archive.destinations.clone();
        has.sort_unstable();
        if wanted.is_empty() {
            archive.default
        } else {
            has == wanted
        }
    })
}
