//! `POST /api/v1/organisations/{organisation}/registration-key/rotate`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::registration_keys;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/registration-key/rotate",
    about: "Makes a registration key in the place of the one before; it is shown once",
    right: Right::To(Action::RegistrationKeyRotate),
    takes: Some(shape::<v1::RotateRegistrationKey>()),
    gives: Some(shape::<v1::RegistrationKey>()),
    status: 201,
    example: r#"{"days":30,"uses_max":10}"#,
    secret: Some("key"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::RotateRegistrationKey>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = registration_keys::rotate(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
