//! `GET /api/v1/audit`

use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::Right;
use crate::app::audit;
use crate::http::answer::{Answer, Reply};
use crate::http::body::Asked;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, page, query};

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/audit",
    about: "Lists the entries of the audit log that the caller sees, the newest first",
    right: Right::List(Action::AuditRead),
    query: Some(query::<v1::AuditQuery>),
    gives: Some(page::<v1::AuditEntry>()),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(Viewer(view): Viewer, Asked(query): Asked<v1::AuditQuery>) -> Reply {
    Answer::of(audit::list(&view, &query).await?)
}
