//! `POST /api/v1/me/authenticator`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, second_factor};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/authenticator",
    about: "Draws the secret of an authenticator app for the caller; it counts when its first code was sent",
    right: Right::To(Action::CredentialsChange),
    gives: Some(shape::<v1::NewAuthenticator>()),
    status: 201,
    secret: Some("app"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = second_factor::start(&mut deed).await?;
    intent.finish(deed, given).await
}
