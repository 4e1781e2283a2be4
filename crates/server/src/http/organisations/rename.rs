//! `PATCH /api/v1/organisations/{organisation}`

use axum::routing::patch;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::organisations;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Patch,
    path: "/api/v1/organisations/{organisation}",
    about: "Renames an organisation",
    right: Right::To(Action::OrganisationEdit),
    takes: Some(shape::<v1::RenameOrganisation>()),
    gives: Some(shape::<v1::Organisation>()),
    example: r#"{"name":"Another name"}"#,
    needs_version: true,
    route: || patch(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, sent: Sent<v1::RenameOrganisation>) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = organisations::rename(&mut deed, sent.value).await?;
    intent.finish(deed, given).await
}
