//! `PATCH /api/v1/computers/{computer}`

use axum::routing::patch;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::computers;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Patch,
    path: "/api/v1/computers/{computer}",
    about: "Renames an own computer",
    right: Right::To(Action::ProfileEdit),
    takes: Some(shape::<v1::UpdateComputer>()),
    gives: Some(shape::<v1::Computer>()),
    example: r#"{"name":"Another computer"}"#,
    needs_version: true,
    route: || patch(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::UpdateComputer>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = computers::rename(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
