//! A new passkey (level 3, section 7.1).

use strongroom_crypto::passkey::PublicKey;

use super::authenticator_data::AuthenticatorData;
use super::cbor::Map;
use super::{Ceremony, ClientData, PasskeyError, PasskeySite};

/// What a browser sends of a new passkey.
#[derive(Clone, Copy, Debug)]
pub struct Registration<'a> {
    /// The id that the browser names.
    pub id: &'a [u8],
    /// What the browser says that it was asked; its challenge is one that was given for this.
    pub client_data: &'a ClientData,
    /// What the authenticator says, with an attestation.
    pub attestation: &'a [u8],
}

/// A passkey that may be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id, which its authenticator chose.
    pub id: Vec<u8>,
    /// What checks its signatures.
    pub public_key: PublicKey,
    /// How often its authenticator has signed, if it counts.
    pub counter: u32,
    /// Whether it may be copied to other devices of its user.
    pub may_be_copied: bool,
}

/// Checks a new passkey; that its id is nobody else's is left to the caller.
///
/// No attestation is asked for, so none says which authenticator it is: what comes is none, or one that the passkey made
/// of itself.
pub fn verify_registration(
    site: &PasskeySite,
    sent: &Registration<'_>,
) -> Result<Registered, PasskeyError> {
    sent.client_data.check(site, Ceremony::Registration)?;
    let attestation = Map::whole(sent.attestation).ok_or(PasskeyError::Attestation)?;
    let signed = attestation
        .bytes("authData")
        .ok_or(PasskeyError::Attestation)?;
    let data = AuthenticatorData::parse(signed)?;
    data.check(site)?;
    let may_be_copied = data.may_be_copied();
    let counter = data.counter;
    let (id, public_key) = data.credential.ok_or(PasskeyError::AuthenticatorData)?;
    if id != sent.id {
        return Err(PasskeyError::CredentialId);
    }
    let message = [signed, &sent.client_data.hash()[..]].concat();
    check_attestation(&attestation, &public_key, &message)?;
    Ok(Registered {
        id,
        public_key,
        counter,
        may_be_copied,
    })
}

fn check_attestation(
    attestation: &Map<'_>,
    public_key: &PublicKey,
    message: &[u8],
) -> Result<(), PasskeyError> {
    let format = attestation.text("fmt").ok_or(PasskeyError::Attestation)?;
    let statement = attestation
        .map("attStmt")
        .ok_or(PasskeyError::Attestation)?;
    match format {
        "none" if statement.is_empty() => Ok(()),
        // By the passkey itself, with no certificate (section 8.2).
        "packed" if statement.len() == 2 => {
            let signature = statement.bytes("sig").ok_or(PasskeyError::Attestation)?;
            if statement.number("alg") != Some(public_key.algorithm().code().into()) {
                return Err(PasskeyError::Attestation);
            }
            let verified = public_key.verify(message, signature);
            verified.map_err(|_bad| PasskeyError::Signature)
        }
        _ => Err(PasskeyError::OtherAttestation),
    }
}
