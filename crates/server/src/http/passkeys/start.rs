//! `POST /api/v1/me/passkeys/start`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, passkeys};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/passkeys/start",
    about: "Gives what an authenticator of the caller signs to make a passkey",
    right: Right::To(Action::CredentialsChange),
    gives: Some(shape::<v1::PasskeyCreation>()),
    status: 201,
    secret: Some("challenge"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = passkeys::start(&mut deed).await?;
    intent.finish(deed, given).await
}
