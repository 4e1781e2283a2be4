//! `GET /api/v1/groups/{group}/members`

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
    path: "/api/v1/groups/{group}/members",
    about: "Lists who is in a group, by id",
    right: Right::To(Action::OrganisationList),
    query: Some(query::<v1::PageQuery>),
    gives: Some(page::<v1::Member>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer, Asked(query): Asked<v1::PageQuery>) -> Reply {
    Answer::of(groups::members(&view, &query).await?)
}
