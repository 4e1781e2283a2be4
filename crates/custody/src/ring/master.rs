//! What no change of the ring reaches: organisation keys, the set-up of sign-in, audit keys
//! (`spec/secrets-v1.md`, section 6).

use strongroom_base::random::RandomSource;
use strongroom_base::wire::{Reader, invalid};
use strongroom_crypto::custody::{MasterKey, open_small, seal_small};
use strongroom_crypto::secret::SecretBytes;

use super::{KeyId, OpenError, Place, RingError, SECRET_LEN_MAX};

const VERSION: u8 = 1;
const LABEL: &str = "strongroom secrets-v1 master";

/// Seals a secret for its place under the master key.
pub fn seal_under_master(
    key: &MasterKey,
    place: &Place,
    random: &dyn RandomSource,
    secret: &[u8],
) -> Result<Vec<u8>, RingError> {
    place.check()?;
    if secret.len() > SECRET_LEN_MAX {
        return Err(RingError::TooLong {
            max: SECRET_LEN_MAX,
        });
    }
    let mut associated = Vec::new();
    place.put(&mut associated);
    let mut value = vec![VERSION];
    value.extend_from_slice(&key.key_id());
    value.extend(seal_small(
        key.expose_bytes(),
        LABEL,
        &associated,
        random,
        secret,
    ));
    Ok(value)
}

/// Opens the value of a place that was sealed under the master key.
pub fn open_under_master(
    key: &MasterKey,
    place: &Place,
    bytes: &[u8],
) -> Result<SecretBytes, OpenError> {
    let mut reader = Reader::new(bytes);
    match reader.u8("version")? {
        VERSION => {}
        0 => return Err(invalid("version").into()),
        version => return Err(OpenError::TooNew { version }),
    }
    let named = KeyId(reader.array("master key id")?);
    if named.0 != key.key_id() {
        return Err(OpenError::MissingKey { key: named });
    }
    let mut associated = Vec::new();
    place.put(&mut associated);
    open_small(key.expose_bytes(), LABEL, &associated, reader.rest())
        .map_err(|_| OpenError::Damaged { key: named })
}
