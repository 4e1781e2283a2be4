//! `POST /api/v1/users/{user}/links`

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
    path: "/api/v1/users/{user}/links",
    about: "Makes a one-time link for a user, in the place of those before; it is shown once",
    right: Right::To(Action::CredentialsReset),
    takes: Some(shape::<v1::Invite>()),
    gives: Some(shape::<v1::Link>()),
    status: 201,
    example: r#"{"purpose":"invitation"}"#,
    secret: Some("link"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::Invite>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = users::issue_link(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
