//! Grants: who holds which role or add-on.

mod give;
mod take;

use strongroom_api::v1;
use strongroom_base::ids::OrganisationId;
use strongroom_db::grants;
use strongroom_domain::access::Grant;

use super::words::parse_optional;
use super::{Fault, View};

pub use give::give;
pub use take::take;

/// Returns what the user of the path holds.
pub async fn list(view: &View) -> Result<v1::Page<v1::Grant>, Fault> {
    let user = view.user()?.account.user;
    let held = grants::of(&view.reading, user).await?;
    Ok(v1::Page {
        items: held.into_iter().map(shown).collect(),
        next: None,
    })
}

pub(super) fn shown(grant: Grant) -> v1::Grant {
    v1::Grant {
        role: grant.name().to_owned(),
        organisation: grant.organisation().map(|id| id.to_string()),
    }
}

fn taken(request: &v1::Grant) -> Result<Grant, Fault> {
    let organisation: Option<OrganisationId> =
        parse_optional("organisation", request.organisation.as_deref())?;
    Grant::from_parts(&request.role, organisation).map_err(|error| Fault::invalid("role", error))
}
