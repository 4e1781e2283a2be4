//! `GET /api/v1/audit/export`

use axum::http::{HeaderName, header};
use axum::routing::get;
use strongroom_api::v1;
use strongroom_domain::access::Action;

use crate::app::audit;
use crate::app::{Pace, Right};
use crate::http::body::Asked;
use crate::http::caller::Viewer;
use crate::http::endpoint::{Endpoint, query};
use crate::http::problem::Problem;

pub(crate) const ENDPOINT: Endpoint = Endpoint {
    path: "/api/v1/audit/export",
    about: "Exports the audit log from an entry on, so that it can be verified offline; what the caller may not see is there as digests",
    right: Right::List(Action::AuditRead),
    pace: Pace::Heavy,
    query: Some(query::<v1::AuditExportQuery>),
    route: || get(handler),
    ..Endpoint::READ
};

async fn handler(
    Viewer(view): Viewer,
    Asked(query): Asked<v1::AuditExportQuery>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let export = audit::export(&view, &query).await?;
    let kind = match export.format {
        v1::AuditFormat::Json => "application/jsonl",
        v1::AuditFormat::Csv => "text/csv; charset=utf-8",
        v1::AuditFormat::Cef => "text/plain; charset=utf-8",
    };
    Ok(([(header::CONTENT_TYPE, kind)], export.text))
}
