//! Who is in a group.

use strongroom_api::v1;
use strongroom_base::ids::UserId;
use strongroom_db::groups::{self, Stored};
use strongroom_db::users::{self, User};
use strongroom_db::{DbError, Reading};
use strongroom_domain::access::{Action, Subject, Target, decide};
use strongroom_domain::group::MEMBERS_MAX;

use crate::app::audit::Event;
use crate::app::paging::{self, Asked};
use crate::app::words::parse_id;
use crate::app::{Access, Deed, Fault, View};

/// Returns who is in the group of the path, by id.
pub async fn members(view: &View, query: &v1::PageQuery) -> Result<v1::Page<v1::Member>, Fault> {
    let group = view.group()?;
    let asked = Asked::new(query.after.as_deref(), query.limit)?;
    let after = asked.after_one()?;
    let after: Option<UserId> = after.map(|after| parse_id("after", after)).transpose()?;
    let limit = asked.limit_and_one();
    let ids = groups::members(&view.reading, group.group.id, after, limit).await?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        let user = users::find(&view.reading, id).await?;
        found.push(user.ok_or_else(|| DbError::Damaged {
            table: "members",
            what: format!("there is no user {id}"),
        })?);
    }
    Ok(asked.page(
        found,
        |last| paging::cursor(&[&last.account.user.to_string()]),
        |user| v1::Member {
            user: user.account.user.to_string(),
            name: user.name.as_str().to_owned(),
        },
    ))
}

/// Puts a user into the group of the path.
pub async fn add_member(deed: &mut Deed, user: &str) -> Result<(), Fault> {
    let group = deed.group()?;
    let user = seen(deed, &deed.writing, user).await?;
    let id = user.account.user;
    let path = deed.tree.path(user.organisation);
    if !path.is_some_and(|path| group.group.takes(&path)) {
        return Err(Fault::refused(
            "a group takes users of its organisation and below it",
        ));
    }
    if groups::is_member(&deed.writing, group.group.id, id).await? {
        return Err(Fault::refused("the user is in the group already"));
    }
    let count = groups::member_count(&deed.writing, group.group.id).await?;
    if usize::try_from(count).is_ok_and(|count| count >= MEMBERS_MAX) {
        return Err(Fault::refused(format!(
            "a group has at most {MEMBERS_MAX} users"
        )));
    }
    groups::add_member(&deed.writing, group.group.id, id).await?;
    record(deed, "group.member-added", &group, &user).await
}

/// Takes a user out of the group of the path.
pub async fn remove_member(deed: &mut Deed, user: &str) -> Result<(), Fault> {
    let group = deed.group()?;
    let user = seen(deed, &deed.writing, user).await?;
    let id = user.account.user;
    if !groups::is_member(&deed.writing, group.group.id, id).await? {
        return Err(Fault::Unseen);
    }
    groups::remove_member(&deed.writing, group.group.id, id).await?;
    record(deed, "group.member-removed", &group, &user).await
}

/// Finds a user whom the caller sees.
async fn seen(access: &Access, reading: &Reading, id: &str) -> Result<User, Fault> {
    let id: UserId = id.parse().map_err(|_no_id| Fault::Unseen)?;
    let user = users::find(reading, id).await?.ok_or(Fault::Unseen)?;
    let target = Target::Account(Subject {
        user: id,
        organisation: user.organisation,
        grants: &[],
        computer: None,
    });
    // An API token for groups alone names users by their ids and learns nothing of them.
    let caller = &access.caller;
    let mut actor = caller.actor();
    actor.via = strongroom_domain::access::Via::Session;
    let decision = decide(access.tree.forest(), &actor, Action::AccountRead, &target);
    decision.permit()?;
    Ok(user)
}

async fn record(
    deed: &mut Deed,
    name: &'static str,
    group: &Stored,
    user: &User,
) -> Result<(), Fault> {
    let event = Event::of_group(name, group)
        .about(user.account.user)
        .with("user", user.name.as_str());
    deed.record(event).await
}
