//! Connections: accepted, secured, served, and ended when the program is.
//!
//! Everything a client may draw out has a limit: the handshake, the head of a request, its body (`body`), the whole
//! answer (`around`), and how many connections there are.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt as _;

use super::challenge::secured;
use super::{Peer, SiteRef, router};

/// How long a handshake may take, and the head of a request.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
const HEAD_MAX: Duration = Duration::from_secs(10);

/// How long requests under way may take when the program is to end.
const FAREWELL: Duration = Duration::from_secs(20);

/// Most bytes of the head of a request.
const HEAD_LEN_MAX: usize = 32 * 1024;

/// Most requests at once on one connection.
const STREAMS_MAX: u32 = 100;

/// How connections are served.
#[derive(Clone)]
pub struct Serving {
    /// What is said of TLS; without it, nothing is secured, which is for tests and for proxies on this computer.
    pub tls: Option<Arc<ServerConfig>>,
    /// Most connections at once.
    pub connections_max: usize,
}

/// Serves connections until `end` is done, and then those that are open to the end of their requests.
pub async fn serve(
    listener: TcpListener,
    site: SiteRef,
    serving: Serving,
    end: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(serving.connections_max));
    let router = router(Arc::clone(&site));
    tokio::pin!(end);
    loop {
        let accepting = accept(&listener, &places);
        let (stream, peer, place) = tokio::select! {
            () = &mut end => break,
            accepted = accepting => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // What is wrong with one connection, or for a moment, is no reason to end.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let connection = Connection {
            stream,
            peer,
            router: router.clone(),
            tls: serving.tls.clone(),
            site: Arc::clone(&site),
        };
        let watcher = graceful.watcher();
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            site.metrics.connections.inc();
            if let Err(error) = connection.run(watcher).await {
                tracing::debug!(error = %error, "a connection ended early");
            }
            site.metrics.connections.dec();
            drop(place);
        });
    }
    site.end();
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests that took too long were cut off");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, Peer(address.ip()), place))
}

struct Connection {
    stream: TcpStream,
    peer: Peer,
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    site: SiteRef,
}

impl Connection {
    async fn run(
        self,
        watcher: hyper_util::server::graceful::Watcher,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (peer, router) = (self.peer, self.router);
        let service = hyper::service::service_fn(move |request: hyper::Request<_>| {
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let builder = builder();
        match self.tls {
            None => {
                let connection = builder.serve_connection(TokioIo::new(self.stream), service);
                watcher.watch(connection.into_owned()).await
            }
            Some(tls) => {
                let shaking = secured(&self.site, tls, self.stream);
                let shaken = tokio::time::timeout(HANDSHAKE_MAX, shaking).await??;
                let Some(stream) = shaken else {
                    return Ok(());
                };
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                watcher.watch(connection.into_owned()).await
            }
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_LEN_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEAD_LEN_MAX).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS_MAX)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}
