//! `POST /api/v1/computers/self/check-in`

use axum::http::StatusCode;
use axum::routing::post;
use strongroom_api::v1;

use crate::app::computers;
use crate::app::{Pace, Right};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::ByComputer;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/computers/self/check-in",
    about: "Takes what a computer says of itself, and tells it the epoch of the server and its policy",
    right: Right::Computer,
    pace: Pace::Light,
    takes: Some(shape::<v1::CheckIn>()),
    gives: Some(shape::<v1::CheckedIn>()),
    example: r#"{"program_version":"0.1.0"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(ByComputer(machine): ByComputer, sent: Sent<v1::CheckIn>) -> Reply {
    let given = computers::check_in(&machine, sent.value).await?;
    Answer::with(StatusCode::OK, given)
}
