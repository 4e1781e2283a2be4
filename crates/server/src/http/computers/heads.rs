//! `GET /api/v1/computers/{computer}/heads`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::{Right, computers};
use crate::http::answer::{Answer, Reply};
use crate::http::body::Asked;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page, query};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/computers/{computer}/heads",
    about: "Lists the newest records of the archives of a computer that the server was told of, by archive and destination",
    right: Right::To(Action::ComputerRead),
    query: Some(query::<v1::PageQuery>),
    gives: Some(page::<v1::KnownHead>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer, Asked(query): Asked<v1::PageQuery>) -> Reply {
    Answer::of(computers::list_heads(&view, &query).await?)
}
