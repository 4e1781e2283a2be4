//! Requires a second factor of everybody in an organisation, and stops to.

use strongroom_api::v1;
use strongroom_base::clock::Timestamp;
use strongroom_db::organisations;

use super::shown;
use crate::app::audit::Event;
use crate::app::words::{confirmed, moment};
use crate::app::{Deed, Fault};

/// Requires a second factor of everybody in the organisation of the path and below: from now on whoever has none sets one
/// up before anything else, and whoever has one shows it.
pub async fn require_second_factor(
    deed: &mut Deed,
    request: v1::Confirmation,
) -> Result<v1::Organisation, Fault> {
    let organisation = deed.organisation()?;
    confirmed(organisation.name.as_str(), &request.confirm)?;
    if organisation.second_factor.is_some() {
        let detail = "the organisation requires a second factor already";
        return Err(Fault::refused(detail));
    }
    let now = deed.now;
    set(deed, Some(now), "organisation.second-factor-required").await
}

/// Takes that back. What an organisation above requires goes on to hold.
pub async fn waive_second_factor(deed: &mut Deed) -> Result<v1::Organisation, Fault> {
    if deed.organisation()?.second_factor.is_none() {
        let detail = "the organisation itself requires no second factor";
        return Err(Fault::refused(detail));
    }
    set(deed, None, "organisation.second-factor-waived").await
}

async fn set(
    deed: &mut Deed,
    since: Option<Timestamp>,
    name: &'static str,
) -> Result<v1::Organisation, Fault> {
    let mut organisation = deed.organisation()?;
    let was = organisation.second_factor.map(moment);
    organisation.second_factor = since;
    let stored = organisations::store(&deed.writing, &organisation).await?;
    let event = Event::of_organisation(name, &stored).changed(
        "second_factor_since",
        was,
        since.map(moment),
    );
    deed.record(event).await?;
    Ok(shown(&stored, &deed.tree))
}
