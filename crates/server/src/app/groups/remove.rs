//! Removes a group.

use strongroom_db::groups;

use crate::app::audit::Event;
use crate::app::{Deed, Fault};

/// Removes the group of the path. Its users stay.
pub async fn remove(deed: &mut Deed) -> Result<(), Fault> {
    let group = deed.group()?;
    let members = groups::member_count(&deed.writing, group.group.id).await?;
    groups::remove(&deed.writing, group.group.id).await?;
    let event = Event::of_group("group.removed", &group).with("members", members);
    deed.record(event).await
}
