//! `PATCH /api/v1/me`

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
    path: "/api/v1/me",
    about: "Changes what the caller is called",
    right: Right::To(Action::ProfileEdit),
    takes: Some(shape::<v1::UpdateProfile>()),
    gives: Some(shape::<v1::User>()),
    example: r#"{"person":"My Name"}"#,
    route: || patch(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::UpdateProfile>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = users::update_profile(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
