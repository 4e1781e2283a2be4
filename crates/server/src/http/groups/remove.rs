//! `DELETE /api/v1/groups/{group}`

use axum::routing::delete;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::groups;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/groups/{group}",
    about: "Removes a group; its users stay",
    right: Right::To(Action::GroupEdit),
    status: 204,
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    groups::remove(&mut deed).await?;
    intent.finish(deed, ()).await
}
