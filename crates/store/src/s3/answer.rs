//! What a server answered, and what that means.

use std::io;

use reqwest::{Response, StatusCode};

use super::client::plain;
use crate::remote::{STALLED_AFTER, stalled};
use crate::throttle::{Limits, wait_for};
use crate::{StoreError, files};

/// The longest answer that is not an object, in bytes.
const TEXT_LEN_MAX: u64 = 16 << 20;

/// The longest explanation that is repeated.
const MESSAGE_LEN_MAX: usize = 300;

/// An answer, and the question.
pub(super) struct Answer {
    op: &'static str,
    path: String,
    key_id: String,
    response: Response,
}

impl Answer {
    pub(super) fn new(op: &'static str, path: String, key_id: String, response: Response) -> Self {
        Self {
            op,
            path,
            key_id,
            response,
        }
    }

    /// Says whether a put was refused because there is an object of that name.
    pub(super) fn says_it_is_there(&self) -> bool {
        self.response.status() == StatusCode::PRECONDITION_FAILED
    }

    pub(super) fn is_partial(&self) -> bool {
        self.response.status() == StatusCode::PARTIAL_CONTENT
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Returns how many bytes the answer has, or would have.
    pub(super) fn length(&self) -> Result<u64, StoreError> {
        let length = self.header("content-length").map(str::parse);
        match length {
            Some(Ok(length)) => Ok(length),
            _ => Err(self.failed(io::Error::other("the server does not say how long it is"))),
        }
    }

    fn failed(&self, error: io::Error) -> StoreError {
        StoreError::from_io(self.op, &self.path, error)
    }

    /// The error of a server that does what it should not.
    pub(super) fn refused(&self, why: &str) -> StoreError {
        StoreError::Refused {
            server: self
                .response
                .url()
                .host_str()
                .unwrap_or("the server")
                .into(),
            op: self.op,
            path: self.path.clone(),
            why: why.to_owned(),
        }
    }

    /// Returns a body of `size` bytes.
    pub(super) async fn body(mut self, size: u64, limits: &Limits) -> Result<Vec<u8>, StoreError> {
        let room = usize::try_from(size).map_err(io::Error::other);
        let room = room.and_then(files::room_for);
        let mut bytes = room.map_err(|error| self.failed(error))?;
        loop {
            let next = tokio::time::timeout(STALLED_AFTER, self.response.chunk()).await;
            let next = next.map_err(|_| self.failed(stalled()))?;
            let Some(piece) = next.map_err(|error| self.failed(plain(error)))? else {
                break;
            };
            if bytes.len() + piece.len() > bytes.capacity() {
                return Err(self.failed(io::Error::other("there is more than was announced")));
            }
            bytes.extend_from_slice(&piece);
            tokio::time::sleep(wait_for(limits.download.as_ref(), piece.len())).await;
        }
        if bytes.len() as u64 != size {
            return Err(self.failed(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }

    /// Returns the text of an answer that is not an object.
    pub(super) async fn text(mut self) -> Result<String, StoreError> {
        let mut bytes = Vec::new();
        loop {
            let next = tokio::time::timeout(STALLED_AFTER, self.response.chunk()).await;
            let next = next.map_err(|_| self.failed(stalled()))?;
            let Some(piece) = next.map_err(|error| self.failed(plain(error)))? else {
                break;
            };
            bytes.extend_from_slice(&piece);
            if bytes.len() as u64 > TEXT_LEN_MAX {
                return Err(self.failed(io::Error::other("the answer has no end")));
            }
        }
        String::from_utf8(bytes).map_err(|_| self.failed(io::ErrorKind::InvalidData.into()))
    }

    /// Returns the answer if it says that all is well, and what it means otherwise.
    pub(super) async fn checked(self) -> Result<Self, StoreError> {
        if self.response.status().is_success() {
            return Ok(self);
        }
        Err(self.into_error().await)
    }

    async fn into_error(self) -> StoreError {
        let status = self.response.status();
        let (op, path, key_id) = (self.op, self.path.clone(), self.key_id.clone());
        let server = self
            .response
            .url()
            .host_str()
            .unwrap_or("the server")
            .to_owned();
        let region = self.header("x-amz-bucket-region").map(str::to_owned);
        let text = self.text().await.unwrap_or_default();
        let code = between(&text, "<Code>", "</Code>").unwrap_or_default();
        let message = between(&text, "<Message>", "</Message>").unwrap_or_default();
        let said = format!("{status} {code} {}", shortened(message));
        let said = said.trim_end().to_owned();
        let refused = |why: String| StoreError::Refused {
            server: server.clone(),
            op,
            path: path.clone(),
            why,
        };
        let failed = |text: String| StoreError::from_io(op, &path, io::Error::other(text));
        match (status.as_u16(), code) {
            (_, "NoSuchBucket") => refused("there is no such bucket".to_owned()),
            (_, "RequestTimeTooSkewed") => refused(format!(
                "the clocks of this computer and of the server differ too much ({said})"
            )),
            (_, "QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage") | (507, _) => {
                StoreError::Full {
                    path,
                    source: io::Error::other(said),
                }
            }
            (404, _) => StoreError::NotFound { path },
            (416, _) => StoreError::Truncated {
                path,
                size: 0,
                end: 0,
            },
            (301 | 307 | 400, _) if region.is_some() => {
                let region = region.unwrap_or_default();
                refused(format!("the bucket is in the region {region} ({said})"))
            }
            // A lock, or a right that this credential lacks, and others may not: whoever deletes goes on without.
            (401 | 403, _) if op == "delete" => StoreError::Denied {
                op,
                path,
                source: io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    format!("{said}, to the credential {key_id}"),
                ),
            },
            (401 | 403, _) => refused(format!("{said}, to the credential {key_id}")),
            (408 | 409 | 425 | 429 | 500..=599, _) => failed(said),
            _ => refused(said),
        }
    }
}

/// Returns what stands between two marks.
pub(super) fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inner, _)| inner.trim())
}

fn shortened(message: &str) -> String {
    let plain = message.chars().filter(|c| !c.is_control());
    plain.take(MESSAGE_LEN_MAX).collect()
}
