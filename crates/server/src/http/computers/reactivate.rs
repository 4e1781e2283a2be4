//! `POST /api/v1/computers/{computer}/reactivate`

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
    path: "/api/v1/computers/{computer}/reactivate",
    about: "Takes a deactivated computer up again",
    right: Right::To(Action::ComputerReactivate),
    gives: Some(shape::<v1::Computer>()),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = computers::change(&mut deed, ComputerDeed::Reactivate).await?;
    intent.finish(deed, given).await
}
