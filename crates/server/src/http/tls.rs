//! The certificate of the server, and what of TLS it speaks.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PublicKeyData as _};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ResolvesServerCert;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use strongroom_base::ids::to_hex;
use strongroom_base::{Class, Classified};
use strongroom_crypto::hash::sha256;
use zeroize::Zeroizing;

use super::certificates::Certificates;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A certificate could not be made.
    #[error("a certificate could not be made")]
    Make(#[source] rcgen::Error),
    /// There is no certificate, or no key, in what should have one.
    #[error("the certificate or its key cannot be read")]
    Read(#[source] rustls::pki_types::pem::Error),
    /// There is no certificate in what should have one.
    #[error("this is no certificate")]
    Empty,
    /// They do not belong together, or cannot be used.
    #[error("the certificate cannot be used")]
    Use(#[source] rustls::Error),
}

impl Classified for TlsError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// Which versions are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oldest {
    /// 1.3 alone.
    Tls13,
    /// 1.2 too, for what is old.
    Tls12,
}

/// A certificate with its key, as text.
pub struct Pem {
    /// The certificate, and those above it.
    pub certificates: String,
    /// The key.
    pub key: Zeroizing<String>,
}

/// Makes a certificate that nobody else vouches for: clients pin it.
pub fn self_signed(names: &[String]) -> Result<Pem, TlsError> {
    let key = KeyPair::generate().map_err(TlsError::Make)?;
    let mut params = CertificateParams::new(names).map_err(TlsError::Make)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "Strongroom server");
    params.distinguished_name = subject;
    // It is known by its hash, and is replaced by an administrator and by no calendar.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2120, 1, 1);
    let certificate = params.self_signed(&key).map_err(TlsError::Make)?;
    Ok(Pem {
        certificates: certificate.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    })
}

/// Returns what clients pin: the SHA-256 hash of the first certificate, in hexadecimal.
pub fn fingerprint(pem: &Pem) -> Result<String, TlsError> {
    let certificate =
        CertificateDer::from_pem_slice(pem.certificates.as_bytes()).map_err(TlsError::Read)?;
    Ok(to_hex(&sha256(&certificate)))
}

/// Returns what clients pin where certificates come and go: the SHA-256 hash of the key in them, in hexadecimal.
pub fn key_fingerprint(key: &str) -> Result<String, TlsError> {
    let key = KeyPair::from_pem(key).map_err(TlsError::Make)?;
    Ok(to_hex(&sha256(&key.subject_public_key_info())))
}

/// Makes what a server needs to speak TLS with one certificate.
pub fn config(pem: &Pem, oldest: Oldest) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates = Certificates::default();
    certificates.show(pem)?;
    showing(Arc::new(certificates), oldest)
}

/// Makes what a server needs to speak TLS with the certificate that is shown when a connection begins.
pub fn showing(
    certificates: Arc<Certificates>,
    oldest: Oldest,
) -> Result<Arc<ServerConfig>, TlsError> {
    speaking(certificates, oldest, &[b"h2", b"http/1.1"])
}

/// As [`showing`], for the protocols of these names.
pub(super) fn speaking(
    certificates: Arc<dyn ResolvesServerCert>,
    oldest: Oldest,
    protocols: &[&[u8]],
) -> Result<Arc<ServerConfig>, TlsError> {
    let versions: &[&SupportedProtocolVersion] = match oldest {
        Oldest::Tls13 => &[&TLS13],
        Oldest::Tls12 => &[&TLS13, &TLS12],
    };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(TlsError::Use)?;
    let mut config = builder
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(Arc::new(config))
}
