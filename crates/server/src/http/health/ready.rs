//! `GET /health/ready`

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::app::{Pace, Right};
use crate::http::SiteRef;
use crate::http::endpoint::Endpoint;
use crate::http::problem::Problem;

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/health/ready",
    about: "Says whether requests should be sent here: the database answers, and the program is not about to end; and whether the disk is full",
    right: Right::Public,
    pace: Pace::Free,
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(State(site): State<SiteRef>) -> Result<&'static str, Problem> {
    if site.is_ending() {
        let detail = "the server is about to end";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    let checked = site.app.database.check().await;
    checked.map_err(crate::app::Fault::from)?;
    // What is stored can be read still: requests should go on to be sent here.
    Ok(match site.app.room.full_since() {
        None => "ready\n",
        Some(_since) => "ready, read-only: the disk of the database is full\n",
    })
}
