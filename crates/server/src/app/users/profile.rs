//! What users see and change about themselves.

use strongroom_api::v1;
use strongroom_db::server;
use strongroom_domain::access::SecondFactor;
use strongroom_domain::name::PersonName;

use super::{shown, update};
use crate::app::grants;
use crate::app::words::named;
use crate::app::{Credential, Deed, Fault, View};

/// Says who the caller is.
pub async fn profile(view: &View) -> Result<v1::Profile, Fault> {
    let caller = &view.caller;
    let known = server::known(&view.reading).await?;
    Ok(v1::Profile {
        user: shown(&view.user()?, &view.tree),
        grants: caller.grants.iter().copied().map(grants::shown).collect(),
        via: match &caller.credential {
            Credential::Session(session) => v1::SessionOf::Session(session.id.to_string()),
            Credential::Token(token) => v1::SessionOf::Token(token.id.to_string()),
            Credential::Computer(computer) => v1::SessionOf::Computer(computer.id.to_string()),
        },
        server: known.server_id,
        epoch: known.epoch.0,
        second_factor_missing: caller.second_factor == SecondFactor::Missing,
    })
}

/// Changes what the caller is called.
pub async fn update_profile(
    deed: &mut Deed,
    request: v1::UpdateProfile,
) -> Result<v1::User, Fault> {
    let was = deed.user()?;
    let mut user = was.clone();
    if let Some(text) = &request.person {
        user.person = person(text)?;
    }
    update::store(deed, &was, &user).await
}

/// Takes the name of a person; an empty one is none.
pub(super) fn person(text: &str) -> Result<Option<PersonName>, Fault> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    named("person", text, PersonName::new).map(Some)
}
