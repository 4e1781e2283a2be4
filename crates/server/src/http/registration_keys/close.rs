//! `POST /api/v1/organisations/{organisation}/registration-key/close`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::registration_keys;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/registration-key/close",
    about: "Closes the registration key of an organisation",
    right: Right::To(Action::RegistrationKeyRotate),
    gives: Some(shape::<v1::RegistrationKey>()),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = registration_keys::close(&mut deed).await?;
    intent.finish(deed, given).await
}
