//! `GET /api/v1/me/settings`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::policy;
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/me/settings",
    about: "Lists the settings that hold for the caller: the policy that a check-in names",
    right: Right::To(Action::ProfileRead),
    gives: Some(page::<v1::Setting>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(policy::own(&view).await?)
}
