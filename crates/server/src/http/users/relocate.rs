//! `POST /api/v1/users/{user}/move`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::users;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/move",
    about: "Moves a user to another organisation",
    right: Right::To(Action::AccountMove),
    takes: Some(shape::<v1::MoveUser>()),
    gives: Some(shape::<v1::User>()),
    example: r#"{"organisation":"{elsewhere}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::MoveUser>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = users::relocate(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
