//! What the service watches, and what it learns from that.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_engine::backup::{Excludes, Hints};
use strongroom_store::bounded::within;
use strongroom_watch::{Changes, Health, Place, Reason, Settings, Source, Why};

use super::status::SourceStatus;
use super::{Service, ServiceRequest, seconds_of};
use crate::backup::{CALL_BOUND, never_entered};
use crate::profile::Profile;
use crate::{AgentError, Tools};

/// Returns what the watcher watches: what a backup enters, and nothing else.
pub(super) fn settings(
    profile: &Profile,
    request: &ServiceRequest<'_>,
    roots: &[PathBuf],
    tools: &Tools<'_>,
) -> Result<Settings, AgentError> {
    let excludes = Excludes::new(request.backup.excludes.iter().map(String::as_str))?;
    let never: Vec<PathBuf> = never_entered(profile, &profile.config()?)
        .into_iter()
        .map(resolved_soon)
        .collect();
    let resolved_roots: Vec<PathBuf> = roots.iter().cloned().map(resolved).collect();
    let mut settings = Settings::new(roots.to_vec(), Arc::clone(&tools.clock));
    settings.choice = request.choice;
    let roots = roots.to_vec();
    settings.wants = Arc::new(move |place: &Place| {
        let path = path_of(&roots, place);
        let name = Path::new(path.file_name().unwrap_or_default());
        let is_never = never.contains(&path_of(&resolved_roots, place));
        place.is_root() || !(is_never || excludes.matches(&path, name))
    });
    Ok(settings)
}

/// Follows symbolic links, where the path is there.
fn resolved(path: PathBuf) -> PathBuf {
    path.canonicalize().unwrap_or(path)
}

/// As [`resolved`], where nobody waits for a folder that hangs.
fn resolved_soon(path: PathBuf) -> PathBuf {
    let asked = path.clone();
    within(CALL_BOUND, move || resolved(asked)).unwrap_or(path)
}

pub(super) fn path_of(roots: &[PathBuf], place: &Place) -> PathBuf {
    let root = roots
        .get(place.root())
        .map_or(Path::new("/"), PathBuf::as_path);
    if place.is_root() {
        return root.to_owned();
    }
    root.join(place.path())
}

impl Service<'_> {
    /// Says whether the watcher has ended, and will never tell of anything again.
    pub(super) fn is_deaf(&self) -> bool {
        let sources = self.watcher.sources();
        let has_ended = |source: &Source| source.health.why() == Some(&Reason::Ended);
        sources.iter().any(has_ended)
    }

    /// Returns the roots that are there. One that is blind is left alone: what an unmounted disk had is not gone.
    pub(super) fn roots_in_sight(&self) -> Vec<PathBuf> {
        let sources = self.watcher.sources();
        let is_blind = |root: usize| {
            let mut of_root = sources
                .iter()
                .filter(|source| source.place == Place::of_root(root));
            of_root.any(|source| matches!(source.health, Health::BlindSince { .. }))
        };
        let roots = self.roots.iter().enumerate();
        let seen = roots.filter(|(number, _)| !is_blind(*number));
        seen.map(|(_, root)| root.clone()).collect()
    }

    /// Takes in what may have changed.
    pub(super) fn note(&mut self, changes: &Changes) {
        if changes.is_empty() {
            return;
        }
        let mut hints = Hints::default();
        let bytes = |path: PathBuf| path.as_os_str().as_bytes().to_vec();
        for place in &changes.directories {
            hints.directory(bytes(path_of(&self.roots, place)));
        }
        let now = self.now();
        for tree in &changes.trees {
            if tree.why == Why::Started {
                self.pending.note_all(now);
            }
            hints.subtree(bytes(path_of(&self.roots, &tree.place)));
        }
        if !hints.is_empty() {
            self.pending.note(hints, now);
        }
        self.tell_sources();
    }

    pub(super) fn tell_sources(&self) {
        let sources = self.watcher.sources().iter().map(source_status).collect();
        let mut status = self.shared.status();
        status.sources = sources;
        status.waiting = self.pending.len() as u64;
    }
}

fn source_status(source: &Source) -> SourceStatus {
    let (health, since) = match &source.health {
        Health::Live => ("live", None),
        Health::CatchingUp => ("catching-up", None),
        Health::Degraded { .. } => ("degraded", None),
        Health::BlindSince { time, .. } => ("blind", Some(seconds_of(*time))),
    };
    let why = source.health.why().or(source.passed_over.as_ref());
    SourceStatus {
        path: source.path.display().to_string(),
        mechanism: source.mechanism.map(|mechanism| mechanism.to_string()),
        health: health.to_owned(),
        why: why.map(ToString::to_string),
        blind_since: since,
    }
}
