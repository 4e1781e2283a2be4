//! What is done around every request: a number for the log, a limit of time, headers, a line in the log, a count.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::problem::Problem;
use super::{SiteRef, address, request_id, unread};

/// How long a request may take altogether.
const ANSWER_MAX: Duration = Duration::from_mins(1);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says to browsers: nothing here is a page, and nothing is to be kept or framed.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=31536000; includeSubDomains",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Wraps a request.
pub(super) async fn around(State(site): State<SiteRef>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = request_id::random(&*site.app.random);
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>();
    let path = matched.map_or("none", MatchedPath::as_str).to_owned();
    let client = address::of(
        request.extensions(),
        request.headers(),
        &site.trusted_proxies,
    );
    let (request, rest) = unread::share(request);
    let answering = request_id::with(id.clone(), async {
        match tokio::time::timeout(ANSWER_MAX, next.run(request)).await {
            Ok(response) => response,
            Err(_elapsed) => Problem::took_too_long().into_response(),
        }
    });
    let mut response = answering.await;
    let is_left = rest.throw_away().await;
    let headers = response.headers_mut();
    if is_left {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    let took = begun.elapsed();
    let status = response.status().as_u16();
    if response.status() == StatusCode::INSUFFICIENT_STORAGE {
        site.app.room.is_missing(site.app.now());
    }
    site.metrics.answered(known(&method), &path, status, took);
    // Neither queries nor bodies: both may have names of people. Where the path has an id, the log has its name.
    tracing::info!(
        request.id = %id,
        request.method = %known(&method),
        request.path = %path,
        client = %client,
        status,
        milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// Anybody may invent a method; what is counted are those there are.
fn known(method: &axum::http::Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
        _ => "other",
    }
}
