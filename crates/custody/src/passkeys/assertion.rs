//! A sign-in with a passkey (level 3, section 7.2).

use strongroom_crypto::passkey::PublicKey;

use super::authenticator_data::AuthenticatorData;
use super::{Ceremony, ClientData, PasskeyError, PasskeySite};

/// What a browser sends of a sign-in.
#[derive(Clone, Copy, Debug)]
pub struct Assertion<'a> {
    /// What the browser says that it was asked; its challenge is one that was given for this.
    pub client_data: &'a ClientData,
    /// What the authenticator says.
    pub authenticator_data: &'a [u8],
    /// What the passkey signed of both.
    pub signature: &'a [u8],
    /// Whose the passkey says that it is.
    pub user_handle: Option<&'a [u8]>,
}

/// What is known of the passkey.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What checks its signatures.
    pub public_key: &'a PublicKey,
    /// How often its authenticator had signed, if it counts.
    pub counter: u32,
    /// Whether it may be copied to other devices of its user.
    pub may_be_copied: bool,
    /// Whose it is, as it was told at the registration.
    pub user_handle: &'a [u8],
    /// Whether it is known by other means who signs in; without, the passkey must say it.
    pub is_user_known: bool,
}

/// Checks a sign-in; returns how often the authenticator has signed by now.
///
/// The counter is looked at last: that it went back is told of a passkey whose signature was good, and of no other.
pub fn verify_assertion(
    site: &PasskeySite,
    sent: &Assertion<'_>,
    known: &Known<'_>,
) -> Result<u32, PasskeyError> {
    match sent.user_handle {
        Some(handle) if handle != known.user_handle => return Err(PasskeyError::OtherUser),
        None if !known.is_user_known => return Err(PasskeyError::OtherUser),
        Some(_) | None => {}
    }
    sent.client_data.check(site, Ceremony::SignIn)?;
    let data = AuthenticatorData::parse(sent.authenticator_data)?;
    data.check(site)?;
    if data.may_be_copied() != known.may_be_copied {
        return Err(PasskeyError::Copies);
    }
    let message = [sent.authenticator_data, &sent.client_data.hash()[..]].concat();
    let verified = known.public_key.verify(&message, sent.signature);
    verified.map_err(|_bad| PasskeyError::Signature)?;
    let counts = data.counter != 0 || known.counter != 0;
    if counts && data.counter <= known.counter {
        return Err(PasskeyError::CounterWentBack);
    }
    Ok(data.counter)
}
