//! `POST /api/v1/organisations`

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
    path: "/api/v1/organisations",
    about: "Makes an organisation with none above it",
    right: Right::To(Action::OrganisationCreateRoot),
    takes: Some(shape::<v1::NewOrganisation>()),
    gives: Some(shape::<v1::Organisation>()),
    status: 201,
    example: r#"{"name":"A new root"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::NewOrganisation>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = organisations::create_root(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
