//! What is answered in the place of what was asked for (RFC 9457).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind it is: `/problems/` and a name that programs can rely on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What it was this time.
    pub detail: String,
    /// The number under which the server's log has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request: Option<String>,
    /// Where in the request it is.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldProblem>,
    /// What the second step of a sign-in names, where this is what is missing.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attempt: Option<String>,
}

/// What is wrong with a part of a request.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Which part: a path in the body.
    pub at: String,
    /// What is wrong.
    pub detail: String,
}
