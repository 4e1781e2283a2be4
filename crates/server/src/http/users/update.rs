//! `PATCH /api/v1/users/{user}`

use axum::routing::patch;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::users;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Patch,
    path: "/api/v1/users/{user}",
    about: "Changes the names and the address of a user",
    right: Right::To(Action::AccountEdit),
    takes: Some(shape::<v1::UpdateUser>()),
    gives: Some(shape::<v1::User>()),
    example: r#"{"person":"Another Name"}"#,
    needs_version: true,
    route: || patch(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::UpdateUser>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = users::update(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
