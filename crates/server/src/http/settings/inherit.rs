//! `DELETE /api/v1/organisations/{organisation}/settings/{setting}`

use axum::extract::Path;
use axum::routing::delete;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::policy;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/organisations/{organisation}/settings/{setting}",
    about: "Inherits a group of settings again, by its name or that of one of its settings: own values are gone",
    right: Right::To(Action::PolicyEdit),
    status: 204,
    needs_version: true,
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent, Path((_, setting)): Path<(String, String)>) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    policy::inherit(&mut deed, &setting).await?;
    intent.finish(deed, ()).await
}
