//! `POST /api/v1/sign-in/start`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/sign-in/start",
    about: "Answers the first message of a sign-in",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::StartSignIn>()),
    gives: Some(shape::<v1::SignInStarted>()),
    status: 200,
    example: r#"{"name":"nobody","request":"00"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::StartSignIn>) -> Reply {
    let given = sign_in::start(&stranger, sent.value).await?;
    Answer::with(StatusCode::OK, given)
}
