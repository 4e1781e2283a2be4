//! `GET /metrics`

use axum::extract::State;
use axum::http::{HeaderName, StatusCode, header};
use axum::routing::get;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::http::SiteRef;
use crate::http::caller::Viewer;
use crate::http::endpoint::Endpoint;
use crate::http::problem::Problem;

/// What Prometheus expects of the text.
const KIND: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/metrics",
    about: "Gives the server's measurements, as Prometheus reads them",
    right: Right::To(Action::ServerRead),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(
    _viewer: Viewer,
    State(site): State<SiteRef>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    site.metrics.disk(site.app.room.full_since().is_some());
    if let Some(ends) = site.certificates.ends() {
        site.metrics.certificate(ends);
    }
    let text = site.metrics.text().map_err(|_never| {
        let detail = "the measurements cannot be written";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })?;
    Ok(([(header::CONTENT_TYPE, KIND)], text))
}
