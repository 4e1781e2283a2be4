//! The keystore of the operating system: the Secret Service of D-Bus, which GNOME's keyring and `KWallet` are.
//!
//! A key is an item of the default collection, known by an id that is drawn for it. Nobody is ever asked to
//! unlock anything: a backup that runs by itself has nobody to ask.

use std::collections::HashMap;

use secret_service::EncryptionType;
use secret_service::Error as ServiceError;
use secret_service::blocking::{Collection, Item, SecretService};
use strongroom_base::ids::{from_hex, to_hex};
use strongroom_base::random::RandomSource as _;
use strongroom_crypto::random::SystemRandom;
use strongroom_crypto::secret::SecretBytes;

use crate::AgentError;

/// The attribute that all items of this program have, and its value.
const APPLICATION: (&str, &str) = ("application", "strongroom");
/// The attribute that has the id.
const ID: &str = "id";
/// How the text that refers to an item begins.
const REFERENCE: &str = "strongroom-keystore-v1:";

/// Names an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ItemId([u8; 16]);

impl ItemId {
    /// Returns the text that stands in place of the key.
    pub(super) fn to_reference(&self) -> String {
        format!("{REFERENCE}{}\n", to_hex(&self.0))
    }

    /// Reads such a text; `None` where it is something else.
    pub(super) fn from_reference(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let id = text.strip_prefix(REFERENCE)?.strip_suffix('\n')?;
        from_hex(id).map(Self)
    }
}

/// Stores a secret, reads it back, and returns how it is found again.
pub(super) fn put(label: &str, secret: &[u8]) -> Result<ItemId, AgentError> {
    let mut id = ItemId([0; 16]);
    SystemRandom.fill(&mut id.0);
    with_collection(|collection| {
        let hex = to_hex(&id.0);
        let attributes = HashMap::from([APPLICATION, (ID, hex.as_str())]);
        collection.create_item(label, attributes, secret, false, "text/plain")?;
        Ok(())
    })?;
    if get(&id)?.expose_bytes() == secret {
        Ok(id)
    } else {
        Err(AgentError::KeystoreLost)
    }
}

/// Reads a secret.
pub(super) fn get(id: &ItemId) -> Result<SecretBytes, AgentError> {
    let found = with_collection(|collection| {
        let hex = to_hex(&id.0);
        let items = collection.search_items(HashMap::from([APPLICATION, (ID, hex.as_str())]))?;
        let secret = items
            .first()
            .map(|item| item.get_secret().map(SecretBytes::new));
        secret.transpose()
    })?;
    found.ok_or(AgentError::KeystoreLost)
}

/// Removes a secret.
pub(super) fn delete(id: &ItemId) -> Result<(), AgentError> {
    with_collection(|collection| {
        let hex = to_hex(&id.0);
        let items = collection.search_items(HashMap::from([APPLICATION, (ID, hex.as_str())]))?;
        items.iter().try_for_each(Item::delete)
    })
}

/// Calls `with` with the default collection, which must be there and unlocked. Others will not do: that of
/// the session, for one, is gone with it.
fn with_collection<T>(
    with: impl FnOnce(&Collection<'_>) -> Result<T, ServiceError>,
) -> Result<T, AgentError> {
    let service = SecretService::connect(EncryptionType::Dh).map_err(failed)?;
    let collection = service.get_default_collection().map_err(failed)?;
    if collection.is_locked().map_err(failed)? {
        return Err(AgentError::KeystoreLocked);
    }
    with(&collection).map_err(failed)
}

fn failed(error: ServiceError) -> AgentError {
    match error {
        ServiceError::Locked | ServiceError::Prompt => AgentError::KeystoreLocked,
        error => AgentError::Keystore {
            source: Box::new(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_one_form() {
        let id = ItemId([0xab; 16]);
        let text = id.to_reference();
        assert_eq!(ItemId::from_reference(text.as_bytes()), Some(id));
        for wrong in [
            text.trim_end(),
            &text.to_uppercase(),
            &format!("{text}\n"),
            "",
        ] {
            assert_eq!(ItemId::from_reference(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
