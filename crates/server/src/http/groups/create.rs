//! `POST /api/v1/organisations/{organisation}/groups`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::groups;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/groups",
    about: "Makes a group of an organisation",
    right: Right::To(Action::GroupEdit),
    takes: Some(shape::<v1::NewGroup>()),
    gives: Some(shape::<v1::Group>()),
    status: 201,
    example: r#"{"name":"A new group"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::NewGroup>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = groups::create(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
