//! Renames an organisation.

use strongroom_api::v1;
use strongroom_db::organisations;
use strongroom_domain::name::OrganisationName;

use super::shown;
use crate::app::audit::Event;
use crate::app::words::named;
use crate::app::{Deed, Fault};

/// Gives the organisation of the path another name.
pub async fn rename(
    deed: &mut Deed,
    request: v1::RenameOrganisation,
) -> Result<v1::Organisation, Fault> {
    let mut organisation = deed.organisation()?;
    let name = named("name", &request.name, OrganisationName::new)?;
    let was = organisation.name.clone();
    if was != name && organisations::is_taken(&deed.writing, organisation.parent, &name).await? {
        return Err(Fault::refused(format!(
            "there is an organisation `{name}` there already"
        )));
    }
    organisation.name = name;
    let stored = organisations::store(&deed.writing, &organisation).await?;
    let event = Event::of_organisation("organisation.renamed", &stored).changed(
        "name",
        was.as_str(),
        stored.name.as_str(),
    );
    deed.record(event).await?;
    Ok(shown(&stored, &deed.tree))
}
