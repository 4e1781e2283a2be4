//! Repairing an archive, and acknowledging what is lost.

use strongroom_base::ids::ArchiveId;
use strongroom_base::object::ObjectRef;
use strongroom_engine::repair::{self as engine, Loss, Repaired};
use strongroom_engine::verify::missing;

use crate::AgentError;
use crate::access::Opened;
use crate::backup::Tools;
use crate::profile::Profile;
use crate::writing::Writing;

/// Makes lost index runs anew, and lets what no destination has whole be stored again by the next backup.
pub fn repair(
    profile: &Profile,
    asked: Option<ArchiveId>,
    read_data: bool,
    tools: &Tools<'_>,
) -> Result<Repaired, AgentError> {
    let writing = Writing::begin(profile, asked, tools)?;
    let mut writer = writing.writer()?;
    Ok(engine::repair(
        &mut writer,
        read_data,
        tools.progress,
        tools.stop,
    )?)
}

/// What is lost and not acknowledged.
#[derive(Debug)]
pub struct Losses {
    /// The objects.
    pub objects: Vec<Loss>,
    /// Paths in snapshots that miss something, and what.
    pub paths: Vec<(String, String)>,
}

/// Lists what is lost.
pub fn losses(opened: &Opened, tools: &Tools<'_>) -> Result<Losses, AgentError> {
    let objects = engine::losses(&opened.archive)?;
    let paths = if objects.is_empty() {
        Vec::new()
    } else {
        missing(&opened.archive, tools.stop)?
    };
    Ok(Losses { objects, paths })
}

/// Records that the loss of objects is accepted.
pub fn acknowledge_loss(
    profile: &Profile,
    asked: Option<ArchiveId>,
    objects: &[ObjectRef],
    tools: &Tools<'_>,
) -> Result<(), AgentError> {
    let writing = Writing::begin(profile, asked, tools)?;
    engine::acknowledge(&mut writing.writer()?, objects)?;
    Ok(())
}
