//! A destination that is a bucket of a server that speaks S3.
//!
//! An object is put in one request, on the condition that there is none of its name (`If-None-Match: *`),
//! and with a checksum that the server compares; it is durable when the server has answered 200. Where a
//! server ignores the condition, a single writer that was declared looks before each put. Where the bucket has Object Lock, objects are put with a retention. `docs/adr/0007-remote-stores.md` says why the
//! requests are made with these libraries.

mod answer;
mod client;
mod list;
mod lock;
mod turns;
mod upload;

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use jiff::fmt::rfc2822;
use reqwest::header;
use rusty_s3::actions::S3Action as _;
use rusty_s3::{Bucket, UrlStyle};
use strongroom_base::clock::{Clock, Timestamp};
use url::Url;

use crate::prefix_folder;
use crate::remote::block_on;
use crate::store::check_range;
use crate::throttle::Limits;
use crate::{LockMode, LockRule, ObjectPath, Properties, PutOutcome, Store, StoreError};
use client::Client;
use list::Depth;
use lock::BucketLock;
use turns::Turns;

/// What a server knows somebody by. It is not shown, and the secret is overwritten when it is dropped.
pub struct Credential(rusty_s3::Credentials);

impl Credential {
    /// Makes a credential of an access key's id and its secret, and the token of a session if there is one.
    pub fn new(key_id: &str, secret: &str, token: Option<&str>) -> Self {
        Self(match token {
            Some(token) => rusty_s3::Credentials::new_with_token(key_id, secret, token),
            None => rusty_s3::Credentials::new(key_id, secret),
        })
    }
}

/// Where a bucket is, and how it is used.
#[derive(Debug)]
pub struct Options {
    /// The server, such as `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: Url,
    /// Whether the bucket is a part of the host's name instead of the path.
    pub bucket_in_host: bool,
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// What the names of all objects begin with, without slashes at its ends; may be empty.
    pub prefix: String,
    /// For how many days new objects are locked, and by whom a lock may be lifted; by default both are as
    /// the bucket says.
    pub lock_days: Option<u32>,
    /// See [`lock_days`](Self::lock_days).
    pub lock_mode: Option<LockMode>,
    /// Whether no other process writes to this place, so that looking before a put is enough where the server
    /// ignores the condition.
    pub single_writer: bool,
    /// Limits of the rate.
    pub limits: Limits,
}

/// Objects in a bucket.
pub struct S3 {
    client: Client,
    prefix: String,
    described: String,
    lock_days: Option<u32>,
    lock_mode: Option<LockMode>,
    clock: Arc<dyn Clock>,
    bucket_lock: OnceLock<Option<BucketLock>>,
    /// Where the condition is not relied on.
    turns: Option<Turns>,
}

impl S3 {
    /// Prepares the client; nothing is asked of the server yet.
    pub fn new(
        options: Options,
        credential: Credential,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let described = format!("s3 {}/{}", options.bucket, options.prefix);
        let invalid = |error: &dyn std::fmt::Display| StoreError::Refused {
            server: options.endpoint.to_string(),
            op: "use",
            path: options.bucket.clone(),
            why: error.to_string(),
        };
        let style = if options.bucket_in_host {
            UrlStyle::VirtualHost
        } else {
            UrlStyle::Path
        };
        let bucket = Bucket::new(
            options.endpoint.clone(),
            style,
            options.bucket.clone(),
            options.region.clone(),
        );
        let bucket = bucket.map_err(|error| invalid(&error))?;
        let client = Client::new(bucket, credential.0, options.limits)
            .map_err(|error| StoreError::from_io("open", &described, error))?;
        Ok(Self {
            client,
            prefix: match options.prefix.as_str() {
                "" => String::new(),
                prefix => format!("{prefix}/"),
            },
            described: described.trim_end_matches('/').to_owned(),
            lock_days: options.lock_days,
            lock_mode: options.lock_mode,
            clock,
            bucket_lock: OnceLock::new(),
            turns: options.single_writer.then(Turns::default),
        })
    }

