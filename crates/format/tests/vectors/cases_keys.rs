//! Keys objects.

use strongroom_base::random::RandomSource;
use strongroom_base::wire::Put;
use strongroom_crypto::custody::{CustodyKey, open_small, seal_small};
use strongroom_crypto::sign::SigningKey;
use strongroom_crypto::suite::Suite;
use strongroom_format::keys::{KeyRing, KeysObject, Slot};

use crate::ARCHIVE;
use crate::common::{Case, Counter};

const PASSWORD: &str = "correct horse battery staple";
pub(crate) const DOMAIN: &str = "strongroom keys-v1 wraps";

fn ring(random: &dyn RandomSource) -> KeyRing {
    let mut ring = KeyRing::random(Suite::Aes256, random);
    ring.start_epoch(Suite::ChaCha20, random).unwrap();
    ring
}

fn object(slots: usize) -> (KeyRing, CustodyKey, Vec<u8>) {
    let random = Counter::default();
    let (ring, custody) = (ring(&random), CustodyKey::random(&random));
    let slot = |n: usize| {
        let name = format!("slot {n}");
        Slot::new(ARCHIVE, &custody, &name, PASSWORD.as_bytes(), &random).unwrap()
    };
    let slots = (0..slots).map(slot).collect();
    let object = KeysObject::new(ARCHIVE, 7, &ring, &custody, slots, &random);
    let bytes = object.encode(&ring.authority());
    (ring, custody, bytes)
}

/// The key that signs the keys objects.
pub(crate) fn authority() -> SigningKey {
    ring(&Counter::default()).authority()
}

fn case(name: &str, about: &str, ring: &KeyRing, custody: &CustodyKey, bytes: &[u8]) -> Case {
    Case::new("keys-v1", "keys-object", name, about, bytes)
        .with("archive", hex::encode(ARCHIVE.0))
        .with("authority", hex::encode(ring.authority().public_key()))
        .with("custody_key", hex::encode(custody.expose_bytes()))
        .with("data_key", hex::encode(ring.dedup.data.expose_bytes()))
        .with("epochs", 2)
        .with("password", PASSWORD)
}

pub(crate) fn cases() -> Vec<Case> {
    let (ring, custody, bytes) = object(0);
    let mut cases = vec![case("bare", "no password", &ring, &custody, &bytes)];
    let (ring, custody, bytes) = object(1);
    cases.push(case("password", "a password slot", &ring, &custody, &bytes));
    cases.extend(invalid(&ring, &custody, &bytes));
    cases
}

fn invalid(ring: &KeyRing, custody: &CustodyKey, good: &[u8]) -> Vec<Case> {
    type Edit = fn(&mut Vec<u8>);
    // Offsets: 44 the length of the key ring (two bytes) and 46 the key ring of 356 bytes, 402 the
    // number of slots, 403 the slot, 419 its kind, 420 its name, 427 memory, 431 passes, 435 lanes.
    let edits: [(&str, &str, Edit, &str); 14] = [
        (
            "magic",
            "wrong magic",
            |b| b[2] = b'K',
            "these bytes are not a keys object",
        ),
        (
            "newer",
            "version 2",
            |b| b[6] = 2,
            "keys object has the newer format version 2: a newer program is needed",
        ),
        (
            "version-0",
            "version 0",
            |b| b[6] = 0,
            "malformed keys object: `version` holds a value that no writer produces",
        ),
        (
            "n-0",
            "n is 0",
            |b| b[27] = 0,
            "malformed keys object: `n` holds a value that no writer produces",
        ),
        (
            "reserved",
            "a reserved bit set",
            |b| b[7] = 1,
            "malformed keys object: `reserved` holds a value that no writer produces",
        ),
        (
            "archive",
            "of another archive",
            |b| b[8] = 0,
            "cannot open the password slot: the key or its purpose does not fit the sealed data",
        ),
        (
            "number",
            "another n than it was sealed with",
            |b| b[27] = 8,
            "cannot open the key ring: the key or its purpose does not fit the sealed data",
        ),
        (
            "slots-twice",
            "a slot twice",
            |b| {
                let slot = b[403..].to_vec();
                b[402] = 2;
                b.extend(slot);
            },
            "malformed keys object: `slots` holds a value that no writer produces",
        ),
        (
            "slot-kind",
            "a slot of kind 2",
            |b| b[419] = 2,
            "malformed keys object: `slot kind` holds a value that no writer produces",
        ),
        (
            "below-floor",
            "Argon2 with 2 passes",
            |b| b[434] = 2,
            "malformed keys object: `password parameters` holds a value that no writer produces",
        ),
        (
            "above-ceiling",
            "Argon2 with 17 lanes",
            |b| b[438] = 17,
            "malformed keys object: `password parameters` holds a value that no writer produces",
        ),
        (
            "slot-name",
            "a slot name that is not UTF-8",
            |b| b[421] = 0xff,
            "malformed keys object: `slot name` holds a value that no writer produces",
        ),
        (
            "wrap",
            "a wrap that is too short",
            |b| {
                b.pop();
                b[455] -= 1;
            },
            "malformed keys object: `wrap` holds a value that no writer produces",
        ),
        (
            "trailing",
            "a byte after the slots",
            |b| b.push(0),
            "malformed keys object: bytes follow the end of the value",
        ),
    ];
    let fields = &good[..good.len() - 64];
    let signed = |edit: Edit| {
        let mut fields = fields.to_vec();
        edit(&mut fields);
        let signature = ring.authority().sign(DOMAIN, &fields);
        [&fields, &signature[..]].concat()
    };
    let mut cases: Vec<Case> = edits
        .into_iter()
        .map(|(name, about, edit, error)| {
            case(name, about, ring, custody, &signed(edit)).refused(error)
        })
        .collect();
    let mut changed = good.to_vec();
    changed[100] ^= 1;
    let error = "the signature of the keys object is wrong";
    cases.push(
        case(
            "signature",
            "changed after it was signed",
            ring,
            custody,
            &changed,
        )
        .refused(error),
    );
    cases.extend(invalid_rings(ring, custody, good));
    let error = "malformed keys object: the bytes end inside `signature`";
    cases.push(case("short", "cut short", ring, custody, &good[..50]).refused(error));
    cases
}

