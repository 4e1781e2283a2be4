//! Restoring and verifying, with an archive that is open.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use strongroom_engine::restore::{
    self as engine, Conflict, RestoreOptions, RestorePlace, RestoreSummary,
};
use strongroom_engine::verify::{ReadData, VerifyReport};
use strongroom_engine::{Monitor, Progress, Stop};
use strongroom_format::body::Snapshot;
use strongroom_read::{Archive, ReadError, Replicas};

use crate::AgentError;
use crate::access::Opened;

/// What is to be restored.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// Absolute paths as they were on the computer; none for everything.
    pub paths: Vec<PathBuf>,
    /// The folder to restore to; none for where the files were.
    pub to: Option<PathBuf>,
    /// What becomes of what is in the way.
    pub on_conflict: Conflict,
    /// Whether what is not in the snapshot is deleted from the restored folders.
    pub delete: bool,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Whether everything is read again and compared.
    pub verify: bool,
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
        dry_run: request.dry_run,
        verify: request.verify,
    };
    Ok(engine::restore(
        archive, snapshot, &options, monitor, progress, stop,
    )?)
}

/// What was found at one destination.
#[derive(Debug)]
pub struct Verified {
    /// Its name.
    pub destination: String,
    /// What was found; an error where nothing could be.
    pub report: Result<VerifyReport, AgentError>,
}

/// Verifies the replica at every destination of an archive, each by itself.
pub fn verify(
    opened: &Opened,
    read_data: ReadData,
    progress: &Progress,
    stop: &Stop,
) -> Result<Vec<Verified>, AgentError> {
    let mut verified = Vec::new();
    for (replica, name) in opened.archive.replicas().iter().zip(&opened.destinations) {
        let report = Replicas::new(vec![replica.clone()])
            .map_err(AgentError::from)
            .and_then(|alone| verify_one(opened, alone, read_data, progress, stop));
        if let Err(error) = &report
            && error.is_interruption()
        {
            return Err(AgentError::Interrupted);
        }
        verified.push(Verified {
            destination: name.clone(),
            report,
        });
    }
    Ok(verified)
}

fn verify_one(
    opened: &Opened,
    alone: Replicas,
    read_data: ReadData,
    progress: &Progress,
    stop: &Stop,
) -> Result<VerifyReport, AgentError> {
    let mut problems: Vec<ReadError> = Vec::new();
    let ring = opened.archive.key_ring().clone();
    let archive = Archive::with_key_ring(alone, ring, &mut problems)?;
    let verify = strongroom_engine::verify::verify;
    Ok(verify(&archive, &problems, read_data, progress, stop)?)
}
