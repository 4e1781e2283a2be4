//! Password slots: the custody key, wrapped by a private password.

use strongroom_base::ids::{ArchiveId, SlotId};
use strongroom_base::random::RandomSource;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::custody::{CustodyKey, open_small, seal_small};
use strongroom_crypto::password::{PasswordParams, stretch};
use strongroom_crypto::secret::Secret;

use super::super::error::FormatError;
use super::WHAT;

const SLOT_LABEL: &str = "strongroom keys-v1 password slot";
const WRAP_LEN_MAX: usize = 256;
/// Length of the custody key, sealed as a small value.
const WRAP_LEN: usize = 24 + 32 + 32 + 16;
const SLOT_NAME_LEN_MAX: usize = 64;
const SLOT_PASSWORD: u8 = 1;

/// A wrap of the custody key under a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Names the slot.
    pub id: SlotId,
    /// A name for people.
    pub name: String,
    params: PasswordParams,
    salt: [u8; 16],
    wrap: Vec<u8>,
}

impl Slot {
    /// Wraps the custody key under a password.
    pub fn new(
        archive: ArchiveId,
        custody: &CustodyKey,
        name: &str,
        password: &[u8],
        random: &dyn RandomSource,
    ) -> Result<Self, FormatError> {
        let id = SlotId::random(random);
        let mut salt = [0; 16];
        random.fill(&mut salt);
        let params = PasswordParams::DEFAULT;
        let mut slot = Self {
            id,
            name: name.to_owned(),
            params,
            salt,
            wrap: Vec::new(),
        };
        let key = slot.stretch(password)?;
        let associated = slot.associated(archive);
        slot.wrap = seal_small(
            key.expose_bytes(),
            SLOT_LABEL,
            &associated,
            random,
            custody.expose_bytes(),
        );
        Ok(slot)
    }

    /// Says whether to try a password takes no longer than with what writers use.
    pub fn is_usual(&self) -> bool {
        let (own, usual) = (&self.params, PasswordParams::DEFAULT);
        own.memory_kib <= usual.memory_kib && own.passes <= usual.passes
    }

    /// Unwraps the custody key; the error is of the class wrong key where the password is wrong.
    pub fn open(&self, archive: ArchiveId, password: &[u8]) -> Result<CustodyKey, FormatError> {
        let key = self.stretch(password)?;
        let opened = open_small(
            key.expose_bytes(),
            SLOT_LABEL,
            &self.associated(archive),
            &self.wrap,
        )
        .map_err(FormatError::sealed("the password slot"))?;
        let bytes: [u8; 32] = opened
            .expose_bytes()
            .try_into()
            .map_err(|_| FormatError::malformed(WHAT)(invalid("wrap")))?;
        Ok(CustodyKey::from_bytes(bytes))
    }

    fn stretch(&self, password: &[u8]) -> Result<Secret<32>, FormatError> {
        stretch(password, &self.salt, &self.params)
            .map_err(|_| FormatError::malformed(WHAT)(invalid("password parameters")))
    }

    fn associated(&self, archive: ArchiveId) -> Vec<u8> {
        let mut out = archive.0.to_vec();
        out.extend_from_slice(&self.id.0);
        self.put_params(&mut out);
        out
    }

    fn put_params(&self, out: &mut Vec<u8>) {
        out.put_u32(self.params.memory_kib);
        out.put_u32(self.params.passes);
        out.put_u32(self.params.lanes);
        out.extend_from_slice(&self.salt);
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        out.push(SLOT_PASSWORD);
        out.put_bytes(self.name.as_bytes());
        self.put_params(out);
        out.put_bytes(&self.wrap);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let id = SlotId(reader.array("slot id")?);
        if reader.u8("slot kind")? != SLOT_PASSWORD {
            return Err(invalid("slot kind"));
        }
        let name = reader.bytes(SLOT_NAME_LEN_MAX, "slot name")?.to_vec();
        let name = String::from_utf8(name).map_err(|_| invalid("slot name"))?;
        let params = PasswordParams {
            memory_kib: reader.u32("memory")?,
            passes: reader.u32("passes")?,
            lanes: reader.u32("lanes")?,
        };
        let salt = reader.array("salt")?;
        if params.check().is_err() {
            return Err(invalid("password parameters"));
        }
        let wrap = reader.bytes(WRAP_LEN_MAX, "wrap")?.to_vec();
        if wrap.len() != WRAP_LEN {
            return Err(invalid("wrap"));
        }
        Ok(Self {
            id,
            name,
            params,
            salt,
            wrap,
        })
    }
}
