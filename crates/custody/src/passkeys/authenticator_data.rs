//! What an authenticator says and signs (level 3, section 6.1). Steps 13 to 18 of a registration and 15 to 20 of a sign-in.

use strongroom_crypto::hash::{same, sha256};
use strongroom_crypto::passkey::PublicKey;

use super::cbor::Map;
use super::{CREDENTIAL_ID_LEN_MAX, PasskeyError, PasskeySite};

const PRESENT: u8 = 1;
const VERIFIED: u8 = 1 << 2;
const MAY_BE_COPIED: u8 = 1 << 3;
const IS_COPIED: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// Bytes of the name of the kind of an authenticator, which is of no use here.
const KIND_LEN: usize = 16;

/// The numbers under which COSE has the parts of a key (RFC 9052, 9053).
const KTY: i128 = 1;
const ALG: i128 = 3;
const CRV_OR_N: i128 = -1;
const X_OR_E: i128 = -2;
const Y: i128 = -3;

/// What an authenticator says.
#[derive(Debug)]
pub(super) struct AuthenticatorData {
    site_hash: [u8; 32],
    flags: u8,
    /// How often it has signed, if it counts.
    pub(super) counter: u32,
    /// A new passkey: its id and its public key.
    pub(super) credential: Option<(Vec<u8>, PublicKey)>,
}

impl AuthenticatorData {
    /// Reads it, to its end.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PasskeyError> {
        let error = PasskeyError::AuthenticatorData;
        let (site_hash, rest) = bytes.split_first_chunk::<32>().ok_or(error)?;
        let (flags, rest) = rest.split_first().ok_or(error)?;
        let (counter, mut rest) = rest.split_first_chunk::<4>().ok_or(error)?;
        let mut credential = None;
        if flags & HAS_CREDENTIAL != 0 {
            let (_kind, after) = rest.split_at_checked(KIND_LEN).ok_or(error)?;
            let (len, after) = after.split_first_chunk::<2>().ok_or(error)?;
            let len = usize::from(u16::from_be_bytes(*len));
            if len == 0 || len > CREDENTIAL_ID_LEN_MAX {
                return Err(PasskeyError::CredentialId);
            }
            let (id, after) = after.split_at_checked(len).ok_or(error)?;
            let (key, after) = Map::read(after).ok_or(error)?;
            credential = Some((id.to_vec(), public_key(&key)?));
            rest = after;
        }
        if flags & HAS_EXTENSIONS != 0 {
            (_, rest) = Map::read(rest).ok_or(error)?;
        }
        if !rest.is_empty() {
            return Err(error);
        }
        Ok(Self {
            site_hash: *site_hash,
            flags: *flags,
            counter: u32::from_be_bytes(*counter),
            credential,
        })
    }

    /// Fails where it is of another site, nobody was there, or was not verified.
    pub(super) fn check(&self, site: &PasskeySite) -> Result<(), PasskeyError> {
        if !same(&self.site_hash, &sha256(site.id().as_bytes())) {
            return Err(PasskeyError::OtherSite);
        }
        if self.flags & PRESENT == 0 {
            return Err(PasskeyError::NobodyPresent);
        }
        if self.flags & VERIFIED == 0 {
            return Err(PasskeyError::UserNotVerified);
        }
        if self.is_copied() && !self.may_be_copied() {
            return Err(PasskeyError::Copies);
        }
        Ok(())
    }

    /// Tells whether the passkey may be copied to other devices of its user.
    pub(super) fn may_be_copied(&self) -> bool {
        self.flags & MAY_BE_COPIED != 0
    }

    /// Tells whether it is.
    pub(super) fn is_copied(&self) -> bool {
        self.flags & IS_COPIED != 0
    }
}

