//! `POST /api/v1/users/{user}/block`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::users::{self, AccountDeed};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/block",
    about: "Blocks an account: its user cannot open it",
    right: Right::To(Action::AccountBlock),
    gives: Some(shape::<v1::User>()),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = users::change_state(&mut deed, AccountDeed::Block).await?;
    intent.finish(deed, given).await
}
