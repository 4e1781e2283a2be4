//! The extractors of what a request sends: a body of JSON, and a query.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use strongroom_crypto::hash::hash;

use super::SiteRef;
use super::endpoint::Endpoint;
use super::problem::Problem;

/// How long a body may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(20);

/// The hash that stands for no body.
pub(crate) const NOTHING: [u8; 32] = [0; 32];

/// A body.
pub(crate) struct Sent<T> {
    pub(crate) value: T,
    /// The hash of its bytes.
    pub(crate) hash: [u8; 32],
}

/// A query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<SiteRef> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _site: &SiteRef) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "send JSON, and say so: `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let endpoint = request.extensions().get::<&'static Endpoint>();
        let most = endpoint.map_or(0, |endpoint| endpoint.body_len_max);
        let arriving = to_bytes(request.into_body(), most);
        let arrived = tokio::time::timeout(ARRIVAL_MAX, arriving).await;
        let arrived = arrived.map_err(|_late| {
            let detail = format!("a body must arrive within {} s", ARRIVAL_MAX.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
        })?;
        let bytes = arrived.map_err(|_too_large_or_cut_off| {
            let detail = format!("a body has at most {most} bytes here");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
        })?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer);
        let value = value.map_err(|error| {
            let at = error.path().to_string();
            Problem::new(StatusCode::BAD_REQUEST, error.into_inner().to_string()).at(at)
        })?;
        let end = deserializer.end();
        end.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, error.to_string()).at("."))?;
        Ok(Self {
            value,
            hash: hash(&bytes),
        })
    }
}

impl<T: DeserializeOwned> FromRequestParts<SiteRef> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _site: &SiteRef) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        // No name has one, and not every database can be asked for it.
        if query.contains("%00") {
            let detail = "a query has no zero bytes";
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail).at("query"));
        }
        let value = serde_urlencoded::from_str(query).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST, error.to_string()).at("query")
        })?;
        Ok(Self(value))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
}
