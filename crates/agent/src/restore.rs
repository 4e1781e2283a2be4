//! Restoring, with an archive that is open.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use strongroom_base::ids::ArchiveId;
use strongroom_engine::restore::{
    self as engine, Conflict, Keep, RestoreOptions, RestorePlace, RestoreSummary,
};
use strongroom_engine::{Monitor, Progress, Stop};
use strongroom_format::body::Snapshot;
use strongroom_read::Archive;

use crate::AgentError;
use crate::location::Location;
use crate::profile::Profile;

/// What is to be restored.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// Absolute paths as they were on the computer; none for everything.
    pub paths: Vec<PathBuf>,
    /// The folder to restore to; none for where the files were.
    pub to: Option<PathBuf>,
    /// What becomes of what is in the way.
    pub on_conflict: Conflict,
    /// Whether what is not in the snapshot is deleted from the restored folders, and what is kept then.
    pub delete: Option<Keep>,
    /// Folders that nothing is restored into.
    pub closed: Vec<PathBuf>,
    /// Archives that nothing is restored into, wherever their folders are.
    pub closed_archives: Vec<ArchiveId>,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Whether everything is read again and compared.
    pub verify: bool,
}

/// Returns the folders that a restore never deletes anything from: the profile with its keys, and the destinations.
pub fn never_deleted(profile: &Profile) -> Result<Vec<PathBuf>, AgentError> {
    let mut folders = vec![profile.dir().to_owned()];
    for there in &profile.config()?.destinations {
        let location = Location::parse(&there.url, Path::new("/"))?;
        folders.extend(location.folder().map(Path::to_owned));
    }
    Ok(folders)
}

/// Restores files of a snapshot.
pub fn restore(
    archive: &Archive,
    snapshot: &Snapshot,
    request: RestoreRequest,
    monitor: &dyn Monitor,
    progress: &Progress,
    stop: &Stop,
) -> Result<RestoreSummary, AgentError> {
    let bytes = |path: &PathBuf| path.as_os_str().as_bytes().to_vec();
    let options = RestoreOptions {
        paths: request.paths.iter().map(bytes).collect(),
        place: request
            .to
            .map_or(RestorePlace::Original, RestorePlace::Folder),
        on_conflict: request.on_conflict,
        delete: request.delete,
        closed: request.closed,
        closed_archives: request.closed_archives,
        dry_run: request.dry_run,
        verify: request.verify,
    };
    Ok(engine::restore(
        archive, snapshot, &options, monitor, progress, stop,
    )?)
}
