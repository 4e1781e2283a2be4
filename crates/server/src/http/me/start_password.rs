//! `POST /api/v1/me/password/start`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, sign_in};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Sent;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/password/start",
    about: "Answers the first message of another password for the caller; it changes nothing",
    right: Right::To(Action::CredentialsChange),
    takes: Some(shape::<v1::StartPassword>()),
    gives: Some(shape::<v1::PasswordStarted>()),
    example: r#"{"request":"{request}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(Viewer(view): Viewer, sent: Sent<v1::StartPassword>) -> Reply {
    Answer::of(sign_in::start_password(&view, &sent.value)?)
}
