//! The plain descriptor of an archive: `spec/archive-v1.md`, section 3.1.

use strongroom_base::ids::ArchiveId;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::sign::{SigningKey, verify};
use strongroom_crypto::suite::Suite;

use crate::error::ReplicaError;

/// Longest descriptor in bytes.
pub const DESCRIPTOR_LEN_MAX: u64 = 8_192;

const MAGIC: [u8; 8] = *b"SRarchiv";
const VERSION: u8 = 1;
const DOMAIN: &str = "strongroom archive-v1 descriptor";
const WHAT: &str = "the archive descriptor";
const FEATURES_MAX: usize = 64;
const FEATURE_LEN_MAX: usize = 64;

/// What everybody may know of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Names the archive.
    pub archive: ArchiveId,
    /// The suite of new objects when the archive was made.
    pub suite: Suite,
    /// The public half of the key that signs descriptor, generations and wraps.
    pub authority: [u8; 32],
}

impl Descriptor {
    /// Returns the bytes of the descriptor, signed.
    pub fn encode(&self, authority: &SigningKey) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        out.push(self.suite.code());
        out.put_u16(0);
        out.extend_from_slice(&self.archive.0);
        out.extend_from_slice(&self.authority);
        out.put_count(0);
        let signature = authority.sign(DOMAIN, &out);
        out.extend_from_slice(&signature);
        out
    }

    /// Reads a descriptor and checks that it signs itself.
    pub fn decode(bytes: &[u8]) -> Result<Self, ReplicaError> {
        let (descriptor, features) = decode_signed(bytes)?;
        refuse_features(WHAT, &features)?;
        Ok(descriptor)
    }

    /// Returns the public half of the key that has signed a descriptor, whatever features it requires.
    pub fn signer(bytes: &[u8]) -> Result<[u8; 32], ReplicaError> {
        decode_signed(bytes).map(|(descriptor, _)| descriptor.authority)
    }
}

fn decode_signed(bytes: &[u8]) -> Result<(Descriptor, Vec<String>), ReplicaError> {
    let malformed = ReplicaError::malformed(WHAT);
    let truncated = || malformed(WireError::Truncated { field: "signature" });
    let (fields, signature) = bytes.split_last_chunk::<64>().ok_or_else(truncated)?;
    let mut reader = Reader::new(fields);
    if reader.array("magic").map_err(&malformed)? != MAGIC {
        return Err(ReplicaError::NotThis {
            what: WHAT.to_owned(),
        });
    }
    let version = reader.u8("version").map_err(&malformed)?;
    if version > VERSION {
        return Err(ReplicaError::TooNew {
            what: WHAT.to_owned(),
            found: version,
        });
    }
    let (descriptor, features) = decode_fields(version, &mut reader).map_err(&malformed)?;
    verify(&descriptor.authority, DOMAIN, fields, signature).map_err(|_| {
        ReplicaError::BadSignature {
            what: WHAT.to_owned(),
        }
    })?;
    Ok((descriptor, features))
}

fn decode_fields(
    version: u8,
    reader: &mut Reader<'_>,
) -> Result<(Descriptor, Vec<String>), WireError> {
    if version != VERSION {
        return Err(invalid("version"));
    }
    let suite = Suite::from_code(reader.u8("suite")?).ok_or(invalid("suite"))?;
    if reader.u16("reserved")? != 0 {
        return Err(invalid("reserved"));
    }
    let archive = ArchiveId(reader.array("archive")?);
    let authority = reader.array("authority")?;
    let features = read_features(reader)?;
    reader.finish()?;
    Ok((
        Descriptor {
            archive,
            suite,
            authority,
        },
        features,
    ))
}

/// Reads a sorted list of required features.
pub(crate) fn read_features(reader: &mut Reader<'_>) -> Result<Vec<String>, WireError> {
    let count = reader.count(FEATURES_MAX, "features")?;
    let mut features: Vec<String> = Vec::new();
    for _ in 0..count {
        let name = reader.bytes(FEATURE_LEN_MAX, "features")?.to_vec();
        let name = String::from_utf8(name).map_err(|_| invalid("features"))?;
        let is_plain = name.bytes().all(|byte| byte.is_ascii_graphic()) && !name.is_empty();
        if !is_plain || features.last().is_some_and(|last| *last >= name) {
            return Err(invalid("features"));
        }
        features.push(name);
    }
    Ok(features)
}

/// Refuses every feature: version 1 of the format knows none.
pub(crate) fn refuse_features(what: &str, features: &[String]) -> Result<(), ReplicaError> {
    match features.first() {
        None => Ok(()),
        Some(feature) => Err(ReplicaError::UnknownFeature {
            what: what.to_owned(),
            feature: feature.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_crypto::random::SystemRandom;
    use strongroom_crypto::secret::Secret;

    #[test]
    fn a_descriptor_comes_back_and_every_changed_byte_is_noticed() {
        let key = SigningKey::from_seed(&Secret::random(&SystemRandom));
        let descriptor = Descriptor {
            archive: ArchiveId([7; 16]),
            suite: Suite::Aes256,
            authority: key.public_key(),
        };
        let bytes = descriptor.encode(&key);
        assert_eq!(Descriptor::decode(&bytes).unwrap(), descriptor);
        for position in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[position] ^= 1;
            assert!(Descriptor::decode(&changed).is_err(), "{position}");
        }
    }

    #[test]
    fn a_newer_format_and_an_unknown_feature_are_named() {
        let key = SigningKey::from_seed(&Secret::random(&SystemRandom));
        let sign = |mut fields: Vec<u8>| {
            let signature = key.sign(DOMAIN, &fields);
            fields.extend_from_slice(&signature);
            Descriptor::decode(&fields).unwrap_err().to_string()
        };
        let descriptor = Descriptor {
            archive: ArchiveId([7; 16]),
            suite: Suite::Aes256,
            authority: key.public_key(),
        };
        let bytes = descriptor.encode(&key);
        let mut newer = bytes[..bytes.len() - 64].to_vec();
        let mut featured = newer.clone();
        newer[8] = 2;
        assert!(sign(newer).contains("version 2"));
        featured.pop();
        featured.put_count(1);
        featured.put_bytes(b"public-key-box");
        assert!(sign(featured).contains("`public-key-box`"));
    }
}
