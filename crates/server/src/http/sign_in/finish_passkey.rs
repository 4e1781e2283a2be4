//! `POST /api/v1/sign-in/passkey/finish`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/sign-in/passkey/finish",
    about: "Begins a session, by what a passkey signed",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::FinishPasskeySignIn>()),
    gives: Some(shape::<v1::SignedIn>()),
    status: 201,
    example: r#"{"attempt":"00","credential":{"id":"","response":{"clientDataJSON":"","authenticatorData":"","signature":""}},"program":"a test"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::FinishPasskeySignIn>) -> Reply {
    let given = sign_in::finish_passkey(&stranger, sent.value).await?;
    Answer::with(StatusCode::CREATED, given)
}
