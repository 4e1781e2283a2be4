//! `GET /api/v1/users`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::users;
use crate::http::answer::{Answer, Reply};
use crate::http::body::Asked;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page, query};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users",
    about: "Lists the users whom the caller sees, by name",
    right: Right::List(Action::AccountRead),
    query: Some(query::<v1::UserQuery>),
    gives: Some(page::<v1::User>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer, Asked(query): Asked<v1::UserQuery>) -> Reply {
    Answer::of(users::list(&view, &query).await?)
}
