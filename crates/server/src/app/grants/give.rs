//! Gives a role or add-on.

use strongroom_api::v1;
use strongroom_db::grants;
use strongroom_domain::access::{GrantRefusal, Subject, may_give};

use super::{shown, taken};
use crate::app::audit::Event;
use crate::app::{Deed, Fault};

/// Gives the user of the path a role or add-on.
pub async fn give(deed: &mut Deed, request: v1::Grant) -> Result<v1::Grant, Fault> {
    let user = deed.user()?;
    let id = user.account.user;
    let grant = taken(&request)?;
    if let Some(organisation) = grant.organisation()
        && deed.tree.parent(organisation).is_none()
    {
        return Err(no_such_organisation());
    }
    let held = grants::of(&deed.writing, id).await?;
    let subject = Subject {
        user: id,
        organisation: user.organisation,
        grants: &held,
        computer: None,
    };
    let given = may_give(deed.tree.forest(), &deed.caller.actor(), &subject, grant);
    let given = given.map_err(refused)?;
    grants::add(&deed.writing, id, grant, deed.now).await?;
    let event = Event::of_user("grant.given", &user)
        .with("role", grant.name())
        .with("organisation", shown(grant).organisation)
        .with("privileged", given.tells_sysadmins);
    deed.record(event).await?;
    Ok(shown(grant))
}

fn no_such_organisation() -> Fault {
    Fault::invalid("organisation", "there is no such organisation")
}

/// A rule about the actor is a denial; one about how things stand is a refusal.
pub(super) fn refused(refusal: GrantRefusal) -> Fault {
    match refusal {
        GrantRefusal::Denied(denial) => Fault::from(denial),
        other => Fault::refused(other),
    }
}
