//! Sealed objects: `spec/archive-v1.md`, section 4.
//!
//! ```text
//! magic 4 | kind 1 | suite 1 | box length 2 = 0 | generation 4 | epoch 4 | salt 24 | commitment 32 | cells
//! ```

use strongroom_base::ids::{ArchiveId, Epoch, Generation};
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::keys::SealedKind;
use strongroom_crypto::seal::{self, Opener, PREFIX_LEN, Sealer, SealingKey};
use strongroom_crypto::suite::Suite;

use super::error::FormatError;
use super::limits::BODY_LEN_MAX;

/// Length in bytes of an encoded [`SealedHeader`].
pub const HEADER_LEN: usize = 16;
/// Bytes in front of the first cell.
pub const CELLS_START: usize = HEADER_LEN + PREFIX_LEN;

const MAGIC: [u8; 4] = *b"SRs1";
const CONTEXT_LABEL: &[u8] = b"strongroom archive-v1\0";

/// What a reader must know before it can open a sealed object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedHeader {
    /// What is sealed.
    pub kind: SealedKind,
    /// The algorithms.
    pub suite: Suite,
    /// The generation that wrote it.
    pub generation: Generation,
    /// The epoch whose secret sealed it.
    pub epoch: Epoch,
}

impl SealedHeader {
    /// Returns the bytes that go in front of the salt.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = self.kind.code();
        bytes[5] = self.suite.code();
        bytes[8..12].copy_from_slice(&self.generation.0.to_be_bytes());
        bytes[12..].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes
    }

    /// Reads a header that [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let magic = reader
            .array("magic")
            .map_err(FormatError::malformed("sealed object"))?;
        if magic != MAGIC {
            return Err(FormatError::NotThis {
                expected: "a sealed object",
            });
        }
        Self::decode_fields(&mut reader).map_err(FormatError::malformed("sealed object"))
    }

    fn decode_fields(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = SealedKind::from_code(reader.u8("kind")?).ok_or(invalid("kind"))?;
        let suite = Suite::from_code(reader.u8("suite")?).ok_or(invalid("suite"))?;
        if reader.u16("box length")? != 0 {
            return Err(invalid("box length"));
        }
        let generation = Generation::read(reader, "generation")?;
        let epoch = Epoch::read(reader, "epoch")?;
        Ok(Self {
            kind,
            suite,
            generation,
            epoch,
        })
    }

    /// Returns the context that the seal is bound to.
    pub fn context(&self, archive: ArchiveId) -> Vec<u8> {
        let mut context = Vec::with_capacity(64);
        context.extend_from_slice(CONTEXT_LABEL);
        context.push(self.kind.code());
        context.extend_from_slice(&archive.0);
        context.put_u32(self.generation.0);
        context.put_u32(self.epoch.0);
        context.push(self.suite.code());
        context
    }
}

/// Gives the sealing key of an epoch, where there is one.
pub trait EpochKeys {
    /// Returns the key that sealed objects with this header.
    fn sealing_key(&self, header: &SealedHeader) -> Option<SealingKey>;
}

/// Appends `plaintext`, sealed, to `out`.
pub fn seal_object(
    header: &SealedHeader,
    archive: ArchiveId,
    key: &SealingKey,
    salt: &[u8; seal::SALT_LEN],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) {
    let sealed_len = object_len(header.suite, plaintext.len() as u64);
    out.reserve_exact(usize::try_from(sealed_len).unwrap_or(0));
    out.extend_from_slice(&header.encode());
    seal::seal(key, salt, &header.context(archive), plaintext, out);
}

/// Appends what stands before the first cell of a sealed object to `out`; the plaintext comes piece by piece.
pub fn begin_object(
    header: &SealedHeader,
    archive: ArchiveId,
    key: &SealingKey,
    salt: &[u8; seal::SALT_LEN],
    out: &mut Vec<u8>,
) -> Sealer {
    out.extend_from_slice(&header.encode());
    Sealer::begin(key, salt, &header.context(archive), out)
}

/// Returns the length of a sealed object with a plaintext of this length.
pub fn object_len(suite: Suite, plaintext_len: u64) -> u64 {
    HEADER_LEN as u64 + seal::sealed_len(suite, plaintext_len)
}

/// Returns the length of the plaintext of a sealed object of this length.
pub fn plaintext_len(suite: Suite, object_len: u64) -> Option<u64> {
    seal::plaintext_len(suite, object_len.checked_sub(HEADER_LEN as u64)?)
}

/// Opens a whole sealed object of the kind `kind`.
pub fn open_object(
    bytes: &[u8],
    kind: SealedKind,
    archive: ArchiveId,
    keys: &dyn EpochKeys,
) -> Result<(SealedHeader, Vec<u8>), FormatError> {
    let header = SealedHeader::decode(bytes)?;
    if header.kind != kind {
        return Err(FormatError::NotThis {
            expected: kind_words(kind),
        });
    }
    let key = keys.sealing_key(&header).ok_or(FormatError::NoSuchEpoch {
        epoch: header.epoch.0,
    })?;
    let plaintext = seal::open(&key, &header.context(archive), &bytes[HEADER_LEN..])
        .map_err(FormatError::sealed(kind_words(kind)))?;
    Ok((header, plaintext))
}

/// Opens the sealed body of a record of this generation.
pub fn open_body(
    bytes: &[u8],
    generation: Generation,
    archive: ArchiveId,
    keys: &dyn EpochKeys,
) -> Result<Vec<u8>, FormatError> {
    let (header, plaintext) = open_object(bytes, SealedKind::Body, archive, keys)?;
    let wrong = FormatError::malformed(kind_words(SealedKind::Body));
    if header.generation != generation {
        return Err(wrong(invalid("generation")));
    }
    if plaintext.len() > BODY_LEN_MAX {
        return Err(wrong(invalid("length")));
    }
    Ok(plaintext)
}

/// Prepares to open cells of a sealed object whose header, salt and commitment are known.
pub fn opener(
    header: &SealedHeader,
    prefix: &[u8; PREFIX_LEN],
    archive: ArchiveId,
    keys: &dyn EpochKeys,
) -> Result<Opener, FormatError> {
    let key = keys.sealing_key(header).ok_or(FormatError::NoSuchEpoch {
        epoch: header.epoch.0,
    })?;
    Opener::new(&key, &header.context(archive), prefix)
        .map_err(FormatError::sealed(kind_words(header.kind)))
}

fn kind_words(kind: SealedKind) -> &'static str {
    match kind {
        SealedKind::Pack => "a pack",
        SealedKind::Index => "an index run",
        SealedKind::Body => "the body of a record",
    }
}
