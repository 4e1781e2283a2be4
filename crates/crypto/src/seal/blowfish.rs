//! The cells of the suite `blowfish-448`: Blowfish in counter mode, authenticated by HMAC-SHA256.
//!
//! Blowfish has blocks of 64 bits, which are safe for some gigabytes under one key. So every cell
//! of 64 KiB has a 448-bit key of its own, derived from the object's key:
//!
//! ```text
//! object key 56 | commitment 32 = HKDF-Expand-SHA512(input key, "strongroom blowfish-448 v1" | 00 | salt | context)
//! K_bf 56 | K_mac 32 = HKDF-Expand-SHA512(object key, "strongroom blowfish-448 v1 cell" | 00 | u64be cell number)
//! ciphertext = plaintext XOR E(K_bf, 0) | E(K_bf, 1) | …          counters are u64be
//! tag 32 = HMAC-SHA256(K_mac, u64be cell number | 01 for the last cell, else 00 | ciphertext)
//! ```

use aws_lc_rs::hmac;
use blowfish::{
    Blowfish,
    cipher::{Block, BlockCipherEncrypt, KeyInit},
};
use zeroize::Zeroizing;

use super::{COMMITMENT_LEN, SALT_LEN, cells::Damaged};
use crate::{hash::same, kdf::hkdf_expand_sha512, label, secret::Secret};

const KEY_LEN: usize = 56;
const MAC_KEY_LEN: usize = 32;
const TAG_LEN: usize = 32;
const BLOCK_LEN: usize = 8;

/// The key of one object, from which the keys of its cells are derived.
pub(super) struct BlowfishCells {
    object_key: Secret<KEY_LEN>,
}

impl BlowfishCells {
    /// Derives the object's key and the commitment to it.
    pub(super) fn derive(
        input_key: &[u8],
        salt: &[u8; SALT_LEN],
        context: &[u8],
    ) -> (Self, [u8; COMMITMENT_LEN]) {
        let mut derived = Zeroizing::new([0; KEY_LEN + COMMITMENT_LEN]);
        let info: &[&[u8]] = &[label::BLOWFISH_OBJECT.as_bytes(), &[0], salt, context];
        hkdf_expand_sha512(input_key, info, derived.as_mut_slice());
        let mut commitment = [0; COMMITMENT_LEN];
        commitment.copy_from_slice(&derived[KEY_LEN..]);
        let object_key = Secret::fill_with(|key| key.copy_from_slice(&derived[..KEY_LEN]));
        (Self { object_key }, commitment)
    }

    /// Encrypts `text` in place and returns its tag.
    pub(super) fn seal(&self, index: u64, text: &mut [u8], last: bool) -> [u8; TAG_LEN] {
        let (cipher, mac_key) = self.cell_keys(index);
        apply_keystream(&cipher, text);
        tag(&mac_key, index, text, last)
    }

    /// Checks the tag of `text`, and only then decrypts it in place.
    pub(super) fn open(
        &self,
        index: u64,
        text: &mut [u8],
        stored: &[u8],
        last: bool,
    ) -> Result<(), Damaged> {
        let (cipher, mac_key) = self.cell_keys(index);
        if !same(&tag(&mac_key, index, text, last), stored) {
            return Err(Damaged);
        }
        apply_keystream(&cipher, text);
        Ok(())
    }

    fn cell_keys(&self, index: u64) -> (Blowfish, hmac::Key) {
        let mut derived = Zeroizing::new([0; KEY_LEN + MAC_KEY_LEN]);
        let number = index.to_be_bytes();
        let info: &[&[u8]] = &[label::BLOWFISH_CELL.as_bytes(), &[0], &number];
        hkdf_expand_sha512(self.object_key.expose_bytes(), info, derived.as_mut_slice());
        let cipher = Blowfish::new_from_slice(&derived[..KEY_LEN]).expect("56 bytes are a key");
        (
            cipher,
            hmac::Key::new(hmac::HMAC_SHA256, &derived[KEY_LEN..]),
        )
    }
}

/// XORs `text` with the encrypted counters from 0, eight bytes each, big-endian.
fn apply_keystream(cipher: &Blowfish, text: &mut [u8]) {
    for (block, counter) in text.chunks_mut(BLOCK_LEN).zip(0_u64..) {
        let mut keystream = Block::<Blowfish>::from(counter.to_be_bytes());
        cipher.encrypt_block(&mut keystream);
        for (byte, key) in block.iter_mut().zip(keystream) {
            *byte ^= key;
        }
    }
}

fn tag(key: &hmac::Key, index: u64, ciphertext: &[u8], last: bool) -> [u8; TAG_LEN] {
    let mut mac = hmac::Context::with_key(key);
    mac.update(&index.to_be_bytes());
    mac.update(&[u8::from(last)]);
    mac.update(ciphertext);
    let mut tag = [0; TAG_LEN];
    tag.copy_from_slice(mac.sign().as_ref());
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypt(key: &str, block: u64) -> String {
        let cipher = <Blowfish>::new_from_slice(&hex::decode(key).unwrap());
        let mut block = Block::<Blowfish>::from(block.to_be_bytes());
        cipher.unwrap().encrypt_block(&mut block);
        hex::encode(block)
    }

    #[test]
    fn blowfish_takes_the_whole_448_bits() {
        let key = hex::encode((0..0x38).collect::<Vec<u8>>());
        assert_eq!(encrypt(&key, 0), "5df23f8894102401");
    }

    /// A few of the cipher's published vectors: key, clear block, cipher block.
    #[test]
    fn the_published_blocks_hold() {
        for (key, clear, expected) in [
            ("0000000000000000", 0, "4ef997456198dd78"),
            ("ffffffffffffffff", u64::MAX, "51866fd5b85ecb8a"),
            (
                "3000000000000000",
                0x1000_0000_0000_0001,
                "7d856f9a613063f2",
            ),
            (
                "1111111111111111",
                0x1111_1111_1111_1111,
                "2466dd878b963c9d",
            ),
            (
                "0123456789abcdef",
                0x1111_1111_1111_1111,
                "61f9c3802281b096",
            ),
            (
                "fedcba9876543210",
                0x0123_4567_89ab_cdef,
                "0aceab0fc6a0a28d",
            ),
            (
                "7ca110454a1a6e57",
                0x01a1_d6d0_3977_6742,
                "59c68245eb05282b",
            ),
        ] {
            assert_eq!(encrypt(key, clear), expected);
        }
    }
}
