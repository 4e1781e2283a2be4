//! `POST /api/v1/sign-in/second-factor`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/sign-in/second-factor",
    about: "Begins a session, by a code of the authenticator app or a recovery code",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::FinishSecondFactor>()),
    gives: Some(shape::<v1::SignedIn>()),
    status: 201,
    example: r#"{"attempt":"00","code":"000000"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::FinishSecondFactor>) -> Reply {
    let given = sign_in::finish_second_factor(&stranger, sent.value).await?;
    Answer::with(StatusCode::CREATED, given)
}
