//! `POST /api/v1/me/tokens`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::tokens;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/tokens",
    about: "Makes an API token for the caller; its secret is shown once",
    right: Right::To(Action::TokenCreate),
    takes: Some(shape::<v1::NewToken>()),
    gives: Some(shape::<v1::Token>()),
    status: 201,
    example: r#"{"name":"A script","actions":["account.read"],"days":30}"#,
    secret: Some("secret"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::NewToken>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = tokens::create(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
