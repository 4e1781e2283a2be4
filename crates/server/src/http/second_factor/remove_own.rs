//! `DELETE /api/v1/me/authenticator`

use axum::routing::delete;
use strongroom_domain::access::Action;

use crate::app::{Right, second_factor};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/me/authenticator",
    about: "Takes the caller's authenticator app away; the recovery codes go with the last second factor",
    right: Right::To(Action::CredentialsChange),
    status: 204,
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    second_factor::remove_own(&mut deed).await?;
    intent.finish(deed, ()).await
}
