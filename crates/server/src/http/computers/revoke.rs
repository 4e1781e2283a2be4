//! `POST /api/v1/computers/{computer}/revoke`

use axum::routing::post;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::computers::{self, ComputerDeed};
use crate::http::answer::Reply;
use crate::http::body::NOTHING;
use crate::http::caller::Intent;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/computers/{computer}/revoke",
    about: "Ends the credential of a lost computer at once, for good",
    right: Right::To(Action::ComputerRevoke),
    gives: Some(shape::<v1::Computer>()),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = computers::change(&mut deed, ComputerDeed::Revoke).await?;
    intent.finish(deed, given).await
}
