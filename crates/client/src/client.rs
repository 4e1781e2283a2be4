//! Sends requests, and repeats those that may be repeated.

use std::io::{self, Write};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, IF_MATCH, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strongroom_api::v1;
use strongroom_base::ids::to_hex;
use strongroom_base::random::RandomSource;
use strongroom_crypto::secret::SecretBytes;
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::endpoint::{Endpoint, Request, Sort, Verb};
use crate::tls::{self, Refused};
use crate::{ClientError, Pages, Reply, ServerAddress};

/// How long it may take to connect.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// How long an answer may take; the server gives up after a minute.
const ANSWER_WITHIN: Duration = Duration::from_secs(75);
/// How long what is downloaded may stand still.
const STALLED_AFTER: Duration = Duration::from_mins(1);
/// Most bytes of an answer that is held in memory.
const ANSWER_LEN_MAX: usize = 64 << 20;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("client")
        .enable_all()
        .build()
});

/// How often a request is sent that does no harm twice, and how long is waited in between.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How often at most.
    pub attempts: u32,
    /// How long after the first; twice as long after each further one.
    pub wait: Duration,
    /// The longest wait that a server may ask for; what asks for more is not repeated.
    pub wait_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 4,
            wait: Duration::from_millis(500),
            wait_max: Duration::from_secs(10),
        }
    }
}

