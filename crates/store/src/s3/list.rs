//! Listings, page by page.

use std::io;

use rusty_s3::actions::{ListObjectsV2, ListObjectsV2Response};

use super::S3;
use crate::StoreError;

/// How far down a listing goes.
#[derive(Clone, Copy)]
pub(super) enum Depth {
    /// To what is there, and to the names of the folders there.
    One,
    /// To everything below.
    All,
}

impl S3 {
    /// Fetches one page of a listing: of all that is below, or of what is there and the folders there.
    async fn page(
        &self,
        below: &str,
        depth: Depth,
        token: Option<&str>,
    ) -> Result<ListObjectsV2Response, StoreError> {
        let mut action = self
            .client
            .bucket()
            .list_objects_v2(Some(self.client.signer()));
        action.with_prefix(below);
        if matches!(depth, Depth::One) {
            action.with_delimiter("/");
        }
        if let Some(token) = token {
            action.with_continuation_token(token);
        }
        let answer = self.client.send("list", &below, action, None).await?;
        let text = answer.checked().await?.text().await?;
        ListObjectsV2::parse_response(&text).map_err(|error| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error.to_string());
            StoreError::from_io("list", &below, error)
        })
    }

    /// Fetches a listing, page by page.
    pub(super) fn pages(
        &self,
        prefix: &str,
        depth: Depth,
        visit: &mut dyn FnMut(ListObjectsV2Response),
    ) -> Result<(), StoreError> {
        let below = format!("{}{prefix}", self.prefix);
        let mut token: Option<String> = None;
        loop {
            let mut page = Self::run(&prefix, self.page(&below, depth, token.as_deref()))?;
            let next = page.next_continuation_token.take();
            visit(page);
            if next.is_some() && next == token {
                let error = io::Error::other("the listing does not go on");
                return Err(StoreError::from_io("list", &prefix, error));
            }
            token = next;
            if token.is_none() {
                return Ok(());
            }
        }
    }
}
