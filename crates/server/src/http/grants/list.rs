//! `GET /api/v1/users/{user}/grants`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::grants;
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/grants",
    about: "Lists what a user holds",
    right: Right::To(Action::AccountRead),
    gives: Some(page::<v1::Grant>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(grants::list(&view).await?)
}
