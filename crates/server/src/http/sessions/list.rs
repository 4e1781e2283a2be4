//! `GET /api/v1/users/{user}/sessions`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::sessions;
use crate::http::answer::{Answer, Reply};
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/users/{user}/sessions",
    about: "Lists the sessions of a user, the newest first",
    right: Right::To(Action::SessionEnd),
    gives: Some(page::<v1::Session>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer) -> Reply {
    Answer::of(sessions::list(&view).await?)
}
