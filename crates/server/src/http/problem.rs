//! What is answered in the place of what was asked for (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use strongroom_api::v1;
use strongroom_base::{Class, Classified as _, with_causes};
use strongroom_db::DbError;
use strongroom_domain::access::Denial;

use super::request_id;
use crate::app::Fault;

/// A problem, as it is answered.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<v1::FieldProblem>,
    retry_after: Option<Duration>,
    attempt: Option<Box<str>>,
}

impl Problem {
    /// Makes a problem of one of the kinds there are.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let (kind, title) = match status {
            StatusCode::BAD_REQUEST => ("bad-request", "The request is wrong"),
            StatusCode::UNAUTHORIZED => ("not-signed-in", "Sign in first"),
            StatusCode::FORBIDDEN => ("forbidden", "You may not do this"),
            StatusCode::NOT_FOUND => ("not-found", "There is nothing of that kind"),
            StatusCode::METHOD_NOT_ALLOWED => ("method", "That cannot be done with this"),
            StatusCode::REQUEST_TIMEOUT => ("too-slow", "The request took too long to arrive"),
            StatusCode::CONFLICT => ("refused", "That cannot be done as things stand"),
            StatusCode::PRECONDITION_FAILED => ("changed-since", "It was changed since"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The request is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => ("not-json", "The request is not JSON"),
            StatusCode::UNPROCESSABLE_ENTITY => ("key-of-another", "The key was used before"),
            StatusCode::PRECONDITION_REQUIRED => {
                ("version-missing", "Say which version you have seen")
            }
            StatusCode::TOO_MANY_REQUESTS => ("too-many", "Too many requests"),
            StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "Not now"),
            StatusCode::INSUFFICIENT_STORAGE => ("disk-full", "The server's disk is full"),
            _ => ("server-at-fault", "The server is at fault"),
        };
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            attempt: None,
        }
    }

    /// Says where in the request it is.
    pub(crate) fn at(mut self, at: impl Into<String>) -> Self {
        self.errors.push(v1::FieldProblem {
            at: at.into(),
            detail: self.detail.clone(),
        });
        self
    }

    /// Gives it a kind of its own.
    fn kind(self, kind: &'static str, title: &'static str) -> Self {
        Self {
            kind,
            title,
            ..self
        }
    }

    /// Makes the problem for a program that is not served any more.
    fn too_old(detail: String) -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, detail);
        problem.kind("program-too-old", "The program is too old for this server")
    }

    /// Makes the problem of which the log has more.
    fn in_the_log() -> Self {
        let detail = "the server's log has more about this";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// Makes the problem for a request that took too long.
    pub(crate) fn took_too_long() -> Self {
        let detail = "the request took too long to answer";
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        match fault.class() {
            Class::Damage | Class::WrongKey => {
                tracing::error!(error = %with_causes(&fault), "a request failed");
            }
            Class::Retry if !matches!(fault, Fault::TooMany(_)) => {
                tracing::warn!(error = %with_causes(&fault), "a request failed");
            }
            Class::Retry | Class::Caller => {}
        }
        let detail = fault.to_string();
        match fault {
            Fault::NotSignedIn => Self::new(StatusCode::UNAUTHORIZED, detail),
            Fault::WrongPassword => {
                let problem = Self::new(StatusCode::UNAUTHORIZED, detail);
                problem.kind("wrong-password", "The name or the password is wrong")
            }
            Fault::SecondFactorNeeded(attempt) => {
                let problem = Self::new(StatusCode::UNAUTHORIZED, detail);
                let problem = problem.kind("second-factor-needed", "A second factor is needed");
                Self {
                    attempt: Some(attempt.into()),
                    ..problem
                }
            }
            Fault::WrongCode => {
                let problem = Self::new(StatusCode::UNAUTHORIZED, detail);
                problem.kind("wrong-code", "The code is wrong")
            }
            Fault::WrongPasskey => {
                let problem = Self::new(StatusCode::UNAUTHORIZED, detail);
                problem.kind("wrong-passkey", "The passkey is wrong")
            }
            Fault::LinkNotGood => {
                let problem = Self::new(StatusCode::NOT_FOUND, detail);
                problem.kind("link-not-good", "The link is not good")
            }
            Fault::KeyNotGood => {
                let problem = Self::new(StatusCode::NOT_FOUND, detail);
                problem.kind("key-not-good", "The registration key is not good")
            }
            Fault::NameTaken(_) => {
                let problem = Self::new(StatusCode::CONFLICT, detail);
                problem.kind("name-taken", "There is a user of this name")
            }
            Fault::TooMany(wait) => Self {
                retry_after: Some(wait),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
            },
            Fault::Unseen => Self::new(StatusCode::NOT_FOUND, detail),
            Fault::Denied(denial) => Self::from(denial),
            Fault::NotFresh => {
                let problem = Self::new(StatusCode::FORBIDDEN, detail);
                problem.kind("sign-in-again", "Sign in again for this")
            }
            Fault::TooOld(_) => Self::too_old(detail),
            Fault::ChangedSince(_) => Self::new(StatusCode::PRECONDITION_FAILED, detail),
            Fault::VersionMissing => Self::new(StatusCode::PRECONDITION_REQUIRED, detail),
            Fault::Invalid { at, detail } => Self::new(StatusCode::BAD_REQUEST, detail).at(at),
            Fault::Refused(detail) => Self::new(StatusCode::CONFLICT, detail),
            Fault::KeyOfAnother => Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail),
            Fault::Database(error) => Self::from(error),
            Fault::Vault(_) | Fault::Program(_) => Self::in_the_log(),
        }
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        let later = |status, seconds, detail: &str| Self {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Self::new(status, detail)
        };
        match error {
            DbError::Full(_) => later(
                StatusCode::INSUFFICIENT_STORAGE,
                60,
                "the server's disk is full: nothing can be changed until there is room",
            ),
            error @ DbError::NotTaken(_) => {
                tracing::warn!(error = %with_causes(&error), "a request has a value that cannot be stored");
                let detail = "a value of the request cannot be stored";
                Self::new(StatusCode::BAD_REQUEST, detail)
            }
            error if error.class() == Class::Retry => later(
                StatusCode::SERVICE_UNAVAILABLE,
                5,
                "the server cannot reach its database now",
            ),
            _ => Self::in_the_log(),
        }
    }
}

impl From<Denial> for Problem {
    fn from(denial: Denial) -> Self {
        let problem = Self::new(StatusCode::FORBIDDEN, denial.to_string());
        match denial {
            Denial::Outranked => problem.kind("outranked", "They have more rights than you"),
            Denial::Oneself => problem.kind("oneself", "Somebody else must do this for you"),
            Denial::Credential => problem.kind("credential", "This credential is not for that"),
            Denial::NotActive => problem.kind("not-active", "Your account is not active"),
            Denial::SecondFactorMissing => {
                problem.kind("second-factor-missing", "Set up a second factor first")
            }
            Denial::SecondFactorNotShown => {
                problem.kind("second-factor-not-shown", "Sign in with your second factor")
            }
            _ => problem,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let problem = v1::Problem {
            kind: format!("/problems/{}", self.kind),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            request: request_id::current(),
            errors: self.errors,
            attempt: self.attempt.map(String::from),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let json = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, json);
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