/// Reads a public key, of one of the kinds that are offered.
fn public_key(key: &Map<'_>) -> Result<PublicKey, PasskeyError> {
    let number = |part| key.number(part);
    let bytes = |part| key.bytes(part).ok_or(PasskeyError::PublicKey);
    let read = match (number(KTY), number(ALG), number(CRV_OR_N)) {
        (Some(2), Some(-7), Some(1)) if key.len() == 5 => {
            PublicKey::es256(bytes(X_OR_E)?, bytes(Y)?)
        }
        (Some(1), Some(-8), Some(6)) if key.len() == 4 => PublicKey::ed25519(bytes(X_OR_E)?),
        (Some(3), Some(-257), None) if key.len() == 4 => {
            PublicKey::rs256(bytes(CRV_OR_N)?, bytes(X_OR_E)?)
        }
        _ => return Err(PasskeyError::PublicKey),
    };
    read.map_err(|_bad| PasskeyError::PublicKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: [u8; 32] = [
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07,
        0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07,
        0x51, 0x1a,
    ];

    fn data(flags: u8, rest: &[u8]) -> Vec<u8> {
        let site = sha256(b"example.com");
        [&site, &[flags][..], &7_u32.to_be_bytes(), rest].concat()
    }

    fn check(bytes: &[u8]) -> Result<u32, PasskeyError> {
        let site = PasskeySite::of_address("https://example.com").expect("a name");
        let data = AuthenticatorData::parse(bytes)?;
        data.check(&site)?;
        Ok(data.counter)
    }

    /// A passkey that signs by Ed25519.
    fn credential() -> Vec<u8> {
        let key = [
            &[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..],
            &ED25519,
        ]
        .concat();
        [&[0; KIND_LEN][..], &[0, 2, 8, 9], &key].concat()
    }

    #[test]
    fn somebody_was_there_and_was_verified() {
        assert_eq!(check(&data(PRESENT | VERIFIED, &[])), Ok(7));
        assert_eq!(
            check(&data(VERIFIED, &[])),
            Err(PasskeyError::NobodyPresent)
        );
        assert_eq!(
            check(&data(PRESENT, &[])),
            Err(PasskeyError::UserNotVerified)
        );
        let copied = PRESENT | VERIFIED | IS_COPIED;
        assert_eq!(check(&data(copied, &[])), Err(PasskeyError::Copies));
        assert_eq!(check(&data(copied | MAY_BE_COPIED, &[])), Ok(7));
        let mut other = data(PRESENT | VERIFIED, &[]);
        other[0] ^= 1;
        assert_eq!(check(&other), Err(PasskeyError::OtherSite));
    }

    #[test]
    fn it_is_read_to_its_end() {
        let new = data(PRESENT | VERIFIED | HAS_CREDENTIAL, &credential());
        let read = AuthenticatorData::parse(&new).expect("a passkey");
        let (id, key) = read.credential.expect("a passkey");
        assert_eq!(id, [8, 9]);
        assert_eq!(Ok(key), PublicKey::ed25519(&ED25519));
        for len in 0..new.len() {
            assert!(AuthenticatorData::parse(&new[..len]).is_err(), "{len}");
        }
        let longer = [&new[..], &[0]].concat();
        let refused = AuthenticatorData::parse(&longer).err();
        assert_eq!(refused, Some(PasskeyError::AuthenticatorData));
        let extended = [&credential()[..], &[0xa1, 0x61, b'x', 0xf5]].concat();
        let flags = PRESENT | VERIFIED | HAS_CREDENTIAL | HAS_EXTENSIONS;
        assert!(check(&data(flags, &extended)).is_ok());
    }

    #[test]
    fn only_what_was_offered_is_a_key() {
        // Of another algorithm, on another curve, of a private half too.
        for (at, to) in [(4 + KIND_LEN + 4, 0x26), (4 + KIND_LEN + 6, 7)] {
            let mut other = credential();
            other[at] = to;
            let read = AuthenticatorData::parse(&data(HAS_CREDENTIAL, &other));
            assert_eq!(read.err(), Some(PasskeyError::PublicKey), "{at}");
        }
        let mut private = credential();
        private[4 + KIND_LEN] = 0xa5;
        private.extend([0x23, 0x41, 1]);
        let read = AuthenticatorData::parse(&data(HAS_CREDENTIAL, &private));
        assert_eq!(read.err(), Some(PasskeyError::PublicKey));
    }
}
