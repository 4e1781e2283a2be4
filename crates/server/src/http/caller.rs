//! The extractors that stand before every handler: who asks, and that they may.
//!
//! A handler lists one of them first, so it runs before the body is read: whoever lacks the right gets the same answer
//! whatever they send.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;
use strongroom_crypto::hash::Hasher;

use super::answer::{Answer, Reply, Stop};
use super::endpoint::Endpoint;
use super::problem::Problem;
use super::{Site, SiteRef, address};
use crate::app::access::{Request, view};
use crate::app::computers::Machine;
use crate::app::sign_in::Stranger;
use crate::app::{Aim, App, Bearer, Conditions, Deed, IfMatch, View};

/// Most characters of an idempotency key.
const KEY_LEN_MAX: usize = 255;

/// A request that reads, and may.
pub(crate) struct Viewer(pub(crate) View);

/// Somebody who has not signed in yet.
pub(crate) struct Unknown(pub(crate) Stranger);

impl FromRequestParts<SiteRef> for Unknown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &SiteRef) -> Result<Self, Problem> {
        let from = address::of(&parts.extensions, &parts.headers, &site.trusted_proxies);
        Ok(Self(Stranger::new(&site.app, from)?))
    }
}

/// A computer that checks in, by its own credential.
pub(crate) struct ByComputer(pub(crate) Machine);

impl FromRequestParts<SiteRef> for ByComputer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &SiteRef) -> Result<Self, Problem> {
        let endpoint = endpoint(parts)?;
        let request = request(parts, site, endpoint).await?;
        Ok(Self(Machine::admit(&site.app, &request).await?))
    }
}

/// A request that changes something, and may, as far as it can be told before its body is read.
pub(crate) struct Intent {
    app: Arc<App>,
    endpoint: &'static Endpoint,
    request: Request,
    conditions: Conditions,
    path: String,
}

impl FromRequestParts<SiteRef> for Viewer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &SiteRef) -> Result<Self, Problem> {
        let endpoint = endpoint(parts)?;
        let request = request(parts, site, endpoint).await?;
        let view = view(&site.app, &request).await?;
        Ok(Self(view))
    }
}

impl FromRequestParts<SiteRef> for Intent {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &SiteRef) -> Result<Self, Problem> {
        let endpoint = endpoint(parts)?;
        let request = request(parts, site, endpoint).await?;
        // The transaction ends here: a slow body holds none.
        drop(view(&site.app, &request).await?);
        Ok(Self {
            app: Arc::clone(&site.app),
            endpoint,
            request,
            conditions: conditions(parts, endpoint)?,
            path: parts.uri.path().to_owned(),
        })
    }
}

impl Intent {
    /// Begins the change, with the hash of the body.
    pub(crate) async fn begin(&self, body: [u8; 32]) -> Result<Deed, Stop> {
        let mut conditions = self.conditions.clone();
        if let Some((_, hash)) = &mut conditions.idempotency {
            let mut hasher = Hasher::new();
            hasher.update(self.endpoint.method.name().as_bytes());
            hasher.update(self.path.as_bytes()).update(&body);
            *hash = hasher.finalize();
        }
        let begun = Deed::begin(&self.app, &self.request, conditions).await;
        match begun.map_err(Problem::from)? {
            Ok(deed) => Ok(deed),
            Err(replay) => Err(Stop::Replay(replay)),
        }
    }

    /// Makes the change permanent, and answers.
    pub(crate) async fn finish<T: Serialize>(&self, deed: Deed, given: T) -> Reply {
        let value = serde_json::to_value(given).map_err(|_never| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer is no JSON")
        })?;
        let answer = Answer {
            status: self.endpoint.status,
            dry_run: self.conditions.dry_run,
            body: self.endpoint.gives.is_some().then_some(value),
        };
        let stored = answer.without(self.endpoint.secret);
        let finished = deed.finish(self.endpoint.status, &stored).await;
        finished.map_err(Problem::from)?;
        Ok(answer)
    }
}

fn endpoint(parts: &Parts) -> Result<&'static Endpoint, Problem> {
    let found = parts.extensions.get::<&'static Endpoint>().copied();
    found.ok_or_else(|| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the endpoint is in no table",
        )
    })
}

async fn request(
    parts: &mut Parts,
    site: &Site,
    endpoint: &'static Endpoint,
) -> Result<Request, Problem> {
    Ok(Request {
        bearer: bearer(&parts.headers),
        address: address::of(&parts.extensions, &parts.headers, &site.trusted_proxies),
        right: endpoint.right,
        aim: aim(parts).await?,
        pace: endpoint.pace,
    })
}

fn bearer(headers: &HeaderMap) -> Option<Bearer> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = text.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    Bearer::from_text(secret.trim())
}

/// Returns what the first name in the path is about. What can be no id names nothing that is there.
async fn aim(parts: &mut Parts) -> Result<Aim, Problem> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await;
    let parameters = parameters.map_err(|_not_utf8| {
        Problem::new(StatusCode::NOT_FOUND, "there is nothing of that kind")
    })?;
    let Some((name, value)) = parameters.iter().next() else {
        return Ok(Aim::Nothing);
    };
    let aim = match name {
        "organisation" => value.parse().map(Aim::Organisation).ok(),
        "user" => value.parse().map(Aim::User).ok(),
        "group" => value.parse().map(Aim::Group).ok(),
        "session" => value.parse().map(Aim::Session).ok(),
        "token" => value.parse().map(Aim::Token).ok(),
        "computer" => value.parse().map(Aim::Computer).ok(),
        "passkey" => value.parse().map(Aim::Passkey).ok(),
        _ => None,
    };
    Ok(aim.unwrap_or(Aim::Nowhere))
}

fn conditions(parts: &Parts, endpoint: &Endpoint) -> Result<Conditions, Problem> {
    let wrong = |at: &str, detail: &str| Problem::new(StatusCode::BAD_REQUEST, detail).at(at);
    let dry_run = match parts.uri.query() {
        None | Some("" | "dry-run=false") => false,
        Some("dry-run=true") => true,
        Some(_) => {
            let detail = "a change takes no query but `dry-run=true`";
            return Err(wrong("query", detail));
        }
    };
    let if_match = match parts.headers.get(header::IF_MATCH) {
        None => IfMatch::Missing,
        Some(value) => if_match(value.to_str().unwrap_or_default())
            .ok_or_else(|| wrong("If-Match", "this is no version: it is one number in quotes"))?,
    };
    let key = match parts.headers.get("idempotency-key") {
        None => None,
        Some(value) => {
            let key = value.to_str().unwrap_or_default();
            if key.is_empty() || key.len() > KEY_LEN_MAX {
                let detail = "an idempotency key has from 1 to 255 characters of ASCII";
                return Err(wrong("Idempotency-Key", detail));
            }
            Some((key.to_owned(), [0; 32]))
        }
    };
    Ok(Conditions {
        if_match,
        needs_version: endpoint.needs_version,
        // A dry run leaves nothing, and so no answer that could be given again.
        idempotency: key.filter(|_| !dry_run),
        dry_run,
    })
}

fn if_match(text: &str) -> Option<IfMatch> {
    if text.trim() == "*" {
        return Some(IfMatch::Any);
    }
    let version = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    version.parse().ok().map(IfMatch::Version)
}
