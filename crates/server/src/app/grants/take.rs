//! Takes a role or add-on away.

use strongroom_api::v1;
use strongroom_db::grants;
use strongroom_domain::access::{Subject, may_take};

use super::give::refused;
use super::{shown, taken};
use crate::app::audit::Event;
use crate::app::{Deed, Fault, sysadmins};

/// Takes a role or add-on from the user of the path.
pub async fn take(deed: &mut Deed, request: v1::Grant) -> Result<(), Fault> {
    let user = deed.user()?;
    let id = user.account.user;
    let grant = taken(&request)?;
    let held = grants::of(&deed.writing, id).await?;
    let subject = Subject {
        user: id,
        organisation: user.organisation,
        grants: &held,
        computer: None,
    };
    let mut who = sysadmins::who_can_sign_in(&deed.writing, &deed.tree).await?;
    let actor = deed.caller.actor();
    let taken = may_take(deed.tree.forest(), &actor, &subject, grant, &mut who);
    let taken = taken.map_err(refused)?;
    grants::remove(&deed.writing, id, grant).await?;
    let event = Event::of_user("grant.taken", &user)
        .with("role", grant.name())
        .with("organisation", shown(grant).organisation)
        .with("privileged", taken.tells_sysadmins);
    deed.record(event).await
}
