//! `DELETE /api/v1/users/{user}/sessions`

use axum::routing::delete;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::sessions;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, Verb, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    method: Verb::Delete,
    path: "/api/v1/users/{user}/sessions",
    about: "Ends all sessions of a user but the one that asks",
    right: Right::To(Action::SessionEnd),
    gives: Some(shape::<v1::Ended>()),
    route: || delete(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = sessions::end_all(&mut deed).await?;
    intent.finish(deed, given).await
}
