//! Which certificate of a server is taken: the pinned one or one for the pinned key, and no other; or one that the system's
//! authorities vouch for. `spec/certificate-v1.md`, section 1.
//!
//! Whatever was shown and not taken is remembered, so that a person can be told its fingerprint.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier as System;
use strongroom_crypto::hash::sha256;

use crate::Pin;

/// Takes a certificate, or does not.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    refused: Refused,
}

#[derive(Debug)]
enum Trust {
    /// This one, or one for this key.
    Pinned(Pin),
    /// One that the system vouches for.
    System(System),
}

/// The certificate that was shown last and not taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused(Arc<Mutex<Option<Pin>>>);

impl Refused {
    /// Returns its fingerprint, and forgets it.
    pub(crate) fn take(&self) -> Option<Pin> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, pin: Pin) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pin);
    }
}

/// Makes what a client needs to speak TLS 1.3, or 1.2 with an old proxy in between.
pub(crate) fn config(pin: Option<Pin>) -> Result<(ClientConfig, Refused), Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let refused = Refused::default();
    let trust = match pin {
        Some(pin) => Trust::Pinned(pin),
        None => Trust::System(System::new(Arc::clone(&provider))?),
    };
    let verifier = Verifier {
        trust,
        provider: Arc::clone(&provider),
        refused: refused.clone(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok((config, refused))
}

/// Returns the hash of the key in a certificate. The handshake proves that the server has it.
fn pin_of_key(certificate: &CertificateDer<'_>) -> Option<Pin> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    Some(Pin::new(sha256(&parsed.subject_public_key_info())))
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Pin::new(sha256(end_entity));
        let verified = match &self.trust {
            Trust::Pinned(pin) if *pin == shown || Some(*pin) == pin_of_key(end_entity) => {
                Ok(ServerCertVerified::assertion())
            }
            Trust::Pinned(_) => Err(CertificateError::ApplicationVerificationFailure.into()),
            Trust::System(system) => system.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        };
        verified.inspect_err(|_not_taken| self.refused.put(shown))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
