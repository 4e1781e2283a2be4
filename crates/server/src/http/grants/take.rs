//! `POST /api/v1/users/{user}/grants/take`

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
    path: "/api/v1/users/{user}/grants/take",
    about: "Takes a role or add-on from a user",
    right: Right::To(Action::GrantTake),
    takes: Some(shape::<v1::Grant>()),
    status: 204,
    example: r#"{"role":"web-user"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::Grant>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    grants::take(&mut deed, sent.value).await?;
    intent.finish(deed, ()).await
}
