//! `strongroom mount`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use strongroom_agent::AgentError;
use strongroom_agent::look::{self, SnapshotName};
use strongroom_agent::mount::{Access, MountOptions, Mounted, Unmounted, mount};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::reading::Source;

/// How long it takes at most until a signal or somebody else's unmounting is noticed.
const NOTICED_WITHIN: Duration = Duration::from_millis(200);

/// Arguments of `mount`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// An empty folder
    dir: PathBuf,
    /// Show this snapshot alone: `latest`, or its first digits
    #[arg(long, value_name = "SNAPSHOT")]
    snapshot: Option<SnapshotName>,
    /// Let other users look too, each as far as the permissions of what was backed up say; those of the folders
    /// above it are not known, and keep nobody out
    #[arg(long)]
    allow_other: bool,
    #[command(flatten)]
    source: Source,
}

pub(crate) fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Failure> {
    let opened = arguments.source.open(context)?;
    let id = opened.archive.id();
    let mut snapshot = None;
    if let Some(name) = &arguments.snapshot {
        let (snapshots, ..) = opened.archive.snapshots().map_err(AgentError::from)?;
        snapshot = Some(look::select(&snapshots, name)?.hash);
    }
    let access = if arguments.allow_other {
        Access::Others
    } else {
        Access::Mounter
    };
    let options = MountOptions { access, snapshot };
    let dir = context.environment.absolute(&arguments.dir);
    let mounted = mount(opened.archive, &dir, &options).map_err(AgentError::from)?;
    let shown = mounted.path().display().to_string();
    if context.output.is_json() {
        let object = json!({ "mounted": shown, "archive": id.to_string() });
        context.output.object(&object)?;
    } else {
        context.output.line(&format!("mounted at {shown}"))?;
        context.output.note(&format!(
            "end it with Ctrl-C, or with `fusermount3 -u {shown}`"
        ));
    }
    context.output.flush()?;
    serve(context, &mounted);
    let is_over = mounted.is_over();
    let unmounted = mounted.unmount().map_err(AgentError::from)?;
    if context.output.is_json() {
        let in_use = unmounted == Unmounted::InUse;
        let object = json!({ "unmounted": shown, "in_use": in_use });
        context.output.object(&object)?;
    } else if unmounted == Unmounted::InUse {
        context
            .output
            .warning(&shown, "was in use, and is unmounted all the same");
    } else if !is_over {
        context.output.note(&format!("unmounted {shown}"));
    }
    Ok(Outcome::Done)
}

/// Shows what cannot be read, until somebody asks to stop or has unmounted it.
fn serve(context: &Context<'_>, mounted: &Mounted) {
    while !context.stop.is_requested() && !mounted.is_over() {
        if let Some(problem) = mounted.wait_for_problem(NOTICED_WITHIN) {
            let subject = context.output.shown(&problem.subject);
            let subject = String::from_utf8_lossy(&subject);
            context.output.warning(&subject, &problem.message);
        }
    }
}
