//! Why an authority gave no certificate.

use strongroom_base::with_causes;

use crate::app::Fault;

/// Why an authority gave no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The authority refused, or was not reached.
    #[error("the authority did not do what it was asked: {0}")]
    Authority(String),
    /// It could not reach this server by a name, or found something else there.
    #[error(
        "the authority could not verify {0}; it must reach this server at port 443 of each name"
    )]
    NotVerified(String),
    /// It offers no challenge that this server can answer.
    #[error("the authority offers no `tls-alpn-01` for {0}")]
    NoChallenge(String),
    /// It took too long.
    #[error("the authority took too long")]
    TooLong,
    /// What it gave is no certificate for the key of this server.
    #[error("what the authority gave cannot be used: {0}")]
    NotUsable(String),
    /// A key or a request could not be made.
    #[error("a request for a certificate could not be made")]
    Request(#[from] rcgen::Error),
    /// The server is at fault.
    #[error(transparent)]
    Server(#[from] Fault),
}

impl From<instant_acme::Error> for CertificateError {
    fn from(error: instant_acme::Error) -> Self {
        Self::Authority(with_causes(&error))
    }
}

impl From<strongroom_db::DbError> for CertificateError {
    fn from(error: strongroom_db::DbError) -> Self {
        Self::Server(error.into())
    }
}
