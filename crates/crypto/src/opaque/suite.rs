//! The versions of sign-in, and what each of them fixes.

use opaque_ke::errors::InternalError;
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::ksf::Ksf;
use opaque_ke::{CipherSuite, Ristretto255, TripleDh};

use super::OpaqueError;
use crate::password::{PASSWORD_SALT_LEN, PasswordParams, fill};

/// What fixes groups, hashes and the costs of a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// ristretto255, SHA-512, 3DH, Argon2id with 64 MiB, 3 passes and 4 lanes.
    V1 = 1,
}

impl Version {
    /// The version of new records.
    pub const CURRENT: Self = Self::V1;

    /// Returns the number that stands for the version in stored bytes and messages.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the version that `code` stands for.
    pub fn from_code(code: u8) -> Result<Self, OpaqueError> {
        match code {
            1 => Ok(Self::V1),
            0 => Err(OpaqueError::Malformed {
                what: "the version of a record",
            }),
            version => Err(OpaqueError::TooNew { version }),
        }
    }

    /// Returns what one guess at a password costs.
    pub const fn costs(self) -> PasswordParams {
        match self {
            Self::V1 => PasswordParams {
                memory_kib: 64 * 1024,
                passes: 3,
                lanes: 4,
            },
        }
    }
}

/// The algorithms of [`Version::V1`].
pub(super) struct V1;

impl CipherSuite for V1 {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, sha2::Sha512>;
    type Ksf = StretchingV1;
}

/// Argon2id with the costs of [`Version::V1`].
#[derive(Default)]
pub(super) struct StretchingV1;

impl Ksf for StretchingV1 {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        let salt = [0; PASSWORD_SALT_LEN];
        fill(&input, &salt, &Version::V1.costs(), &mut output)
            .map_err(|_| InternalError::KsfError)?;
        Ok(output)
    }
}
