//! Connections to the server: TLS with its own certificate, and requests one after the other.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where the server is, and by what it is known.
#[derive(Clone)]
pub(crate) struct Site {
    address: SocketAddr,
    one: TlsConnector,
    two: TlsConnector,
}

/// What is asked.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) bearer: String,
    /// The address that it seems to come from, as a trusted proxy says.
    pub(crate) from: Option<IpAddr>,
    pub(crate) body: Option<Value>,
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// A connection that is opened when it is needed, and again when the server has ended it.
pub(crate) struct Connection {
    site: Site,
    open: Option<http1::SendRequest<Full<Bytes>>>,
}

/// A connection that is kept.
pub(crate) struct Kept {
    sender: http2::SendRequest<Full<Bytes>>,
}

impl Site {
    /// Knows a server by its certificate, which vouches for itself.
    pub(crate) fn new(address: SocketAddr, certificate: &Path) -> Result<Self> {
        let certificate = CertificateDer::from_pem_file(certificate).context("the certificate")?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate)?;
        let connector = |protocol: &[u8]| -> Result<TlsConnector> {
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let builder = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots.clone());
            let mut config = builder.with_no_client_auth();
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self {
            address,
            one: connector(b"http/1.1")?,
            two: connector(b"h2")?,
        })
    }

    /// Returns a connection for requests one after the other.
    pub(crate) fn connection(&self) -> Connection {
        Connection {
            site: self.clone(),
            open: None,
        }
    }

    /// Opens a connection that stays open while nothing is asked.
    pub(crate) async fn keep(&self) -> Result<Kept> {
        let stream = self.secured(&self.two).await?;
        let executor = TokioExecutor::new();
        let (sender, connection) = http2::handshake(executor, TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Kept { sender })
    }

    async fn secured(&self, connector: &TlsConnector) -> Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        Ok(connector.connect(name, stream).await?)
    }
}

impl Connection {
    /// Asks, and returns what is answered, whatever it is.
    pub(crate) async fn ask(&mut self, asked: &Asked) -> Result<Answer> {
        // One that the server ended while nothing was asked shows only when it is used.
        let is_fresh = self.open.is_none();
        match self.once(asked).await {
            Err(_ended) if !is_fresh => self.once(asked).await,
            other => other,
        }
    }

    /// Asks, and returns what is answered, which must be good.
    pub(crate) async fn good(&mut self, asked: &Asked) -> Result<Value> {
        self.ask(asked).await?.good(asked)
    }

    /// Ends it, so that the next request opens another.
    pub(crate) fn end(&mut self) {
        self.open = None;
    }

    async fn once(&mut self, asked: &Asked) -> Result<Answer> {
        let mut sender = match self.open.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let stream = self.site.secured(&self.site.one).await?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                sender
            }
        };
        sender.ready().await?;
        let response = sender.send_request(asked.request("localhost")?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        self.open = Some(sender);
        Ok(Answer { status, body })
    }
}

impl Kept {
    /// Asks, and returns what is answered, which must be good.
    pub(crate) async fn good(&mut self, asked: &Asked) -> Result<Value> {
        self.sender.ready().await?;
        let request = asked.request("https://localhost")?;
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Answer { status, body }.good(asked)
    }

    /// Tells whether the server has ended it.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

impl Asked {
    /// Asks for something as somebody.
    pub(crate) fn get(path: impl Into<String>, bearer: &str) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            bearer: bearer.to_owned(),
            ..Self::default()
        }
    }

    /// Sends something as somebody.
    pub(crate) fn post(path: impl Into<String>, bearer: &str, body: Value) -> Self {
        Self {
            method: "POST",
            body: Some(body),
            ..Self::get(path, bearer)
        }
    }

    /// The same, from an address.
    pub(crate) fn from(self, address: IpAddr) -> Self {
        Self {
            from: Some(address),
            ..self
        }
    }

    fn request(&self, host: &str) -> Result<Request<Full<Bytes>>> {
        // The first version names the host in a header, the second in the address.
        let is_named = host.contains("://");
        let start = if is_named { host } else { "" };
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("{start}/api/v1{}", self.path));
        if !is_named {
            request = request.header("host", host);
        }
        if !self.bearer.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.bearer));
        }
        if let Some(from) = self.from {
            request = request.header("x-forwarded-for", from.to_string());
        }
        let body = match &self.body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Bytes::from(serde_json::to_vec(body)?)
            }
            None => Bytes::new(),
        };
        Ok(request.body(Full::new(body))?)
    }
}

impl Answer {
    fn good(self, asked: &Asked) -> Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        ensure!(
            self.status.is_success(),
            "{} {} {}: {text}",
            asked.method,
            asked.path,
            self.status
        );
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| text.clone().into_owned())
    }
}

/// Returns a text of an answer.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str> {
    let text = value[name].as_str();
    text.with_context(|| format!("there is no {name} in the answer"))
}
