//! Stops organisations, and takes them up again.

use strongroom_api::v1;
use strongroom_db::{links, organisations, sessions, tokens, users};
use strongroom_domain::access::{Removal, SysadminRemains};
use strongroom_domain::organisation::{Organisation as State, OrganisationChange};

use super::shown;
use crate::app::audit::Event;
use crate::app::words::confirmed;
use crate::app::{Deed, Fault, sysadmins};

/// How an organisation is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Its users are as if inactive.
    Deactivate,
    /// Its users are as if blocked.
    Block,
}

/// Stops the organisation of the path, and all below it: everybody there is signed out.
pub async fn stop(
    deed: &mut Deed,
    stop: Stop,
    request: v1::Confirmation,
) -> Result<v1::Organisation, Fault> {
    let organisation = deed.organisation()?;
    confirmed(organisation.name.as_str(), &request.confirm)?;
    let mut who = sysadmins::who_can_sign_in(&deed.writing, &deed.tree).await?;
    let remains: SysadminRemains = who
        .remove(Removal::Organisation(organisation.id))
        .map_err(Fault::refused)?;
    let (change, name) = match stop {
        Stop::Deactivate => (
            OrganisationChange::Deactivate(remains),
            "organisation.deactivated",
        ),
        Stop::Block => (OrganisationChange::Block(remains), "organisation.blocked"),
    };
    let answer = change_state(deed, &change, name).await?;
    for user in users::ids_in(&deed.writing, &deed.tree.within(organisation.id)).await? {
        sessions::end_all(&deed.writing, user, None, deed.now).await?;
        tokens::revoke_all(&deed.writing, user, deed.now).await?;
        links::void_all(&deed.writing, user, deed.now).await?;
    }
    Ok(answer)
}

/// Takes the organisation of the path up again, with the accounts that were active.
pub async fn reactivate(deed: &mut Deed) -> Result<v1::Organisation, Fault> {
    change_state(
        deed,
        &OrganisationChange::Reactivate,
        "organisation.reactivated",
    )
    .await
}

async fn change_state(
    deed: &mut Deed,
    change: &OrganisationChange,
    name: &'static str,
) -> Result<v1::Organisation, Fault> {
    let mut organisation = deed.organisation()?;
    let was = shown(&organisation, &deed.tree).state;
    let state = State {
        id: organisation.id,
        state: organisation.state,
    };
    let changed = state.change(change, deed.permit()?, deed.now);
    organisation.state = changed.map_err(Fault::refused)?.state;
    let stored = organisations::store(&deed.writing, &organisation).await?;
    let answer = shown(&stored, &deed.tree);
    let text = |state| serde_json::to_value(state).unwrap_or_default();
    let event =
        Event::of_organisation(name, &stored).changed("state", text(was), text(answer.state));
    deed.record(event).await?;
    Ok(answer)
}
