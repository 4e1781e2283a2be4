//! The certificate that connections are shown. Another one may take its place while the server runs.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::tls::{Pem, TlsError};
use crate::app::certificate::validity;

/// The certificate that is shown; at first there is none.
#[derive(Debug, Default)]
pub struct Certificates(RwLock<Option<Shown>>);

#[derive(Clone, Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    ends: i64,
}

impl Certificates {
    /// Shows one from now on; says whether it is another one than before.
    pub fn show(&self, pem: &Pem) -> Result<bool, TlsError> {
        let key = certified(pem)?;
        let leaf = key.cert.first().ok_or(TlsError::Empty)?;
        let (_, ends) = validity(leaf).ok_or(TlsError::Empty)?;
        let ends = ends.0.div_euclid(1_000_000_000);
        let shown = Shown {
            ends: i64::try_from(ends).unwrap_or(i64::MAX),
            key: Arc::new(key),
        };
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = current
            .as_ref()
            .is_some_and(|before| before.key.cert == shown.key.cert);
        if !is_same {
            *current = Some(shown);
        }
        Ok(!is_same)
    }

    /// Returns when the one that is shown ends, in seconds since 1970.
    pub fn ends(&self) -> Option<i64> {
        self.current().map(|shown| shown.ends)
    }

    fn current(&self) -> Option<Shown> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current().map(|shown| shown.key)
    }
}

/// Reads a certificate and its key, which must belong together.
fn certified(pem: &Pem) -> Result<CertifiedKey, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(pem.certificates.as_bytes());
    let certificates: Result<Vec<_>, _> = certificates.collect();
    let certificates = certificates.map_err(TlsError::Read)?;
    let key = PrivateKeyDer::from_pem_slice(pem.key.as_bytes()).map_err(TlsError::Read)?;
    let provider = aws_lc_rs::default_provider();
    CertifiedKey::from_der(certificates, key, &provider).map_err(TlsError::Use)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::tls::self_signed;

    #[test]
    fn one_takes_the_place_of_another() {
        let certificates = Certificates::default();
        assert_eq!(certificates.ends(), None);
        let first = self_signed(&["localhost".to_owned()]).unwrap();
        assert!(certificates.show(&first).unwrap());
        assert!(!certificates.show(&first).unwrap());
        // The first of the year 2120.
        assert_eq!(certificates.ends(), Some(4_733_510_400));
        let second = self_signed(&["localhost".to_owned()]).unwrap();
        assert!(certificates.show(&second).unwrap());
        let mixed = Pem {
            certificates: first.certificates,
            key: second.key,
        };
        assert!(matches!(certificates.show(&mixed), Err(TlsError::Use(_))));
        // What cannot be used takes nobody's place.
        assert!(certificates.current().is_some());
    }
}
