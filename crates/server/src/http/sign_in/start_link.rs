//! `POST /api/v1/links/start`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/links/start",
    about: "Answers the first message of a new password, by a one-time link",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::StartLink>()),
    gives: Some(shape::<v1::PasswordStarted>()),
    status: 200,
    example: r#"{"link":"srl_00","request":"00"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::StartLink>) -> Reply {
    let given = sign_in::start_link(&stranger, sent.value).await?;
    Answer::with(StatusCode::OK, given)
}
