//! Why bytes of an archive were refused.

use strongroom_base::wire::WireError;
use strongroom_base::{Class, Classified};
use strongroom_crypto::seal::OpenError;

/// Why bytes of an archive were refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes do not start as the structure does.
    #[error("these bytes are not {expected}")]
    NotThis {
        /// What was expected.
        expected: &'static str,
    },
    /// The structure was written by a newer program.
    #[error("{what} has the newer format version {found}: a newer program is needed")]
    TooNew {
        /// The structure.
        what: &'static str,
        /// The version that was found.
        found: u8,
    },
    /// The structure needs a feature that this program does not have.
    #[error("the archive needs the feature `{feature}`, which a newer program has")]
    UnknownFeature {
        /// The name of the feature.
        feature: String,
    },
    /// A field is not as a writer writes it.
    #[error("malformed {what}")]
    Malformed {
        /// The structure.
        what: &'static str,
        /// The field.
        #[source]
        source: WireError,
    },
    /// The seal does not open.
    #[error("cannot open {what}")]
    Sealed {
        /// The structure.
        what: &'static str,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The key ring has no secret for the epoch that sealed the object.
    #[error("the key ring has no secret for epoch {epoch}")]
    NoSuchEpoch {
        /// The epoch.
        epoch: u32,
    },
    /// The key ring has no room for another epoch.
    #[error("the key ring has no room for another epoch")]
    TooManyEpochs,
    /// The signature is not that of the key it should be.
    #[error("the signature of {what} is wrong")]
    BadSignature {
        /// The structure.
        what: &'static str,
    },
}

impl FormatError {
    /// Returns a function that names the structure whose field was refused.
    pub fn malformed(what: &'static str) -> impl Fn(WireError) -> Self {
        move |source| Self::Malformed { what, source }
    }

    /// Returns a function that names the structure whose seal did not open.
    pub fn sealed(what: &'static str) -> impl Fn(OpenError) -> Self {
        move |source| Self::Sealed { what, source }
    }
}

impl Classified for FormatError {
    fn class(&self) -> Class {
        match self {
            Self::TooNew { .. } | Self::UnknownFeature { .. } | Self::TooManyEpochs => {
                Class::Caller
            }
            Self::NotThis { .. }
            | Self::Malformed { .. }
            | Self::NoSuchEpoch { .. }
            | Self::BadSignature { .. } => Class::Damage,
            Self::Sealed { source, .. } => source.class(),
        }
    }
}
