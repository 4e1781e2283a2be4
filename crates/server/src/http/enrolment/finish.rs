//! `POST /api/v1/enroll/finish`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::{Pace, Right, enrolment};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Unknown;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/enroll/finish",
    about: "Makes an account with a registration key, and its first computer with a credential, which is shown once",
    right: Right::Public,
    pace: Pace::Guess,
    takes: Some(shape::<v1::FinishEnrolment>()),
    gives: Some(shape::<v1::Enrolled>()),
    status: 201,
    example: r#"{"attempt":"00","key":"00","name":"new.user","upload":"00","computer":{"name":"A computer","operating_system":"Linux","program_version":"0.1.0"}}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Unknown(stranger): Unknown, sent: Sent<v1::FinishEnrolment>) -> Reply {
    let given = enrolment::finish(&stranger, sent.value).await?;
    Answer::with(StatusCode::CREATED, given)
}
