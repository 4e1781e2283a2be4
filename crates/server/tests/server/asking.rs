//! Requests as they are put together, and what was answered.

use std::net::IpAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use strongroom_server::http::Peer;
use tower::ServiceExt as _;

use crate::world::{Person, World};

/// What was answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Answer {
    /// Checks the status, and gives the body.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> &Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        &self.body
    }

    /// Checks that it is a problem of a kind, and gives what it says.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, kind: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(self.body["type"], format!("/problems/{kind}"));
        assert_eq!(self.body["status"], status);
        self.body["detail"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A request that is put together.
pub(crate) struct Asking<'a> {
    pub(crate) world: &'a World,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) bearer: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) from: IpAddr,
}

impl Asking<'_> {
    pub(crate) fn by(self, person: &Person) -> Self {
        self.bearer(&person.bearer)
    }

    pub(crate) fn bearer(mut self, bearer: &str) -> Self {
        self.bearer = Some(bearer.to_owned());
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(&body.to_string())
    }

    pub(crate) fn text(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn version(self, version: i64) -> Self {
        self.header("if-match", &format!("\"{version}\""))
    }

    pub(crate) fn from(mut self, address: [u8; 4]) -> Self {
        self.from = IpAddr::from(address);
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let router = self.world.router.clone();
        self.send_to(router).await
    }

    pub(crate) async fn send_to(self, router: Router) -> Answer {
        let mut builder = Request::builder()
            .method(self.method.as_str())
            .uri(self.path)
            .extension(Peer(self.from));
        if let Some(bearer) = self.bearer {
            builder = builder.header("authorization", format!("Bearer {bearer}"));
        }
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let body = match self.body {
            Some(body) => {
                builder = builder.header("content-type", "application/json");
                Body::from(body)
            }
            None => Body::empty(),
        };
        let response = router.oneshot(builder.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: serde_json::from_str(&text).unwrap_or(json!(null)),
            text,
        }
    }
}

/// Sends a body without a world, and gives the status.
pub(crate) async fn post(router: Router, path: &str, bearer: &str, body: &Value) -> u16 {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/api/v1{path}"))
        .extension(Peer(IpAddr::from([192, 0, 2, 1])))
        .header("authorization", format!("Bearer {bearer}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    let response = router.oneshot(request.unwrap()).await.unwrap();
    response.status().as_u16()
}
