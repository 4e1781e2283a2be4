//! `POST /api/v1/enroll/start`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, enrolment};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/enroll/start",
    about: "Answers the first message of somebody who makes an account with a registration key",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::StartEnrolment>()),
    gives: Some(shape::<v1::EnrolmentStarted>()),
    status: 200,
    example: r#"{"key":"00","name":"new.user","request":"00"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::StartEnrolment>) -> Reply {
    let given = enrolment::start(&stranger, sent.value).await?;
    Answer::with(StatusCode::OK, given)
}
