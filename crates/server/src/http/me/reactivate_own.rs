//! `POST /api/v1/me/reactivate`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::users;
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/reactivate",
    about: "Takes the caller's own account up again, which is at rest",
    right: Right::To(Action::AccountReactivateOwn),
    gives: Some(shape::<v1::User>()),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = users::reactivate_own(&mut deed).await?;
    intent.finish(deed, given).await
}
