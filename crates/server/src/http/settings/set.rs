//! `PUT /api/v1/organisations/{organisation}/settings/{setting}`

use axum::extract::Path;
use axum::routing::put;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::policy;
use crate::http::answer::Reply;
use crate::http::body::Sent;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Put,
    path: "/api/v1/organisations/{organisation}/settings/{setting}",
    about: "Gives a setting a value at an organisation, and locks it for all below or not",
    right: Right::To(Action::PolicyEdit),
    takes: Some(shape::<v1::SetSetting>()),
    gives: Some(shape::<v1::Setting>()),
    example: r#"{"value":"45m"}"#,
    needs_version: true,
    route: || put(handler),
    ..Endpoint::CHANGE
};

async fn handler(
    intent: Intent,
    Path((_, setting)): Path<(String, String)>,
    sent: Sent<v1::SetSetting>,
) -> Reply {
    let mut deed = intent.begin(sent.hash).await?;
    let given = policy::set(&mut deed, &setting, sent.value).await?;
    intent.finish(deed, given).await
}
