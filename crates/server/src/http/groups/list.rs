//! `GET /api/v1/organisations/{organisation}/groups`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::groups;
use crate::http::answer::{Answer, Reply};
use crate::http::body::Asked;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page, query};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations/{organisation}/groups",
    about: "Lists the groups of an organisation, by name",
    right: Right::To(Action::OrganisationList),
    query: Some(query::<v1::PageQuery>),
    gives: Some(page::<v1::Group>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer, Asked(query): Asked<v1::PageQuery>) -> Reply {
    Answer::of(groups::list(&view, &query).await?)
}
