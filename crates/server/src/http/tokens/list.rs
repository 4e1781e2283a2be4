//! `GET /api/v1/users/{user}/tokens`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::tokens;
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/tokens",
    about: "Lists the API tokens of a user, the newest first",
    right: Right::To(Action::TokenRevoke),
    gives: Some(page::<v1::Token>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(tokens::list(&view).await?)
}
