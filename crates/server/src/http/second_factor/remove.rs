//! `DELETE /api/v1/users/{user}/second-factor`

use axum::routing::delete;
use strongroom_domain::access::Action;

use crate::app::{Right, second_factor};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/users/{user}/second-factor",
    about: "Takes the authenticator app and the recovery codes of a user away who has lost them",
    right: Right::To(Action::CredentialsReset),
    status: 204,
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    second_factor::remove(&mut deed).await?;
    intent.finish(deed, ()).await
}
