//! Why a server did not do what it was asked.

use std::io;

use strongroom_api::v1;
use strongroom_base::{Class, Classified};
use strongroom_crypto::opaque::OpaqueError;

use crate::{AddressError, Pin};

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The server was not reached, or did not answer in time.
    #[error("the server {server} does not answer")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Nobody vouches for the certificate, and none is pinned.
    #[error("nobody vouches for the certificate of {server}; its fingerprint is {shown}")]
    Unvouched {
        /// The server.
        server: String,
        /// What it showed.
        shown: Pin,
    },
    /// The server has another certificate than the pinned one.
    #[error("{server} shows another certificate than it should: {shown} and not {pinned}")]
    OtherCertificate {
        /// The server.
        server: String,
        /// What it showed.
        shown: Pin,
        /// What was expected.
        pinned: Pin,
    },
    /// This program cannot speak TLS here.
    #[error("secured connections cannot be made here")]
    Tls(#[source] io::Error),
    /// The server refused.
    #[error("{}", told(.problem))]
    Refused {
        /// What it said.
        problem: Box<v1::Problem>,
        /// After how many seconds it may be asked again.
        retry_after: Option<u64>,
    },
    /// The answer is not of the API.
    #[error("{server} answers with something else than this program understands: {what}")]
    NotUnderstood {
        /// The server.
        server: String,
        /// What it was.
        what: String,
    },
    /// It was done, and the answer with the secret was lost on its way.
    #[error("it was done, but the answer that showed `{field}` was lost, and it is shown once")]
    SecretLost {
        /// What was shown.
        field: &'static str,
    },
    /// What was to be sent is not what the endpoint takes.
    #[error("this is not what the server takes")]
    NotTaken(#[source] serde_json::Error),
    /// The server's organisation key is not the one that was named.
    #[error("the server has another organisation key than was named: {shown}")]
    OtherOrganisationKey {
        /// The fingerprint it has, or that it has none.
        shown: String,
    },
    /// The sign-in failed here.
    #[error(transparent)]
    SignIn(#[from] OpaqueError),
    /// What was downloaded cannot be written.
    #[error("what the server sent cannot be written")]
    Output(#[source] io::Error),
}

impl ClientError {
    /// Returns the kind of a refusal: the name after `/problems/`.
    pub fn kind(&self) -> Option<&str> {
        match self {
            Self::Refused { problem, .. } => problem.kind.strip_prefix("/problems/"),
            _ => None,
        }
    }

    /// Returns the status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { problem, .. } => Some(problem.status),
            _ => None,
        }
    }
}

/// What a problem says, with where in the request it is, and under which number the server's log has more.
fn told(problem: &v1::Problem) -> String {
    let mut text = problem.detail.clone();
    for error in &problem.errors {
        if error.detail == problem.detail {
            text = format!("{}: {text}", error.at);
        } else {
            text = format!("{text}; {}: {}", error.at, error.detail);
        }
    }
    match &problem.request {
        Some(request) if problem.status >= 500 => format!("{text} (request {request})"),
        _ => text,
    }
}

impl Classified for ClientError {
    fn class(&self) -> Class {
        match self {
            Self::Address(source) => source.class(),
            Self::SignIn(source) => source.class(),
            Self::OtherCertificate { .. } | Self::OtherOrganisationKey { .. } => Class::WrongKey,
            Self::Unreachable { .. } | Self::Tls(_) | Self::Output(_) => Class::Retry,
            Self::NotUnderstood { .. } => Class::Damage,
            Self::Unvouched { .. } | Self::SecretLost { .. } | Self::NotTaken(_) => Class::Caller,
            Self::Refused { problem, .. } => match problem.status {
                401 if problem.kind.ends_with("/wrong-password") => Class::WrongKey,
                408 | 429 | 500.. => Class::Retry,
                _ => Class::Caller,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, kind: &str) -> ClientError {
        let problem = v1::Problem {
            kind: format!("/problems/{kind}"),
            title: String::new(),
            status,
            detail: "a name has at most 64 characters".to_owned(),
            request: Some("r1".to_owned()),
            attempt: None,
            errors: vec![v1::FieldProblem {
                at: "name".to_owned(),
                detail: "a name has at most 64 characters".to_owned(),
            }],
        };
        ClientError::Refused {
            problem: Box::new(problem),
            retry_after: None,
        }
    }

    #[test]
    fn a_problem_says_what_and_where() {
        let error = refused(400, "bad-request");
        assert_eq!(error.to_string(), "name: a name has at most 64 characters");
        assert_eq!(
            (error.kind(), error.status()),
            (Some("bad-request"), Some(400))
        );
        let error = refused(500, "server-at-fault");
        assert!(error.to_string().ends_with("(request r1)"), "{error}");
    }

    #[test]
    fn a_status_says_what_can_be_done() {
        assert_eq!(refused(401, "wrong-password").class(), Class::WrongKey);
        assert_eq!(refused(401, "not-signed-in").class(), Class::Caller);
        assert_eq!(refused(412, "changed-since").class(), Class::Caller);
        assert_eq!(refused(429, "too-many").class(), Class::Retry);
        assert_eq!(refused(503, "unavailable").class(), Class::Retry);
    }
}
