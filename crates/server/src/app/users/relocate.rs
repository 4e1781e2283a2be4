//! Moves a user to another organisation.

use strongroom_api::v1;
use strongroom_base::ids::OrganisationId;
use strongroom_db::{grants, groups, organisations, users};
use strongroom_domain::access::{Denial, MoveDenial, Removal, Subject, may_move_account};
use strongroom_domain::account::effects;

use super::shown;
use crate::app::audit::Event;
use crate::app::words::parse_id;
use crate::app::{Deed, Fault, effects as carry, sysadmins};

/// Moves the user of the path. Groups that are not above the new place are left.
pub async fn relocate(deed: &mut Deed, request: v1::MoveUser) -> Result<v1::User, Fault> {
    let unseen = || Fault::invalid("organisation", "there is no such organisation");
    let mut user = deed.user()?;
    let id = user.account.user;
    let to: OrganisationId = parse_id("organisation", &request.organisation)?;
    let held = grants::of(&deed.writing, id).await?;
    let subject = Subject {
        user: id,
        organisation: user.organisation,
        grants: &held,
        computer: None,
    };
    let may = may_move_account(deed.tree.forest(), &deed.caller.actor(), &subject, to);
    may.map_err(|denial| match denial {
        MoveDenial::To(Denial::Unseen) => unseen(),
        MoveDenial::From(denial) | MoveDenial::To(denial) => Fault::from(denial),
        other => Fault::refused(other),
    })?;
    let Some(path) = deed.tree.path(to) else {
        return Err(unseen());
    };
    if to == user.organisation {
        return Err(Fault::refused("the user is there already"));
    }
    let from = user.organisation;
    let before = deed.tree.standing(&user.account, from);
    let after = deed.tree.standing(&user.account, to);
    if before.may_sign_in() && !after.may_sign_in() {
        let mut who = sysadmins::who_can_sign_in(&deed.writing, &deed.tree).await?;
        who.remove(Removal::Account(id)).map_err(Fault::refused)?;
    }
    user.organisation = to;
    let stored = users::store(&deed.writing, &user).await?;
    carry::carry_out(&deed.writing, id, &effects(before, after), deed.now).await?;
    let mut left = Vec::new();
    for group in groups::of_user(&deed.writing, id).await? {
        if !group.group.takes(&path) {
            groups::remove_member(&deed.writing, group.group.id, id).await?;
            left.push(group.group.name.to_string());
        }
    }
    record(deed, &stored, from, left).await?;
    Ok(shown(&stored, &deed.tree))
}

/// Puts it on record at both places, so that who sees one of them sees it.
async fn record(
    deed: &mut Deed,
    user: &users::User,
    from: OrganisationId,
    left: Vec<String>,
) -> Result<(), Fault> {
    let event = |name| {
        Event::of_user(name, user).changed(
            "organisation",
            from.to_string(),
            user.organisation.to_string(),
        )
    };
    deed.record(event("user.moved").with("left_groups", left))
        .await?;
    let mut gone = event("user.moved-away");
    gone.organisation = organisations::find(&deed.writing, from)
        .await?
        .map(|organisation| organisation.id);
    deed.record(gone).await
}
