//! `GET /api/v1/openapi.json`

use std::sync::LazyLock;

use axum::http::{HeaderName, header};
use axum::routing::get;

use crate::app::{Pace, Right};
use crate::http::endpoint::Endpoint;
use crate::http::openapi;

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/openapi.json",
    about: "Gives this document",
    right: Right::Public,
    pace: Pace::Free,
    route: || get(handler),
    ..Endpoint::READ
};

static TEXT: LazyLock<String> = LazyLock::new(openapi::text);

async fn handler() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(header::CONTENT_TYPE, "application/json")], &TEXT)
}
