//! Renames a group.

use strongroom_api::v1;
use strongroom_db::groups;
use strongroom_domain::name::GroupName;

use super::shown;
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault};

/// Gives the group of the path another name.
pub async fn rename(deed: &mut Deed, request: v1::NewGroup) -> Result<v1::Group, Fault> {
    let mut group = deed.group()?;
    let name = named("name", &request.name, GroupName::new)?;
    let was = group.group.name.clone();
    let of = group.group.organisation;
    if was != name && groups::is_taken(&deed.writing, of, &name).await? {
        return Err(Fault::refused(format!("there is a group `{name}` already")));
    }
    group.group.name = name;
    let stored = groups::store(&deed.writing, &group).await?;
    let event = Event::of_group("group.renamed", &stored).changed(
        "name",
        was.as_str(),
        stored.group.name.as_str(),
    );
    deed.record(event).await?;
    Ok(shown(&stored))
}
