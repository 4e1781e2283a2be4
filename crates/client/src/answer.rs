//! What a server answered that is no problem.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ClientError;

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body; null where there is none.
    pub body: Value,
    /// Whether everything was undone at the end.
    pub dry_run: bool,
    /// Whether the same request was answered before.
    pub replayed: bool,
}

impl Reply {
    /// Reads the body.
    pub(crate) fn read<G: DeserializeOwned>(self, server: &str) -> Result<G, ClientError> {
        serde_json::from_value(self.body).map_err(|error| ClientError::NotUnderstood {
            server: server.to_owned(),
            what: error.to_string(),
        })
    }
}
