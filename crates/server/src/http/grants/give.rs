//! `POST /api/v1/users/{user}/grants`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::grants;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/grants",
    about: "Gives a user a role or add-on",
    right: Right::To(Action::GrantGive),
    takes: Some(shape::<v1::Grant>()),
    gives: Some(shape::<v1::Grant>()),
    status: 201,
    example: r#"{"role":"manager","organisation":"{of-user}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::Grant>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = grants::give(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
