//! Handshakes, and among them those of an authority that looks whether a name is ours (`tls-alpn-01`, RFC 8737). Any node
//! answers for an order of any other one.

use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::Acceptor;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use strongroom_base::with_causes;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::Site;
use super::tls::{Oldest, TlsError, speaking};
use crate::app::certificate;

/// What an authority offers, and nothing else.
const ACME_TLS: &[u8] = b"acme-tls/1";

/// Ends a handshake; `None` where an authority looked at a name: nothing else is said on such a connection.
pub(super) async fn secured(
    site: &Site,
    tls: Arc<ServerConfig>,
    stream: TcpStream,
) -> io::Result<Option<TlsStream<TcpStream>>> {
    if site.app.settings.acme.is_none() {
        return TlsAcceptor::from(tls).accept(stream).await.map(Some);
    }
    let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    let hello = start.client_hello();
    let is_looking = hello.alpn().is_some_and(|offered| offered.eq([ACME_TLS]));
    let name = hello.server_name().filter(|_| is_looking);
    let Some(name) = name.map(str::to_owned) else {
        return start.into_stream(tls).await.map(Some);
    };
    let digest = certificate::challenge(&site.app, &name).await;
    let digest = digest.unwrap_or_else(|error| {
        tracing::warn!(error = %with_causes(&error), "an authority could not be answered");
        None
    });
    // Where nobody asked for it, the handshake ends, since nothing that is offered is spoken.
    let Some(digest) = digest else {
        return start.into_stream(tls).await.map(Some);
    };
    let answer = answer(&name, &digest).map_err(io::Error::other)?;
    let mut stream = start.into_stream(answer).await?;
    stream.shutdown().await?;
    tracing::info!(name, "an authority has looked at a name");
    Ok(None)
}

/// Makes what an authority is shown that looks at a name.
fn answer(name: &str, digest: &[u8; 32]) -> Result<Arc<ServerConfig>, TlsError> {
    let key = KeyPair::generate().map_err(TlsError::Make)?;
    let mut params = CertificateParams::new([name.to_owned()]).map_err(TlsError::Make)?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key).map_err(TlsError::Make)?;
    let der = PrivatePkcs8KeyDer::from(key.serialize_der());
    let signing = aws_lc_rs::default_provider().key_provider;
    let signing = signing
        .load_private_key(der.into())
        .map_err(TlsError::Use)?;
    // The extension is critical, and none that rustls knows: it is not looked at here.
    let shown = CertifiedKey::new(vec![certificate.der().clone()], signing);
    let shown = Arc::new(SingleCertAndKey::from(shown));
    speaking(shown, Oldest::Tls12, &[ACME_TLS])
}
