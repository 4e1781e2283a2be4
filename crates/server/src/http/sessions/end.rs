//! `DELETE /api/v1/sessions/{session}`

use axum::routing::delete;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::sessions;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/sessions/{session}",
    about: "Ends a session",
    right: Right::To(Action::SessionEnd),
    status: 204,
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    sessions::end(&mut deed).await?;
    intent.finish(deed, ()).await
}