/// A client of one server, signed in or not.
pub struct Client {
    http: reqwest::Client,
    refused: Refused,
    server: ServerAddress,
    session: Option<SecretBytes>,
    patience: Patience,
    random: Arc<dyn RandomSource>,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    pub fn new(
        server: ServerAddress,
        session: Option<SecretBytes>,
        random: Arc<dyn RandomSource>,
    ) -> Result<Self, ClientError> {
        let broken = |error: io::Error| ClientError::Tls(error);
        let (tls, refused) =
            tls::config(server.pin).map_err(|error| broken(io::Error::other(error)))?;
        let mut http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(STALLED_AFTER.max(ANSWER_WITHIN))
            .https_only(true)
            // A credential is for one server; it is not taken elsewhere.
            .redirect(Policy::none())
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
        if server.is_here() {
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(|error| broken(plain(error)))?,
            refused,
            server,
            session,
            patience: Patience::default(),
            random,
        })
    }

    /// Takes another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Returns the server.
    pub fn server(&self) -> &ServerAddress {
        &self.server
    }

    pub(crate) fn random(&self) -> &dyn RandomSource {
        &*self.random
    }

    /// Asks an endpoint that takes a body.
    pub fn call<T: Serialize, G: DeserializeOwned>(
        &self,
        endpoint: &Endpoint<T, G>,
        names: &[&str],
        body: &T,
    ) -> Result<G, ClientError> {
        let request = endpoint.request(names).body(body)?;
        self.send(&request)?.read(&self.server.to_string())
    }

    /// Asks an endpoint that takes none.
    pub fn ask<T, G: DeserializeOwned>(
        &self,
        endpoint: &Endpoint<T, G>,
        names: &[&str],
    ) -> Result<G, ClientError> {
        let reply = self.send(&endpoint.request(names))?;
        reply.read(&self.server.to_string())
    }

    /// Begins to read a list.
    pub fn pages(&self, request: Request) -> Pages<'_> {
        Pages::new(self, request)
    }

    /// Sends a request, again where that does no harm and may help.
    pub fn send(&self, request: &Request) -> Result<Reply, ClientError> {
        let key = request.has_key().then(|| {
            let mut key = [0; 16];
            self.random.fill(&mut key);
            to_hex(&key)
        });
        let work = async {
            let mut attempt = 1;
            loop {
                let error = match self.once(request, key.as_deref()).await {
                    Ok(reply) => return Ok(reply),
                    Err(error) => error,
                };
                let Some(wait) = self.wait_before_repeat(request, &error, attempt) else {
                    return Err(error);
                };
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
        };
        let reply = block_on(work)?;
        if let Sort::Secret(field) = request.sort
            && reply.replayed
            && reply.body.get(field).is_none()
        {
            return Err(ClientError::SecretLost { field });
        }
        Ok(reply)
    }

    /// Downloads what an endpoint gives, and returns how many bytes that was.
    pub fn download(&self, request: &Request, to: &mut dyn Write) -> Result<u64, ClientError> {
        let work = async {
            let mut response = self.begin(request, None).await?;
            if response.status() != 200 {
                return Err(self.problem(response).await);
            }
            let mut n_bytes = 0;
            while let Some(part) = response.chunk().await.map_err(|error| self.failed(error))? {
                to.write_all(&part).map_err(ClientError::Output)?;
                n_bytes += part.len() as u64;
            }
            Ok(n_bytes)
        };
        block_on(work)
    }

    /// Returns how long to wait before a request is sent again; `None` if it is not.
    fn wait_before_repeat(
        &self,
        request: &Request,
        error: &ClientError,
        attempt: u32,
    ) -> Option<Duration> {
        let Patience {
            attempts,
            wait,
            wait_max,
        } = self.patience;
        let asked = match error {
            ClientError::Unreachable { .. } => Duration::ZERO,
            ClientError::Refused {
                problem,
                retry_after,
            } if matches!(problem.status, 429 | 502..=504) => {
                Duration::from_secs(retry_after.unwrap_or(0))
            }
            _ => return None,
        };
        let wait = asked.max(wait.saturating_mul(1 << (attempt - 1).min(8)));
        let may = request.is_repeatable() && attempt < attempts && asked <= wait_max;
        may.then_some(wait)
    }

    async fn once(&self, request: &Request, key: Option<&str>) -> Result<Reply, ClientError> {
        let response = self.begin(request, key).await?;
        let status = response.status();
        if !status.is_success() {
            return Err(self.problem(response).await);
        }
        let is_said = |name: &str| response.headers().get(name).is_some_and(|v| v == "true");
        let (dry_run, replayed) = (
            is_said("strongroom-dry-run"),
            is_said("idempotency-replayed"),
        );
        let bytes = self.body(response).await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            let read = serde_json::from_slice(&bytes);
            read.map_err(|error| self.not_understood(error.to_string()))?
        };
        Ok(Reply {
            status: status.as_u16(),
            body,
            dry_run,
            replayed,
        })
    }

    async fn begin(
        &self,
        request: &Request,
        key: Option<&str>,
    ) -> Result<reqwest::Response, ClientError> {
        let method = match request.verb {
            Verb::Get => reqwest::Method::GET,
            Verb::Post => reqwest::Method::POST,
            Verb::Put => reqwest::Method::PUT,
            Verb::Patch => reqwest::Method::PATCH,
            Verb::Delete => reqwest::Method::DELETE,
        };
        let mut sent = self.http.request(method, self.url(request));
        sent = sent.headers(self.headers(request, key));
        if request.sort != Sort::Download {
            sent = sent.timeout(ANSWER_WITHIN);
        }
        if let Some(body) = &request.body {
            sent = sent.header(CONTENT_TYPE, "application/json");
            sent = sent.body(body.to_string());
        }
        sent.send().await.map_err(|error| self.failed(error))
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.server.url().clone();
        let prefix = v1::PREFIX.trim_start_matches('/').split('/');
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(prefix).extend(&request.path);
        }
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        url
    }

    fn headers(&self, request: &Request, key: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let bearer = self.session.as_ref().and_then(|session| {
            let text = std::str::from_utf8(session.expose_bytes()).ok()?;
            HeaderValue::from_str(&format!("Bearer {}", text.trim())).ok()
        });
        if let Some(mut bearer) = bearer.filter(|_| request.sort != Sort::Public) {
            bearer.set_sensitive(true);
            headers.insert(AUTHORIZATION, bearer);
        }
        let texts = [
            (IF_MATCH, request.version.as_deref()),
            (IDEMPOTENCY_KEY, key),
        ];
        for (name, text) in texts {
            let value = text.and_then(|text| HeaderValue::from_str(text).ok());
            headers.extend(value.map(|value| (name, value)));
        }
        headers
    }

    async fn body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|error| self.failed(error))? {
            if bytes.len() + part.len() > ANSWER_LEN_MAX {
                return Err(self.not_understood("an answer without end".to_owned()));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }

    /// Reads what a server says that does not do what it is asked.
    async fn problem(&self, response: reqwest::Response) -> ClientError {
        let status = response.status().as_u16();
        let after = response.headers().get(RETRY_AFTER);
        let retry_after = after.and_then(|after| after.to_str().ok()?.parse().ok());
        let bytes = match self.body(response).await {
            Ok(bytes) => bytes,
            Err(error) => return error,
        };
        match serde_json::from_slice::<v1::Problem>(&bytes) {
            Ok(problem) => ClientError::Refused {
                problem: Box::new(v1::Problem { status, ..problem }),
                retry_after,
            },
            // A proxy in between has its own words.
            Err(_not_one) if matches!(status, 502..=504) => ClientError::Unreachable {
                server: self.server.place(),
                source: io::Error::other(format!("status {status}, and no reason")),
            },
            Err(_not_one) => self.not_understood(format!("status {status}, and no reason")),
        }
    }

    fn not_understood(&self, what: String) -> ClientError {
        ClientError::NotUnderstood {
            server: self.server.place(),
            what,
        }
    }

    fn failed(&self, error: reqwest::Error) -> ClientError {
        let server = self.server.place();
        match (self.refused.take(), self.server.pin) {
            (Some(shown), Some(pinned)) => ClientError::OtherCertificate {
                server,
                shown,
                pinned,
            },
            (Some(shown), None) => ClientError::Unvouched { server, shown },
            (None, _) => ClientError::Unreachable {
                server,
                source: plain(error),
            },
        }
    }
}

fn block_on<T>(work: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    match &*RUNTIME {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(ClientError::Tls(error.kind().into())),
    }
}

/// The error of a request with what caused it, without its URL.
fn plain(error: reqwest::Error) -> io::Error {
    let kind = if error.is_timeout() {
        io::ErrorKind::TimedOut
    } else {
        io::ErrorKind::Other
    };
    let text = strongroom_base::with_causes(&error.without_url());
    io::Error::new(kind, text)
}
