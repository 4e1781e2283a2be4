//! Keys objects.

use strongroom_base::random::RandomSource;
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::suite::Suite;
use strongroom_format::keys::{KeyRing, KeysObject, Slot};

use crate::ARCHIVE;
use crate::common::{Case, Counter};

const PASSWORD: &str = "correct horse battery staple";
const DOMAIN: &str = "strongroom keys-v1 wraps";

fn ring(random: &dyn RandomSource) -> KeyRing {
    let mut ring = KeyRing::random(Suite::Aes256, random);
    ring.start_epoch(Suite::ChaCha20, random);
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
    let edits: [(&str, &str, Edit, &str); 12] = [
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
            "keys object has format version 2; this program reads up to version 1",
        ),
        (
            "version-0",
            "version 0",
            |b| b[6] = 0,
            "malformed keys object: `reserved` holds a value that no writer produces",
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
    let error = "malformed keys object: the bytes end inside `signature`";
    cases.push(case("short", "cut short", ring, custody, &good[..50]).refused(error));
    cases
}
