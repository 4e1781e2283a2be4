//! `POST /api/v1/organisations/{organisation}/waive-second-factor`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::organisations;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/waive-second-factor",
    about: "Requires a second factor in an organisation no longer, unless one above does",
    right: Right::To(Action::PolicyLoosen),
    gives: Some(shape::<v1::Organisation>()),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = organisations::waive_second_factor(&mut deed).await?;
    intent.finish(deed, given).await
}
