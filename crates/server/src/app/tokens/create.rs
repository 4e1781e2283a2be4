//! Makes an API token.

use strongroom_api::v1;
use strongroom_base::ids::{OrganisationId, TokenId};
use strongroom_db::tokens::{self, Stored};
use strongroom_domain::access::Action;
use strongroom_domain::moment::Days;
use strongroom_domain::name::PersonName;
use strongroom_domain::token::{ApiToken, NewToken, TokenScope};

use super::shown;
use crate::app::audit::Event;
use crate::app::words::{named, parse_optional};
use crate::app::{Deed, Fault, NewSecret, SecretKind};

/// Makes a token for the caller. Its secret is shown this once.
pub async fn create(deed: &mut Deed, request: v1::NewToken) -> Result<v1::Token, Fault> {
    let owner = deed.user()?;
    let name = named("name", &request.name, PersonName::new)?;
    let actions: Result<Vec<Action>, Fault> = request
        .actions
        .iter()
        .map(|action| {
            action
                .parse()
                .map_err(|error| Fault::invalid("actions", error))
        })
        .collect();
    let actions = actions?;
    if actions.is_empty() {
        return Err(Fault::invalid("actions", "a token is for something"));
    }
    let within: Option<OrganisationId> =
        parse_optional("organisation", request.organisation.as_deref())?;
    let scope = TokenScope::new(actions, within);
    let scope = scope.map_err(|error| Fault::invalid("actions", error))?;
    let policies = deed.app.policies(&deed.tree, owner.organisation);
    let new = NewToken {
        id: TokenId::random(&*deed.app.random),
        owner: owner.account.user,
        life: Days::new(request.days).length(),
        life_max: policies.sessions.token_life_max.value.length(),
        epoch: deed.epoch,
    };
    let token = ApiToken::new(new, scope, deed.now);
    let stored = Stored {
        token: token.map_err(|error| Fault::invalid("days", error))?,
        name: name.as_str().to_owned(),
    };
    let secret = NewSecret::random(SecretKind::Token, &*deed.app.random);
    tokens::add(&deed.writing, &stored, &secret.hash).await?;
    let event = Event::of_thing(
        "token.created",
        "token",
        stored.token.id,
        &stored.name,
        &owner,
    )
    .with("actions", request.actions)
    .with("organisation", request.organisation)
    .with("days", request.days);
    deed.record(event).await?;
    Ok(v1::Token {
        secret: Some(secret.expose_text().to_owned()),
        ..shown(&stored)
    })
}
