//! `POST /api/v1/me/computers`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, enrolment};
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/computers",
    about: "Enrols a computer as one's own, with a credential, which is shown once",
    right: Right::To(Action::ComputerEnroll),
    takes: Some(shape::<v1::NewComputer>()),
    gives: Some(shape::<v1::Enrolled>()),
    status: 201,
    example: r#"{"name":"A computer","operating_system":"Linux","program_version":"0.1.0"}"#,
    secret: Some("secret"),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::NewComputer>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = enrolment::add(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
