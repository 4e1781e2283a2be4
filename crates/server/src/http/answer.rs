//! Answers that are no problems.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::problem::Problem;
use crate::app::{Fault, Replay};

/// Says that everything was undone at the end.
const DRY_RUN: HeaderName = HeaderName::from_static("strongroom-dry-run");

/// Says that the answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer.
pub(crate) struct Answer {
    pub(super) status: u16,
    pub(super) dry_run: bool,
    pub(super) body: Option<Value>,
}

/// What a handler gives.
pub(crate) type Reply = Result<Answer, Stop>;

/// Why a handler gives no answer of its own.
pub(crate) enum Stop {
    /// Something was wrong.
    Problem(Problem),
    /// The same request was answered before.
    Replay(Replay),
}

impl Answer {
    /// Makes the answer to a request that read something.
    pub(crate) fn of<T: Serialize>(given: T) -> Reply {
        let value = serde_json::to_value(given).map_err(|_never| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer is no JSON")
        })?;
        Ok(Self {
            status: 200,
            dry_run: false,
            body: Some(value),
        })
    }

    /// Makes the answer to a request of somebody who has not signed in.
    pub(crate) fn with<T: Serialize>(status: StatusCode, given: T) -> Reply {
        let answer = Self::of(given)?;
        Ok(Self {
            status: status.as_u16(),
            ..answer
        })
    }

    /// Returns the body as it is stored to be given again: without what is shown once.
    pub(super) fn without(&self, secret: Option<&str>) -> String {
        let mut body = self.body.clone();
        if let (Some(Value::Object(fields)), Some(secret)) = (&mut body, secret) {
            fields.remove(secret);
        }
        body.map_or_else(String::new, |body| body.to_string())
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let version = self.body.as_ref().and_then(|body| body.get("version"));
        let tag = version.and_then(Value::as_i64).map(|v| format!("\"{v}\""));
        let text = self.body.map(|body| body.to_string());
        let mut response = response(self.status, text);
        let headers = response.headers_mut();
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&tag).ok()) {
            headers.insert(header::ETAG, tag);
        }
        if self.dry_run {
            headers.insert(DRY_RUN, HeaderValue::from_static("true"));
        }
        response
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Replay(replay) => {
                let body = Some(replay.body).filter(|body| !body.is_empty());
                let mut response = response(replay.status, body);
                let headers = response.headers_mut();
                headers.insert(REPLAYED, HeaderValue::from_static("true"));
                response
            }
        }
    }
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Problem(fault.into())
    }
}

fn response(status: u16, body: Option<String>) -> Response {
    let is_json = body.is_some();
    let mut response = Response::new(body.map_or_else(Body::empty, Body::from));
    let known = StatusCode::from_u16(status);
    *response.status_mut() = known.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if is_json {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
    }
    response
}
