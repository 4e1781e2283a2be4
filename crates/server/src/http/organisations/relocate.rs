//! `POST /api/v1/organisations/{organisation}/move`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::organisations;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/move",
    about: "Moves an organisation, with all below it",
    right: Right::To(Action::OrganisationMove),
    takes: Some(shape::<v1::MoveOrganisation>()),
    gives: Some(shape::<v1::Organisation>()),
    example: r#"{"parent":"{elsewhere}","confirm":"{name}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::MoveOrganisation>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = organisations::relocate(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
