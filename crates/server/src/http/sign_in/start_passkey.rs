//! `POST /api/v1/sign-in/passkey/start`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/sign-in/passkey/start",
    about: "Gives what a passkey signs to sign in, by itself or after the password",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::StartPasskeySignIn>()),
    gives: Some(shape::<v1::PasskeyRequest>()),
    example: r#"{"attempt":"00"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::StartPasskeySignIn>) -> Reply {
    let given = sign_in::start_passkey(&stranger, sent.value).await?;
    Answer::with(StatusCode::OK, given)
}
