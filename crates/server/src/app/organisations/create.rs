//! Makes organisations.

use strongroom_api::v1;
use strongroom_base::ids::OrganisationId;
use strongroom_db::organisations::{self, Organisation};
use strongroom_domain::name::OrganisationName;
use strongroom_domain::organisation::{OrganisationState, Parent};

use super::{parent_text, shown};
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault};

/// Makes an organisation with none above it.
pub async fn create_root(
    deed: &mut Deed,
    request: v1::NewOrganisation,
) -> Result<v1::Organisation, Fault> {
    create(deed, Parent::Root, request).await
}

/// Makes an organisation below the one of the path.
pub async fn create_child(
    deed: &mut Deed,
    request: v1::NewOrganisation,
) -> Result<v1::Organisation, Fault> {
    let above = deed.organisation()?.id;
    if !deed.tree.is_active(above) {
        return Err(Fault::refused("the organisation above is not active"));
    }
    create(deed, Parent::Below(above), request).await
}

async fn create(
    deed: &mut Deed,
    parent: Parent,
    request: v1::NewOrganisation,
) -> Result<v1::Organisation, Fault> {
    let name = named("name", &request.name, OrganisationName::new)?;
    if organisations::is_taken(&deed.writing, parent, &name).await? {
        return Err(Fault::refused(format!(
            "there is an organisation `{name}` there already"
        )));
    }
    let id = OrganisationId::random(&*deed.app.random);
    let mut forest = deed.tree.forest().clone();
    forest.add(id, parent).map_err(Fault::refused)?;
    let organisation = Organisation {
        id,
        parent,
        name,
        state: OrganisationState::Active,
        made: deed.now,
        version: 1,
        second_factor: None,
    };
    organisations::add(&deed.writing, &organisation).await?;
    let event = Event::of_organisation("organisation.created", &organisation)
        .with("parent", parent_text(parent));
    deed.record(event).await?;
    Ok(shown(&organisation, &deed.tree))
}