    /// Asks the server whether the bucket is there and may be listed.
    pub fn check(&self) -> Result<(), StoreError> {
        let check = async {
            let mut action = self
                .client
                .bucket()
                .list_objects_v2(Some(self.client.signer()));
            action.with_prefix(self.prefix.as_str());
            action.with_max_keys(1);
            let answer = self
                .client
                .send("list", &self.described, action, None)
                .await?;
            answer.checked().await?.text().await
        };
        Self::run(&self.described, check).map(|_| ())
    }

    fn key(&self, path: &ObjectPath) -> String {
        format!("{}{path}", self.prefix)
    }

    fn run<T>(
        path: &dyn std::fmt::Display,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        block_on(work).unwrap_or_else(|error| Err(StoreError::from_io("reach", path, error)))
    }

    /// Fetches all of an object, or a part of it.
    async fn fetch(
        &self,
        path: &ObjectPath,
        part: Option<(u64, u64)>,
        len_max: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let key = self.key(path);
        let mut action = self
            .client
            .bucket()
            .get_object(Some(self.client.signer()), &key);
        if let Some((first, last)) = part {
            let headers = action.headers_mut();
            headers.insert("range", format!("bytes={first}-{last}"));
        }
        let answer = self.client.send("read", path, action, None).await?;
        let answer = answer.checked().await?;
        let size = answer.length()?;
        if part.is_some() && !answer.is_partial() {
            return Err(answer.refused("it sends whole objects where a part was asked for"));
        }
        if size > len_max {
            return Err(StoreError::TooLarge {
                path: path.to_string(),
                size,
                len_max,
            });
        }
        answer.body(size, self.client.limits()).await
    }

