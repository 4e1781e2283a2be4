//! Stored values: a secret, sealed for one place (`spec/secrets-v1.md`, section 3).

use std::fmt;

use strongroom_base::random::RandomSource;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::secret::SecretBytes;
use strongroom_crypto::stored::StoredAlgorithm;

use super::{KeyId, KeySet, OpenError, Protection, RingError};

/// The longest secret, in bytes.
pub const SECRET_LEN_MAX: usize = 16_384;

/// The longest part of a place, in bytes.
pub(super) const PART_LEN_MAX: usize = 64;

const VERSION: u8 = 1;
const PLAIN: u8 = 0;
const PADDED_TO: usize = 64;

/// Where a value is stored: a column of a row of a table. The value opens nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The table, up to 64 bytes.
    pub table: String,
    /// The column, up to 64 bytes.
    pub column: String,
    /// The key of the row, up to 64 bytes; it never changes while the row lives.
    pub row: Vec<u8>,
}

impl Place {
    /// Makes a place.
    pub fn new(table: &str, column: &str, row: &[u8]) -> Self {
        Self {
            table: table.to_owned(),
            column: column.to_owned(),
            row: row.to_vec(),
        }
    }

    pub(super) fn check(&self) -> Result<(), RingError> {
        let longest = self.table.len().max(self.column.len()).max(self.row.len());
        if longest > PART_LEN_MAX {
            return Err(RingError::LongPlace {
                place: self.clone(),
            });
        }
        Ok(())
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.put_bytes(self.table.as_bytes());
        out.put_bytes(self.column.as_bytes());
        out.put_bytes(&self.row);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let text = |reader: &mut Reader<'_>, field| {
            let bytes = reader.bytes(PART_LEN_MAX, field)?;
            let text = std::str::from_utf8(bytes).map_err(|_| invalid(field))?;
            Ok::<_, WireError>(text.to_owned())
        };
        Ok(Self {
            table: text(reader, "table")?,
            column: text(reader, "column")?,
            row: reader.bytes(PART_LEN_MAX, "row")?.to_vec(),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = strongroom_base::ids::to_hex(&self.row);
        write!(f, "{}.{} of row {row}", self.table, self.column)
    }
}

/// Returns what a stored value is sealed with, by its first bytes; nothing is opened.
pub fn protection_of(bytes: &[u8]) -> Result<Protection, OpenError> {
    parse(bytes).map(|(protection, _)| protection)
}

/// Returns the protection and what follows it.
fn parse(bytes: &[u8]) -> Result<(Protection, Reader<'_>), OpenError> {
    let mut reader = Reader::new(bytes);
    match reader.u8("version")? {
        VERSION => {}
        0 => return Err(invalid("version").into()),
        version => return Err(OpenError::TooNew { version }),
    }
    let code = reader.u8("algorithm")?;
    if code == PLAIN {
        return Ok((Protection::Plain, reader));
    }
    let algorithm = StoredAlgorithm::from_code(code).ok_or(invalid("algorithm"))?;
    let key = KeyId(reader.array("key id")?);
    Ok((Protection::Sealed { algorithm, key }, reader))
}

/// Returns the first bytes of a value under `protection`.
fn prefix(protection: Protection) -> Vec<u8> {
    match protection {
        Protection::Plain => vec![VERSION, PLAIN],
        Protection::Sealed { algorithm, key } => {
            [&[VERSION, algorithm.code()], key.0.as_slice()].concat()
        }
    }
}

fn associated(prefix: &[u8], place: &Place) -> Vec<u8> {
    let mut associated = prefix.to_vec();
    place.put(&mut associated);
    associated
}

pub(super) fn seal(
    protection: Protection,
    keys: &KeySet,
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
    let mut value = prefix(protection);
    match protection {
        Protection::Plain => value.put_bytes(secret),
        Protection::Sealed { algorithm, key } => {
            let stored_key = keys.get(&key).ok_or(RingError::MissingKey { key })?;
            let associated = associated(&value, place);
            let text = padded(secret);
            let text = text.expose_bytes();
            value.extend(stored_key.seal(algorithm, &associated, random, text));
        }
    }
    Ok(value)
}

pub(super) fn open(
    takes_plain: bool,
    keys: &KeySet,
    place: &Place,
    bytes: &[u8],
) -> Result<SecretBytes, OpenError> {
    let (protection, mut rest) = parse(bytes)?;
    match protection {
        Protection::Plain if takes_plain => {
            let secret = rest.bytes(SECRET_LEN_MAX, "secret")?.to_vec();
            rest.finish()?;
            Ok(SecretBytes::new(secret))
        }
        Protection::Plain => Err(OpenError::NotSealed),
        Protection::Sealed { algorithm, key } => {
            let stored_key = keys.get(&key).ok_or(OpenError::MissingKey { key })?;
            let associated = associated(&prefix(protection), place);
            let text = stored_key
                .open(algorithm, &associated, rest.rest())
                .map_err(|_| OpenError::Damaged { key })?;
            unpadded(&text)
        }
    }
}

/// The length and the secret, filled up with zero bytes, so that the value shows little of how long it is.
fn padded(secret: &[u8]) -> SecretBytes {
    let len = (2 + secret.len()).next_multiple_of(PADDED_TO);
    let mut text = Vec::with_capacity(len);
    // At most `SECRET_LEN_MAX`, which was checked.
    text.put_u16(u16::try_from(secret.len()).unwrap_or(u16::MAX));
    text.extend_from_slice(secret);
    text.resize(len, 0);
    SecretBytes::new(text)
}

fn unpadded(text: &SecretBytes) -> Result<SecretBytes, OpenError> {
    let text = text.expose_bytes();
    let mut reader = Reader::new(text);
    let len = usize::from(reader.u16("length")?);
    let secret = reader.take(len, "secret")?;
    let is_whole = text.len() == (2 + len).next_multiple_of(PADDED_TO);
    if len > SECRET_LEN_MAX || !is_whole || reader.rest().iter().any(|byte| *byte != 0) {
        return Err(invalid("padding").into());
    }
    Ok(SecretBytes::new(secret.to_vec()))
}
