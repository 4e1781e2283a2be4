//! `POST /api/v1/organisations/{organisation}/require-second-factor`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::organisations;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/require-second-factor",
    about: "Requires a second factor of everybody in an organisation and below",
    right: Right::To(Action::PolicyEdit),
    takes: Some(shape::<v1::Confirmation>()),
    gives: Some(shape::<v1::Organisation>()),
    example: r#"{"confirm":"{name}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::Confirmation>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = organisations::require_second_factor(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
