//! Signs requests, sends them, and notices when nothing moves.

use std::error::Error;
use std::fmt::{self, Display, Write as _};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::CONTENT_LENGTH;
use reqwest::redirect::Policy;
use rusty_s3::actions::S3Action;
use rusty_s3::{Bucket, Credentials, Method};

use super::answer::Answer;
use super::upload::Upload;
use crate::StoreError;
use crate::remote::{CONNECT_WITHIN, STALLED_AFTER, while_it_moves};
use crate::throttle::Limits;

/// How long a signature is good; a request must begin within this time.
const SIGNED_FOR: Duration = Duration::from_mins(15);

/// Sends signed requests to one bucket.
pub(super) struct Client {
    http: reqwest::Client,
    bucket: Bucket,
    credentials: Credentials,
    limits: Limits,
}

impl Client {
    pub(super) fn new(
        bucket: Bucket,
        credentials: Credentials,
        limits: Limits,
    ) -> io::Result<Self> {
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            // A signature is for one host; going elsewhere with it is of no use.
            .redirect(Policy::none())
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
        if is_this_computer(bucket.base_url()) {
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(io::Error::other)?,
            bucket,
            credentials,
            limits,
        })
    }

    pub(super) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    pub(super) fn signer(&self) -> &Credentials {
        &self.credentials
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sends one request, and returns the answer, whatever it says.
    pub(super) async fn send<'a, A: S3Action<'a>>(
        &self,
        op: &'static str,
        path: &dyn Display,
        mut action: A,
        body: Option<Bytes>,
    ) -> Result<Answer, StoreError> {
        if let Some(bytes) = &body {
            let sum = crc32c::crc32c(bytes).to_be_bytes();
            let headers = action.headers_mut();
            headers.insert("x-amz-sdk-checksum-algorithm", "CRC32C");
            headers.insert("x-amz-checksum-crc32c", STANDARD.encode(sum));
        }
        let url = action.sign(SIGNED_FOR);
        let mut request = self.http.request(method::<A>(), url);
        for (name, value) in action.headers_mut().iter() {
            request = request.header(name, value);
        }
        let moved = Arc::new(AtomicU64::new(0));
        if let Some(bytes) = body {
            request = request.header(CONTENT_LENGTH, bytes.len());
            let upload = Upload::new(bytes, self.limits.upload.clone(), Arc::clone(&moved));
            request = request.body(reqwest::Body::wrap(upload));
        }
        let answered = while_it_moves(request.send(), &moved, STALLED_AFTER).await;
        let failed = |error| StoreError::from_io(op, path, error);
        let response = answered.map_err(failed)?;
        let response = response.map_err(|error| failed(plain(error)))?;
        Ok(Answer::new(
            op,
            path.to_string(),
            self.credentials.key().to_owned(),
            response,
        ))
    }
}

/// The error of a transfer, without its URL, which holds a signature.
pub(super) fn plain(error: reqwest::Error) -> io::Error {
    let kind = if error.is_timeout() {
        io::ErrorKind::TimedOut
    } else {
        io::ErrorKind::Other
    };
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    io::Error::new(kind, text)
}

fn method<'a, A: S3Action<'a>>() -> reqwest::Method {
    match A::METHOD {
        Method::Head => reqwest::Method::HEAD,
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// Says whether a URL is one of this computer, which no proxy leads to.
fn is_this_computer(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.bucket).finish()
    }
}
