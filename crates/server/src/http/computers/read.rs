//! `GET /api/v1/computers/{computer}`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::computers;
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, shape};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/computers/{computer}",
    about: "Reads a computer",
    right: Right::To(Action::ComputerRead),
    gives: Some(shape::<v1::Computer>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(computers::read(&view)?)
}
