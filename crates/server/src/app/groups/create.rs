//! Makes a group.

use strongroom_api::v1;
use strongroom_base::ids::GroupId;
use strongroom_db::groups::{self, Stored};
use strongroom_domain::group::Group;
use strongroom_domain::name::GroupName;

use super::shown;
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault};

/// Makes a group of the organisation of the path.
pub async fn create(deed: &mut Deed, request: v1::NewGroup) -> Result<v1::Group, Fault> {
    let organisation = deed.organisation()?.id;
    let name = named("name", &request.name, GroupName::new)?;
    if groups::is_taken(&deed.writing, organisation, &name).await? {
        return Err(Fault::refused(format!("there is a group `{name}` already")));
    }
    let stored = Stored {
        group: Group {
            id: GroupId::random(&*deed.app.random),
            organisation,
            name,
        },
        made: deed.now,
        version: 1,
    };
    groups::add(&deed.writing, &stored).await?;
    deed.record(Event::of_group("group.created", &stored))
        .await?;
    Ok(shown(&stored))
}
