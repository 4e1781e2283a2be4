//! `POST /api/v1/links/finish`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/links/finish",
    about: "Stores what signs in from now on, by a one-time link, and begins a session",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::FinishLink>()),
    gives: Some(shape::<v1::SignedIn>()),
    status: 201,
    example: r#"{"link":"srl_00","upload":"00","program":"a test"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::FinishLink>) -> Reply {
    let given = sign_in::finish_link(&stranger, sent.value).await?;
    Answer::with(StatusCode::CREATED, given)
}