    async fn part(
        &self,
        path: &ObjectPath,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let last = offset
            .checked_add(len as u64)
            .and_then(|end| end.checked_sub(1));
        if let Some(last) = last.filter(|_| len > 0) {
            match self.fetch(path, Some((offset, last)), len as u64).await {
                Ok(bytes) if bytes.len() == len => return Ok(bytes),
                // A server answers with what there is, or that there is nothing of the range.
                Ok(_) | Err(StoreError::Truncated { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        check_range(path, self.head(path).await?.length()?, offset, len)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let short = io::Error::from(io::ErrorKind::UnexpectedEof);
        Err(StoreError::from_io("read", path, short))
    }

    async fn head(&self, path: &ObjectPath) -> Result<answer::Answer, StoreError> {
        let key = self.key(path);
        let action = self
            .client
            .bucket()
            .head_object(Some(self.client.signer()), &key);
        let answer = self.client.send("look at", path, action, None).await?;
        answer.checked().await
    }

    async fn is_there(&self, path: &ObjectPath) -> Result<bool, StoreError> {
        match self.head(path).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn put(&self, path: &ObjectPath, bytes: Bytes) -> Result<PutOutcome, StoreError> {
        let key = self.key(path);
        let mut action = self
            .client
            .bucket()
            .put_object(Some(self.client.signer()), &key);
        let headers = action.headers_mut();
        headers.insert("if-none-match", "*");
        if self.lock_days.is_some() {
            let bucket = self.bucket_lock(path).await?;
            let (mode, until) = self.retention(bucket.as_ref());
            headers.insert("x-amz-object-lock-mode", lock::mode_name(mode));
            headers.insert("x-amz-object-lock-retain-until-date", until);
        }
        let answer = self.client.send("write", path, action, Some(bytes)).await?;
        if answer.says_it_is_there() {
            return Ok(PutOutcome::AlreadyThere);
        }
        answer.checked().await.map(|_| PutOutcome::Stored)
    }

    async fn remove(&self, path: &ObjectPath) -> Result<(), StoreError> {
        let key = self.key(path);
        let mut action = self
            .client
            .bucket()
            .delete_object(Some(self.client.signer()), &key);
        if self.bucket_lock(path).await?.is_some() {
            // Without a version, a delete would only hide the object behind a mark.
            let version = match self.head(path).await {
                Err(StoreError::NotFound { .. }) => return Ok(()),
                head => head?.header("x-amz-version-id").map(str::to_owned),
            };
            if let Some(version) = version {
                let query = action.query_mut();
                query.insert("versionId", version);
            }
        }
        let answer = self.client.send("delete", path, action, None).await?;
        match answer.checked().await {
            Ok(_) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn rule(&self, bucket: Option<&BucketLock>) -> Option<LockRule> {
        let bucket = bucket?;
        let days = self.lock_days.or(bucket.default.map(|rule| rule.days))?;
        let mode = self.retention(Some(bucket)).0;
        Some(LockRule { mode, days })
    }
}

impl Store for S3 {
    fn put_new(&self, path: &ObjectPath, bytes: &[u8]) -> Result<PutOutcome, StoreError> {
        let _turn = self.turns.as_ref().map(|turns| turns.take(path));
        Self::run(path, async {
            if self.turns.is_some() && self.is_there(path).await? {
                return Ok(PutOutcome::AlreadyThere);
            }
            self.put(path, Bytes::copy_from_slice(bytes)).await
        })
    }

    fn get(&self, path: &ObjectPath, len_max: u64) -> Result<Vec<u8>, StoreError> {
        Self::run(path, self.fetch(path, None, len_max))
    }

    fn get_range(&self, path: &ObjectPath, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        Self::run(path, self.part(path, offset, len))
    }

    fn size(&self, path: &ObjectPath) -> Result<u64, StoreError> {
        Self::run(path, async { self.head(path).await?.length() })
    }

    fn modified(&self, path: &ObjectPath) -> Result<Timestamp, StoreError> {
        let head = Self::run(path, self.head(path))?;
        let text = head
            .header(header::LAST_MODIFIED.as_str())
            .unwrap_or_default();
        let time = rfc2822::parse(text).map_err(|_| {
            let error = io::Error::other(format!("`{text}` is not a time"));
            StoreError::from_io("look at", path, error)
        })?;
        Ok(Timestamp::from_parts(time.timestamp().as_second(), 0))
    }

    fn list(&self, prefix: &str, visit: &mut dyn FnMut(ObjectPath, u64)) -> Result<(), StoreError> {
        prefix_folder(prefix)?;
        self.pages(prefix, Depth::All, &mut |page| {
            for object in page.contents {
                let path = object.key.strip_prefix(&self.prefix).map(ObjectPath::new);
                if let Some(Ok(path)) = path {
                    visit(path, object.size.unwrap_or_default());
                }
            }
        })
    }

    fn folders(&self, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        self.pages("", Depth::One, &mut |page| {
            for folder in page.common_prefixes {
                let name = folder.prefix.strip_prefix(&self.prefix);
                visit(name.unwrap_or_default().trim_end_matches('/'));
            }
        })
    }

    fn delete(&self, path: &ObjectPath) -> Result<(), StoreError> {
        Self::run(path, self.remove(path))
    }

    fn locked_until(&self, path: &ObjectPath) -> Result<Option<Timestamp>, StoreError> {
        Self::run(path, async {
            lock::until_of(&self.head(path).await?, path)
        })
    }

    fn extend_lock(&self, path: &ObjectPath, until: Timestamp) -> Result<bool, StoreError> {
        Self::run(path, self.extend(path, until))
    }

    fn is_far(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        self.described.clone()
    }

    fn properties(&self) -> Result<Properties, StoreError> {
        let bucket = Self::run(&self.described, self.bucket_lock(&self.described))?;
        Ok(Properties {
            durable: "the server has compared the checksum and answered that it keeps the object",
            exclusive: self.turns.is_none(),
            free_bytes: None,
            lock: self.rule(bucket.as_ref()),
        })
    }
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.described)
    }
}
