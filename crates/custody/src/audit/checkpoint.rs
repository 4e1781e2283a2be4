//! Checkpoints: a head of the chain, signed (`spec/audit-v1.md`, section 3).

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::{Put, Reader, WireError, invalid};
use strongroom_crypto::sign::{BadSignature, SigningKey, verify};

use super::entry::{TIME_END, milliseconds};
use super::{Head, LogId};

const VERSION: u8 = 1;
const DOMAIN: &str = "strongroom audit-v1 checkpoint";

/// A signed head: it vouches for every entry up to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The head.
    pub head: Head,
    /// When it was signed, in milliseconds since 1970.
    pub time: u64,
    /// The public key that it was signed with.
    pub key: [u8; 32],
    /// The signature.
    pub signature: [u8; 64],
}

impl Checkpoint {
    /// Signs a head.
    pub fn sign(head: Head, now: Timestamp, key: &SigningKey) -> Self {
        let mut checkpoint = Self {
            head,
            time: milliseconds(now),
            key: key.public_key(),
            signature: [0; 64],
        };
        checkpoint.signature = key.sign(DOMAIN, &checkpoint.signed());
        checkpoint
    }

    /// Checks that the key that it names made its signature; whether that key is trusted is another question.
    pub fn verify(&self) -> Result<(), BadSignature> {
        verify(&self.key, DOMAIN, &self.signed(), &self.signature)
    }

    fn signed(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.head.log.0);
        out.put_u64(self.head.sequence);
        out.put_u64(self.time);
        out.extend_from_slice(&self.head.hash);
        out.extend_from_slice(&self.key);
        out
    }

    /// Returns the stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.signed();
        out.extend_from_slice(&self.signature);
        out
    }

    /// Reads the stored form; refuses every other. The signature is not checked here.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        if reader.u8("version")? != VERSION {
            return Err(invalid("version"));
        }
        let log = LogId(reader.array("log id")?);
        let sequence = reader.u64("sequence")?;
        let time = reader.u64("time")?;
        if time >= TIME_END {
            return Err(invalid("time"));
        }
        let hash = reader.array("hash")?;
        let head = Head {
            log,
            sequence,
            hash,
        };
        let checkpoint = Self {
            head,
            time,
            key: reader.array("public key")?,
            signature: reader.array("signature")?,
        };
        reader.finish()?;
        Ok(checkpoint)
    }
}
