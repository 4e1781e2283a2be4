//! `GET /api/v1/computers`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::computers;
use crate::http::answer::{Answer, Reply};
use crate::http::body::Asked;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page, query};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/computers",
    about: "Lists the computers that the caller sees, by name",
    right: Right::List(Action::ComputerRead),
    query: Some(query::<v1::ComputerQuery>),
    gives: Some(page::<v1::Computer>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer, Asked(query): Asked<v1::ComputerQuery>) -> Reply {
    Answer::of(computers::list(&view, &query).await?)
}
