//! The certificate of the server, and what of TLS it speaks.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use strongroom_base::ids::to_hex;
use strongroom_base::{Class, Classified};
use strongroom_crypto::hash::sha256;
use zeroize::Zeroizing;

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

/// Makes what a server needs to speak TLS.
pub fn config(pem: &Pem, oldest: Oldest) -> Result<Arc<ServerConfig>, TlsError> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem.certificates.as_bytes()).collect();
    let certificates = certificates.map_err(TlsError::Read)?;
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).map_err(TlsError::Read)?;
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
        .with_single_cert(certificates, key)
        .map_err(TlsError::Use)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
