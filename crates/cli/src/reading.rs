//! Options of all commands that read an archive, and the archive that they open.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use strongroom_base::with_causes;

use clap::Args;
use strongroom_agent::access::{self, Credential, Opened};
use strongroom_agent::look::{self, SnapshotName};
use strongroom_agent::profile::{Profile, read_exported_key};
use strongroom_agent::{AgentError, Log, ReadError, SnapshotInfo};
use strongroom_base::ids::ArchiveId;

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::{hint, secrets};

/// What a damaged history means.
const HISTORY_DAMAGED: &str =
    "the history is damaged: snapshots may be missing here, the newest among them";

/// Where to read, and what opens it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Source {
    /// Read from this destination: a name or a URL. Without a profile, give a key too
    #[arg(long, value_name = "NAME|URL", help_heading = "Source")]
    from: Option<String>,
    /// Read this archive, where there are several
    #[arg(long, value_name = "ID", help_heading = "Source")]
    archive: Option<ArchiveId>,
    /// Open the archive with the exported key in this file
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "private_password_file",
        help_heading = "Source"
    )]
    key_file: Option<PathBuf>,
    /// Open the archive with the private password in this file; - is the standard input
    #[arg(long, value_name = "FILE", help_heading = "Source")]
    private_password_file: Option<PathBuf>,
}

impl Source {
    /// Opens the archive, and warns of what is damaged or cannot be reached.
    pub(crate) fn open(&self, context: &Context<'_>) -> Result<Opened, Failure> {
        let credential = self.credential()?;
        let profile = context.profile_if_any()?;
        let opened = match &self.from {
            None => {
                let profile = context.profile()?;
                access::from_profile(&profile, self.archive, credential.as_ref())?
            }
            Some(from) => {
                let current = context.environment.current();
                let location = access::locate(profile.as_ref(), from, current)?;
                let credential = credential.map_or_else(|| fallback(profile.as_ref()), Ok)?;
                access::from_location(&location, self.archive, &credential)?
            }
        };
        context.output.detail(&format!(
            "reading archive {} at {}",
            opened.archive.id(),
            opened.destinations.join(", ")
        ));
        for there in &opened.unreached {
            let reason = with_causes(&there.reason);
            context
                .output
                .warning(&there.name, &format!("cannot be reached: {reason}"));
        }
        if let Some(lost) = &opened.lost {
            context.output.warning_of("", lost);
            context.output.note(&format!("hint: {}", hint::STATE));
        }
        for problem in &opened.problems {
            context.output.warning_of("", problem);
        }
        Ok(opened)
    }

    /// Says whether a destination was named to read from, in place of the profile.
    pub(crate) fn is_named(&self) -> bool {
        self.from.is_some()
    }

    /// Returns the folder that is read from, where one was named.
    pub(crate) fn folder(&self, context: &Context<'_>) -> Result<Option<PathBuf>, Failure> {
        let Some(from) = &self.from else {
            return Ok(None);
        };
        let profile = context.profile_if_any()?;
        let location = access::locate(profile.as_ref(), from, context.environment.current())?;
        Ok(location.folder().map(std::path::Path::to_owned))
    }

    fn credential(&self) -> Result<Option<Credential>, Failure> {
        if let Some(file) = &self.key_file {
            return Ok(Some(Credential::Key(read_exported_key(file)?)));
        }
        let Some(file) = &self.private_password_file else {
            return Ok(None);
        };
        let password = secrets::password_to_open(Some(file))?;
        Ok(Some(Credential::Password(password)))
    }
}

/// Returns what opens an archive where nothing was given: the key of the profile, else a password that is
/// asked for.
fn fallback(profile: Option<&Profile>) -> Result<Credential, Failure> {
    if let Some(profile) = profile
        && let Some(key) = profile.custody_key()?
    {
        return Ok(Credential::Key(key));
    }
    if secrets::can_ask() {
        return Ok(Credential::Password(secrets::password_to_open(None)?));
    }
    Err(AgentError::NoCredential.into())
}

