//! What the service watches, and what it learns from that.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::with_causes;
use strongroom_engine::backup::{Excludes, Hints, openable};
use strongroom_store::bounded::within;
use strongroom_watch::{Changes, Health, Place, Reason, Settings, Source, Why};

use super::single::Singles;
use super::status::SourceStatus;
use super::{Service, ServiceRequest, seconds_of};
use crate::backup::{CALL_BOUND, never_entered};
use crate::profile::Profile;
use crate::{AgentError, Tools};

/// Returns what the watcher watches: what a backup enters, the folders of roots that are none, and nothing else.
pub(super) fn settings(
    profile: &Profile,
    request: &ServiceRequest<'_>,
    (roots, singles): (&[PathBuf], &Singles),
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
    for (number, folder) in singles.folders() {
        settings.flat.insert(number);
        settings.roots[number] = folder;
    }
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

    /// Fails where a folder has become a file or the other way round. Only what is not seen, or where something has
    /// changed, can have.
    pub(super) fn refuse_other_kinds(&mut self) -> Result<(), AgentError> {
        let is_blind = |source: &Source| matches!(source.health, Health::BlindSince { .. });
        let is_any_blind = self.watcher.sources().iter().any(is_blind);
        if !std::mem::take(&mut self.looks_at_kinds) && !is_any_blind {
            return Ok(());
        }
        match self.singles.find_other(&self.roots) {
            None => Ok(()),
            Some(root) => Err(AgentError::OtherKind {
                path: root.display().to_string(),
            }),
        }
    }

    /// Returns the roots that are there. One that is blind is left alone: what an unmounted disk had is not gone. So is one
    /// that cannot be opened: it keeps no other one from being backed up.
    pub(super) fn roots_in_sight(&mut self) -> Vec<PathBuf> {
        let sources = self.watcher.sources();
        let is_blind = |root: usize| {
            let mut of_root = sources
                .iter()
                .filter(|source| source.place == Place::of_root(root));
            of_root.any(|source| matches!(source.health, Health::BlindSince { .. }))
        };
        let roots = self.roots.iter().cloned().enumerate();
        let seen: Vec<PathBuf> = roots
            .filter(|(number, _)| !is_blind(*number))
            .map(|(_, root)| root)
            .collect();
        let now = self.tools.clock.now();
        let mut closed = Vec::new();
        for root in &seen {
            if let Err(error) = openable(root) {
                let why = with_causes(&error);
                let since = self.closed.iter().find(|known| known.path == *root);
                closed.push(ClosedRoot {
                    path: root.clone(),
                    why,
                    since: since.map_or(now, |known| known.since),
                    is_open: false,
                });
            }
        }
        self.closed = closed;
        let is_closed = |root: &PathBuf| self.closed.iter().any(|known| known.path == *root);
        seen.into_iter().filter(|root| !is_closed(root)).collect()
    }

    /// Lets everything be looked at when a root can be opened again: what changed in it before that is not known.
    pub(super) fn look_at_closed_roots(&mut self) {
        let mut is_open = false;
        for root in self.closed.iter_mut().filter(|root| !root.is_open) {
            root.is_open = openable(&root.path).is_ok();
            is_open |= root.is_open;
        }
        if is_open {
            self.pending.note_all(self.now());
        }
    }

    /// Takes in what may have changed.
    pub(super) fn note(&mut self, changes: &Changes) {
        if changes.is_empty() {
            return;
        }
        self.looks_at_kinds |= changes.health_changed;
        let mut hints = Hints::default();
        let clock = Arc::clone(&self.tools.clock);
        let mut is_news = |place: &Place| {
            let root = place.root();
            self.looks_at_kinds |= self.singles.path(root).is_some();
            self.singles.may_have_changed(root, clock.now())
        };
        let bytes = |path: PathBuf| path.as_os_str().as_bytes().to_vec();
        for place in changes.directories.iter().filter(|place| is_news(place)) {
            hints.directory(bytes(path_of(&self.roots, place)));
        }
        self.gaps.note(changes, &self.watcher.sources());
        let has_started = changes.trees.iter().any(|tree| tree.why == Why::Started);
        for tree in changes.trees.iter().filter(|tree| is_news(&tree.place)) {
            hints.subtree(bytes(path_of(&self.roots, &tree.place)));
        }
        if !hints.is_empty() {
            // What is mounted within a tree is watched for itself.
            for source in self
                .watcher
                .sources()
                .iter()
                .filter(|it| !it.place.is_root())
            {
                hints.edge(bytes(path_of(&self.roots, &source.place)));
            }
        }
        let now = self.now();
        if has_started {
            self.pending.note_all(now);
        }
        if !hints.is_empty() {
            self.pending.note(hints, now);
        }
        self.tell_sources();
    }

    pub(super) fn tell_sources(&self) {
        let status_of = |source: &Source| {
            let root = self.roots.get(source.place.root());
            let is_closed = |known: &&ClosedRoot| root == Some(&known.path);
            let mut status = source_status(source, self.closed.iter().find(is_closed));
            if let Some(single) = self.singles.path(source.place.root()) {
                status.path = single.display().to_string();
            }
            status.reconcile_scans = self.gaps.walks(&source.path);
            if source.health == Health::Live && self.gaps.is_open(&source.path) {
                "catching-up".clone_into(&mut status.health);
            }
            status
        };
        let sources = self.watcher.sources().iter().map(status_of).collect();
        let mut status = self.shared.status();
        status.take_sources(sources);
        status.waiting = self.pending.len() as u64;
    }
}

/// A root that is there and cannot be opened.
pub(super) struct ClosedRoot {
    path: PathBuf,
    why: String,
    since: Timestamp,
    /// It can be opened again; the next round will see it.
    is_open: bool,
}

fn source_status(source: &Source, closed: Option<&ClosedRoot>) -> SourceStatus {
    let (health, since) = match &source.health {
        _ if closed.is_some() => ("blind", closed.map(|root| seconds_of(root.since))),
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
        why: closed
            .map(|root| root.why.clone())
            .or_else(|| why.map(ToString::to_string)),
        blind_since: since,
        reconcile_scans: 0,
    }
}
