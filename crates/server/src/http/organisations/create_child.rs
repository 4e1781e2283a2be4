//! `POST /api/v1/organisations/{organisation}/children`

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
    path: "/api/v1/organisations/{organisation}/children",
    about: "Makes an organisation below one",
    right: Right::To(Action::OrganisationCreateChild),
    takes: Some(shape::<v1::NewOrganisation>()),
    gives: Some(shape::<v1::Organisation>()),
    status: 201,
    example: r#"{"name":"A new child"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::NewOrganisation>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = organisations::create_child(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
