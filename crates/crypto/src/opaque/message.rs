//! The messages, each a type of its own with one length.

use opaque_ke::errors::ProtocolError;

use super::OpaqueError;
use super::suite::V1;

macro_rules! message {
    ($(#[$doc:meta])* $name:ident, $library:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(pub(super) opaque_ke::$library<V1>);

        impl $name {
            /// How many bytes it has.
            pub const LEN: usize = $len;

            /// Reads it; refuses every other length, and bytes that are no such message.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpaqueError> {
                check_length(bytes, Self::LEN, $what)?;
                opaque_ke::$library::deserialize(bytes)
                    .map(Self)
                    .map_err(|_: ProtocolError| OpaqueError::Malformed { what: $what })
            }

            /// Returns its bytes.
            pub fn to_bytes(&self) -> [u8; $len] {
                let mut bytes = [0; $len];
                bytes.copy_from_slice(&self.0.serialize());
                bytes
            }
        }
    };
}

message!(
    /// First message of a registration, from the client.
    RegistrationRequest, RegistrationRequest, 32, "a registration request"
);
message!(
    /// Second message of a registration, from the server.
    RegistrationResponse, RegistrationResponse, 64, "a registration response"
);
message!(
    /// Last message of a registration, from the client. The password cannot be found from it
    /// without the server's set-up.
    RegistrationUpload, RegistrationUpload, 192, "a registration upload"
);
message!(
    /// First message of a login, from the client (KE1).
    LoginRequest, CredentialRequest, 96, "a login request"
);
message!(
    /// Second message of a login, from the server (KE2).
    LoginResponse, CredentialResponse, 320, "a login response"
);
message!(
    /// Last message of a login, from the client (KE3).
    LoginFinal, CredentialFinalization, 64, "the last message of a login"
);

/// Fails unless `bytes` are exactly as many as `what` has.
pub(super) fn check_length(
    bytes: &[u8],
    expected: usize,
    what: &'static str,
) -> Result<(), OpaqueError> {
    if bytes.len() == expected {
        Ok(())
    } else {
        Err(OpaqueError::Length {
            what,
            expected,
            found: bytes.len(),
        })
    }
}
