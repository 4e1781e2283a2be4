//! `POST /api/v1/sign-in/finish`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/sign-in/finish",
    about: "Begins a session, by the last message of a sign-in",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::FinishSignIn>()),
    gives: Some(shape::<v1::SignedIn>()),
    status: 201,
    example: r#"{"attempt":"00","message":"00","program":"a test"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::FinishSignIn>) -> Reply {
    let given = sign_in::finish(&stranger, sent.value).await?;
    Answer::with(StatusCode::CREATED, given)
}
