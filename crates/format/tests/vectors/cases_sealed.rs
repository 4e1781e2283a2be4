//! Sealed objects.

use strongroom_base::ids::{Epoch, Generation};
use strongroom_base::random::RandomSource;
use strongroom_crypto::keys::{EpochSecret, SealedKind};
use strongroom_crypto::seal::SALT_LEN;
use strongroom_crypto::suite::Suite;
use strongroom_format::sealed::{SealedHeader, seal_object};

use crate::ARCHIVE;
use crate::common::{Case, Counter};

fn sealed(suite: Suite, kind: SealedKind, len: usize) -> (Vec<u8>, Vec<u8>) {
    let (random, mut salt) = (Counter::default(), [0; SALT_LEN]);
    let secret = EpochSecret::random(&random);
    random.fill(&mut salt);
    let header = SealedHeader {
        kind,
        suite,
        generation: Generation(3),
        epoch: Epoch(2),
    };
    let plaintext: Vec<u8> = (0..=250).cycle().take(len).collect();
    let key = secret.sealing_key(suite, kind);
    let mut object = Vec::new();
    seal_object(&header, ARCHIVE, &key, &salt, &plaintext, &mut object);
    (plaintext, object)
}

fn case(name: &str, about: &str, kind: SealedKind, plaintext: &[u8], bytes: &[u8]) -> Case {
    let secret = EpochSecret::random(&Counter::default());
    Case::new("archive-v1", "sealed", name, about, bytes)
        .with("archive", hex::encode(ARCHIVE.0))
        .with("epoch_secret", hex::encode(secret.expose_bytes()))
        .with("epoch", 2)
        .with("kind", kind.code())
        .with("plaintext", hex::encode(plaintext))
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for suite in Suite::ALL {
        for (kind, word) in [
            (SealedKind::Pack, "pack"),
            (SealedKind::Index, "index"),
            (SealedKind::Body, "body"),
        ] {
            let (plaintext, bytes) = sealed(suite, kind, 100);
            let name = format!("{}-{word}", suite.name());
            cases.push(case(&name, "one short cell", kind, &plaintext, &bytes));
        }
        let (plaintext, bytes) = sealed(suite, SealedKind::Pack, suite.cell_len());
        let name = format!("{}-two-cells", suite.name());
        let about = "a full cell and an empty one";
        cases.push(case(&name, about, SealedKind::Pack, &plaintext, &bytes));
    }
    let (_, empty) = sealed(Suite::ChaCha20, SealedKind::Body, 0);
    cases.push(case(
        "empty",
        "one empty cell",
        SealedKind::Body,
        &[],
        &empty,
    ));
    cases.extend(invalid());
    let (plaintext, body) = sealed(Suite::Aes256, SealedKind::Body, 100);
    let about = "of another generation than its record";
    let error =
        "malformed the body of a record: `generation` holds a value that no writer produces";
    let other = case(
        "body-generation",
        about,
        SealedKind::Body,
        &plaintext,
        &body,
    );
    cases.push(other.with("record_generation", 4).refused(error));
    cases
}

fn invalid() -> Vec<Case> {
    type Edit = fn(&mut Vec<u8>);
    let edits: [(&str, &str, Edit, &str); 16] = [
        (
            "generation-0",
            "generation 0",
            |b| b[11] = 0,
            "malformed sealed object: `generation` holds a value that no writer produces",
        ),
        (
            "epoch-0",
            "epoch 0",
            |b| b[15] = 0,
            "malformed sealed object: `epoch` holds a value that no writer produces",
        ),
        (
            "magic",
            "wrong magic",
            |b| b[3] = b'2',
            "these bytes are not a sealed object",
        ),
        (
            "kind",
            "kind 4",
            |b| b[4] = 4,
            "malformed sealed object: `kind` holds a value that no writer produces",
        ),
        (
            "other-kind",
            "an index run in place of a pack",
            |b| b[4] = 2,
            "these bytes are not a pack",
        ),
        (
            "suite",
            "suite 4",
            |b| b[5] = 4,
            "malformed sealed object: `suite` holds a value that no writer produces",
        ),
        (
            "other-suite",
            "another suite than it was sealed with",
            |b| b[5] = 3,
            "cannot open a pack: the key or its purpose does not fit the sealed data",
        ),
        (
            "box-length",
            "a reserved bit set",
            |b| b[7] = 1,
            "malformed sealed object: `box length` holds a value that no writer produces",
        ),
        (
            "generation",
            "of another generation",
            |b| b[11] = 4,
            "cannot open a pack: the key or its purpose does not fit the sealed data",
        ),
        (
            "epoch",
            "of an epoch that the key ring does not have",
            |b| b[15] = 3,
            "the key ring has no secret for epoch 3",
        ),
        (
            "salt",
            "a changed salt",
            |b| b[16] ^= 1,
            "cannot open a pack: the key or its purpose does not fit the sealed data",
        ),
        (
            "commitment",
            "a changed commitment",
            |b| b[71] ^= 1,
            "cannot open a pack: the key or its purpose does not fit the sealed data",
        ),
        (
            "cell",
            "a changed cell",
            |b| b[72] ^= 1,
            "cannot open a pack: cell 0 of the sealed data is damaged",
        ),
        (
            "no-cells",
            "no cell",
            |b| b.truncate(72),
            "cannot open a pack: the sealed data has a length that no whole plaintext has",
        ),
        (
            "short-cell",
            "a cell shorter than its tag",
            |b| b.truncate(80),
            "cannot open a pack: the sealed data has a length that no whole plaintext has",
        ),
        (
            "header",
            "a part of a header",
            |b| b.truncate(10),
            "malformed sealed object: the bytes end inside `generation`",
        ),
    ];
    let (plaintext, good) = sealed(Suite::Aes256, SealedKind::Pack, 100);
    let mut cases: Vec<Case> = edits
        .into_iter()
        .map(|(name, about, edit, error)| {
            let mut bytes = good.clone();
            edit(&mut bytes);
            case(name, about, SealedKind::Pack, &plaintext, &bytes).refused(error)
        })
        .collect();
    let (plaintext, mut bytes) = sealed(Suite::Aes256, SealedKind::Pack, Suite::Aes256.cell_len());
    bytes.truncate(72 + 16_400);
    let error = "cannot open a pack: the sealed data has a length that no whole plaintext has";
    let about = "the last cell is full: what follows was cut off";
    cases.push(case("cut", about, SealedKind::Pack, &plaintext, &bytes).refused(error));
    cases
}