/// Keys objects whose key ring was changed, sealed again and signed again.
fn invalid_rings(ring: &KeyRing, custody: &CustodyKey, good: &[u8]) -> Vec<Case> {
    type Edit = fn(&mut Vec<u8>);
    const LABEL: &str = "strongroom keys-v1 key ring";
    // Offsets in the key ring: 0 version, 161 the number of epochs, 162 the first epoch, 166 its suite.
    let edits: [(&str, &str, Edit, &str); 7] = [
        (
            "ring-newer",
            "a key ring of version 2",
            |b| b[0] = 2,
            "the key ring has the newer format version 2: a newer program is needed",
        ),
        (
            "ring-version-0",
            "a key ring of version 0",
            |b| b[0] = 0,
            "malformed key ring: `version` holds a value that no writer produces",
        ),
        (
            "ring-epoch-0",
            "epoch 0",
            |b| b[165] = 0,
            "malformed key ring: `epoch` holds a value that no writer produces",
        ),
        (
            "ring-epochs-unsorted",
            "an epoch twice",
            |b| b[226] = 1,
            "malformed key ring: `epoch` holds a value that no writer produces",
        ),
        (
            "ring-no-epochs",
            "no epochs, and as many bytes behind",
            |b| b[161] = 0,
            "malformed key ring: bytes follow the end of the value",
        ),
        (
            "ring-suite",
            "an unknown suite",
            |b| b[166] = 4,
            "malformed key ring: `suite` holds a value that no writer produces",
        ),
        (
            "ring-trailing",
            "a byte behind the epochs",
            |b| b.push(0),
            "malformed key ring: bytes follow the end of the value",
        ),
    ];
    let associated = [&ARCHIVE.0[..], &7_u32.to_be_bytes()].concat();
    let key = custody.expose_bytes();
    let plaintext = open_small(key, LABEL, &associated, &good[46..402]).unwrap();
    let edited = edits.into_iter().map(|(name, about, edit, error)| {
        let mut plaintext = plaintext.expose_bytes().to_vec();
        edit(&mut plaintext);
        let sealed = seal_small(key, LABEL, &associated, &Counter::default(), &plaintext);
        let mut fields = good[..44].to_vec();
        fields.put_bytes(&sealed);
        fields.extend_from_slice(&good[402..good.len() - 64]);
        let signature = ring.authority().sign(DOMAIN, &fields);
        let bytes = [&fields, &signature[..]].concat();
        case(name, about, ring, custody, &bytes).refused(error)
    });
    edited.collect()
}