/// An archive that is open, with its snapshots.
#[expect(
    clippy::struct_field_names,
    reason = "the snapshots of the chain are the snapshots"
)]
pub(crate) struct Snapshots {
    pub(crate) opened: Opened,
    pub(crate) snapshots: Vec<SnapshotInfo>,
    /// Snapshots of a writer that was replaced, after its successor had begun.
    pub(crate) branches: Vec<SnapshotInfo>,
    /// The history.
    pub(crate) log: Log,
    /// Whether records cannot be read anywhere, so that snapshots may be missing here.
    is_damaged: bool,
    /// Whether something of a snapshot could not be read.
    has_lost: Cell<bool>,
}

impl Snapshots {
    /// Opens an archive and reads its log, and warns of what is damaged there.
    pub(crate) fn open(source: &Source, context: &Context<'_>) -> Result<Self, Failure> {
        let mut opened = source.open(context)?;
        let (snapshots, log, problems) = opened.archive.snapshots().map_err(AgentError::from)?;
        let told: BTreeSet<String> = opened
            .problems
            .iter()
            .map(|problem| with_causes(problem))
            .collect();
        let (bodies, records) = (
            problems.iter().map(|problem| with_causes(problem)),
            log.problems.iter().map(|problem| with_causes(problem)),
        );
        let missing: BTreeSet<String> = bodies.chain(records).collect();
        for problem in missing.difference(&told) {
            context.output.warning("", problem);
        }
        let newer = opened.newer();
        if !missing.is_empty() {
            context.output.warning("", HISTORY_DAMAGED);
        } else if let Some(newer) = newer {
            let text = format!(
                "record {newer} is newer than all that could be read: the latest snapshot here may not be the latest"
            );
            context.output.warning("", &text);
        }
        let branch = opened.archive.branches().map_err(AgentError::from)?;
        if !branch.snapshots.is_empty() {
            let mut problems = Vec::new();
            opened.archive = opened.archive.with_more_runs(&branch.runs, &mut problems);
        }
        Ok(Self {
            opened,
            snapshots,
            branches: branch.snapshots,
            log,
            has_lost: Cell::new(false),
            is_damaged: !missing.is_empty() || newer.is_some(),
        })
    }

    /// Warns of something in a snapshot that cannot be read: the command goes on, and its outcome is damage.
    pub(crate) fn lost(&self, context: &Context<'_>, subject: &str, error: &ReadError) {
        self.has_lost.set(true);
        context.output.warning_of(subject, error);
    }

    /// Says whether something of a snapshot could not be read.
    pub(crate) fn has_lost(&self) -> bool {
        self.has_lost.get()
    }

    /// Returns how a command ends that did all it could with the snapshots of these names, or with all of them
    /// where none is named: where the history is damaged nobody knows whether the newest here is the newest.
    pub(crate) fn outcome(&self, names: &[&SnapshotName]) -> Outcome {
        let is_exact = |name: &&SnapshotName| matches!(name, SnapshotName::Prefix(_));
        if self.has_lost.get()
            || self.is_damaged && (names.is_empty() || !names.iter().all(is_exact))
        {
            return Outcome::Damage;
        }
        Outcome::Done
    }

    /// Returns the snapshot with a name.
    pub(crate) fn select(&self, name: &SnapshotName) -> Result<&SnapshotInfo, Failure> {
        match look::select(&self.snapshots, name) {
            Err(AgentError::NoSnapshot) if self.is_damaged && self.branches.is_empty() => {
                Err(AgentError::HistoryDamaged.into())
            }
            Err(AgentError::NoSuchSnapshot { .. } | AgentError::NoSnapshot)
                if matches!(name, SnapshotName::Prefix(_)) && !self.branches.is_empty() =>
            {
                Ok(look::select(&self.branches, name)?)
            }
            found => Ok(found?),
        }
    }
}
