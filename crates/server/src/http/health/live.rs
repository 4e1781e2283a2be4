//! `GET /health/live`

use axum::routing::get;

use crate::app::{Pace, Right};
use crate::http::endpoint::Endpoint;

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/health/live",
    about: "Says that the program answers",
    right: Right::Public,
    pace: Pace::Free,
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler() -> &'static str {
    "live\n"
}
