//! `POST /api/v1/me/sign-out`

use axum::routing::post;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::sessions;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::Endpoint;

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/sign-out",
    about: "Ends the session that asks",
    right: Right::To(Action::SessionEnd),
    status: 204,
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    sessions::sign_out(&mut deed).await?;
    intent.finish(deed, ()).await
}
