//! `DELETE /api/v1/tokens/{token}`

use axum::routing::delete;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::tokens;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/tokens/{token}",
    about: "Revokes an API token",
    right: Right::To(Action::TokenRevoke),
    status: 204,
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    tokens::revoke(&mut deed).await?;
    intent.finish(deed, ()).await
}
