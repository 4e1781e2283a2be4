//! `POST /api/v1/organisations/{organisation}/block`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::organisations::{self, Stop};
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/block",
    about: "Blocks an organisation, with all below it",
    right: Right::To(Action::OrganisationDeactivate),
    takes: Some(shape::<v1::Confirmation>()),
    gives: Some(shape::<v1::Organisation>()),
    example: r#"{"confirm":"{name}"}"#,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::Confirmation>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = organisations::stop(&mut deed, Stop::Block, sent.value).await?;
    intent.finish(deed, given).await
}
