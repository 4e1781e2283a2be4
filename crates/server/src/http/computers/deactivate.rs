//! `POST /api/v1/computers/{computer}/deactivate`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::computers;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/computers/{computer}/deactivate",
    about: "Deactivates a computer: it backs up no more",
    right: Right::To(Action::ComputerDeactivate),
    takes: Some(shape::<v1::Confirmation>()),
    gives: Some(shape::<v1::Computer>()),
    example: r#"{"confirm":"{name}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::Confirmation>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = computers::deactivate(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
