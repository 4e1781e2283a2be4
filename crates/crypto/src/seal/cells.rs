//! The cells of one sealed object: the only place that knows which cipher a suite is.

use aws_lc_rs::{
    aead::{
        AES_128_GCM, AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce,
        UnboundKey,
    },
    error::Unspecified,
};
use zeroize::{Zeroize, Zeroizing};

use super::{COMMITMENT_LEN, SALT_LEN, SealingKey, blowfish::BlowfishCells};
use crate::{kdf::hkdf_expand_sha512, label, suite::Suite};

/// What seals and opens the cells of one object.
pub(super) enum Cells {
    /// Chunked encryption: the object's key, and the nonce that cell numbers are mixed into.
    Aead {
        key: Box<LessSafeKey>,
        base_nonce: [u8; NONCE_LEN],
    },
    /// The suite `blowfish-448`.
    Blowfish(BlowfishCells),
}

/// The bytes of a cell are not those that were sealed in its place.
pub(super) struct Damaged;

impl Cells {
    /// Derives the cells' keys and the commitment to them.
    pub(super) fn derive(
        key: &SealingKey,
        salt: &[u8; SALT_LEN],
        context: &[u8],
    ) -> (Self, [u8; COMMITMENT_LEN]) {
        match key.suite() {
            Suite::Aes128 => derive_aead(&AES_128_GCM, "AEAD_AES_128_GCM", key, salt, context),
            Suite::Aes256 => derive_aead(&AES_256_GCM, "AEAD_AES_256_GCM", key, salt, context),
            Suite::ChaCha20 => {
                let name = "AEAD_CHACHA20_POLY1305";
                derive_aead(&CHACHA20_POLY1305, name, key, salt, context)
            }
            Suite::Blowfish448 => {
                let (cells, commitment) = BlowfishCells::derive(key.expose_bytes(), salt, context);
                (Self::Blowfish(cells), commitment)
            }
        }
    }

    /// Appends the sealed form of `plaintext`, the cell number `index`, to `out`.
    pub(super) fn seal(&self, index: u64, plaintext: &[u8], last: bool, out: &mut Vec<u8>) {
        let start = out.len();
        match self {
            Self::Aead { key, base_nonce } => {
                let tag_len = key.algorithm().tag_len();
                out.resize(start + plaintext.len() + tag_len, 0);
                let (text, tag) = out[start..].split_at_mut(plaintext.len());
                let nonce = cell_nonce(base_nonce, index);
                key.seal_out_of_place_scatter(nonce, Aad::empty(), plaintext, text, &[], tag)
                    .expect("a cell is far below the limit of the AEAD");
            }
            Self::Blowfish(cells) => {
                out.extend_from_slice(plaintext);
                let tag = cells.seal(index, &mut out[start..], last);
                out.extend_from_slice(&tag);
            }
        }
    }

    /// Appends the plaintext of `text`, the cell number `index`, to `out`.
    ///
    /// After a failure `out` is as it was.
    pub(super) fn open(
        &self,
        index: u64,
        (text, tag): (&[u8], &[u8]),
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), Damaged> {
        let start = out.len();
        let opened = match self {
            Self::Aead { key, base_nonce } => {
                out.resize(start + text.len(), 0);
                let nonce = cell_nonce(base_nonce, index);
                key.open_separate_gather(nonce, Aad::empty(), text, tag, &mut out[start..])
                    .map_err(|Unspecified| Damaged)
            }
            Self::Blowfish(cells) => {
                out.extend_from_slice(text);
                cells.open(index, &mut out[start..], tag, last)
            }
        };
        if opened.is_err() {
            // The AEAD may have written what nobody authenticated.
            out[start..].zeroize();
            out.truncate(start);
        }
        opened
    }
}

/// Section "Key derivation" of the specification.
fn derive_aead(
    algorithm: &'static Algorithm,
    name: &str,
    key: &SealingKey,
    salt: &[u8; SALT_LEN],
    context: &[u8],
) -> (Cells, [u8; COMMITMENT_LEN]) {
    let key_len = algorithm.key_len();
    let mut derived = Zeroizing::new([0; 32 + NONCE_LEN + COMMITMENT_LEN]);
    let derived = &mut derived[..key_len + NONCE_LEN + COMMITMENT_LEN];
    let info: &[&[u8]] = &[
        label::CHUNKED_ENCRYPTION.as_bytes(),
        name.as_bytes(),
        &[0],
        salt,
        context,
    ];
    hkdf_expand_sha512(key.expose_bytes(), info, derived);

    let (object_key, rest) = derived.split_at(key_len);
    let (nonce, end) = rest.split_at(NONCE_LEN);
    let mut base_nonce = [0; NONCE_LEN];
    base_nonce.copy_from_slice(nonce);
    let mut commitment = [0; COMMITMENT_LEN];
    commitment.copy_from_slice(end);
    let object_key = UnboundKey::new(algorithm, object_key).expect("the key has the AEAD's length");
    let key = Box::new(LessSafeKey::new(object_key));
    (Cells::Aead { key, base_nonce }, commitment)
}

/// Section "AEAD usage" of the specification.
fn cell_nonce(base: &[u8; NONCE_LEN], index: u64) -> Nonce {
    let mut nonce = *base;
    for (byte, number) in nonce[NONCE_LEN - 8..].iter_mut().zip(index.to_be_bytes()) {
        *byte ^= number;
    }
    Nonce::assume_unique_for_key(nonce)
}
