//! `POST /api/v1/organisations/{organisation}/reactivate`

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
    path: "/api/v1/organisations/{organisation}/reactivate",
    about: "Takes an organisation up again, with the accounts that were active",
    right: Right::To(Action::OrganisationReactivate),
    gives: Some(shape::<v1::Organisation>()),
    route: || post(handler),
    ..Endpoint::CHANGE
};

async fn handler(intent: Intent) -> Reply {
    let mut deed = intent.begin(NOTHING).await?;
    let given = organisations::reactivate(&mut deed).await?;
    intent.finish(deed, given).await
}
