//! `PATCH /api/v1/groups/{group}`

use axum::routing::patch;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::groups;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Patch,
    path: "/api/v1/groups/{group}",
    about: "Renames a group",
    right: Right::To(Action::GroupEdit),
    takes: Some(shape::<v1::NewGroup>()),
    gives: Some(shape::<v1::Group>()),
    example: r#"{"name":"Another group"}"#,
    needs_version: true,
    route: || patch(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::NewGroup>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = groups::rename(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
