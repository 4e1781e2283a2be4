//! `GET /api/v1/organisations/{organisation}/settings`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::policy;
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/settings",
    about: "Lists the settings that hold at an organisation, with whose they are and who locked them",
    right: Right::To(Action::PolicyRead),
    gives: Some(page::<v1::Setting>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(policy::list(&view).await?)
}
