//! API tokens: narrow, and with an end.

mod create;

use strongroom_api::v1;
use strongroom_db::tokens::{self, Stored};
use strongroom_domain::access::Action;

use super::audit::Event;
use super::words::moment;
use super::{Deed, Fault, View};

pub use create::create;

/// Returns the tokens of the user of the path that nobody revoked, the newest first.
pub async fn list(view: &View) -> Result<v1::Page<v1::Token>, Fault> {
    let user = view.user()?.account.user;
    let found = tokens::of_user(&view.reading, user).await?;
    Ok(v1::Page {
        items: found.iter().map(shown).collect(),
        next: None,
    })
}

/// Revokes the token of the path.
pub async fn revoke(deed: &mut Deed) -> Result<(), Fault> {
    let (stored, owner) = deed.token()?;
    if stored.token.revoked.is_some() {
        return Err(Fault::refused("the token was revoked already"));
    }
    tokens::revoke(&deed.writing, stored.token.id, deed.now).await?;
    let event = Event::of_thing(
        "token.revoked",
        "token",
        stored.token.id,
        &stored.name,
        &owner,
    );
    deed.record(event).await
}

fn shown(stored: &Stored) -> v1::Token {
    let token = &stored.token;
    v1::Token {
        id: token.id.to_string(),
        user: token.owner.to_string(),
        name: stored.name.clone(),
        actions: token
            .scope
            .actions()
            .map(|action| Action::name(action).to_owned())
            .collect(),
        organisation: token.scope.within().map(|id| id.to_string()),
        made: moment(token.made),
        expires: moment(token.expires),
        last_used: token.last_used.map(moment),
        secret: None,
    }
}
