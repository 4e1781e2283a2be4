//! `GET /api/v1/organisations`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::organisations;
use crate::http::answer::{Answer, Reply};
use crate::http::body::Asked;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page, query};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/organisations",
    about: "Lists the organisations that the caller sees, by name",
    right: Right::List(Action::OrganisationRead),
    query: Some(query::<v1::OrganisationQuery>),
    gives: Some(page::<v1::Organisation>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer, Asked(query): Asked<v1::OrganisationQuery>) -> Reply {
    Answer::of(organisations::list(&view, &query).await?)
}
