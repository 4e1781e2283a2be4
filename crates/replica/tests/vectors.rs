//! The vectors of `spec/vectors/archive-v1` that need no key: descriptors and records.

#![expect(clippy::too_many_lines, reason = "tables of cases")]
#![expect(clippy::unwrap_used, reason = "tests, in helper functions too")]

use strongroom_base::ids::{ArchiveId, Generation, ObjectName, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_crypto::secret::Secret;
use strongroom_crypto::sign::SigningKey;
use strongroom_crypto::suite::Suite;
use strongroom_replica::descriptor::Descriptor;
use strongroom_replica::record::{Added, Changes, Link, PartKind, Record, RecordKind};

#[path = "../../format/tests/vectors/common.rs"]
mod common;
#[path = "../../format/tests/vectors/mutate.rs"]
mod mutate;
use common::{Case, Counter, Vector, check_files, check_generated, valid_vectors, words, write};
use mutate::{edits, mutated};
use proptest::prelude::*;

const DOCUMENT: &str = "archive-v1";
const OTHERS: [&str; 7] = [
    "sealed",
    "content",
    "list-chunk",
    "tree-chunk",
    "pack",
    "index-run",
    "body",
];
const ARCHIVE: ArchiveId = ArchiveId([0xa1; 16]);
const DESCRIPTOR_DOMAIN: &str = "strongroom archive-v1 descriptor";
const RECORD_DOMAIN: &str = "strongroom archive-v1 record";

fn seeds() -> [Secret<32>; 2] {
    let random = Counter::default();
    [Secret::random(&random), Secret::random(&random)]
}

fn authority() -> SigningKey {
    SigningKey::from_seed(&seeds()[0])
}

fn writer() -> SigningKey {
    SigningKey::from_seed(&seeds()[1])
}

fn descriptor(suite: Suite) -> Vec<u8> {
    let authority = authority();
    let descriptor = Descriptor {
        archive: ARCHIVE,
        suite,
        authority: authority.public_key(),
    };
    descriptor.encode(&authority)
}

fn id(seq: u64) -> RecordId {
    RecordId {
        generation: Generation(1),
        seq: Seq(seq),
    }
}

fn record(kind: RecordKind, seq: u64, changes: Changes, parts: &[(PartKind, &[u8])]) -> Vec<u8> {
    let link = Link {
        archive: ARCHIVE,
        id: id(seq),
        previous: [if seq == 1 { 0 } else { 0x77 }; 32],
        writer: writer().public_key(),
    };
    let signer = if kind == RecordKind::Generation {
        authority()
    } else {
        writer()
    };
    Record::sign(kind, link, changes, parts, &signer)
        .bytes()
        .to_vec()
}

fn pack(byte: u8, size: u64) -> Added {
    Added {
        object: ObjectRef::pack(ObjectName([byte; 32])),
        size,
    }
}

fn changes() -> Changes {
    let index = Added {
        object: ObjectRef::index(ObjectName([2; 32])),
        size: 9_012,
    };
    Changes {
        adds: vec![pack(3, 4_184), pack(9, 16_793_688), index],
        condemns: vec![ObjectRef::index(ObjectName([5; 32]))],
        voids: vec![pack(6, 0).object, pack(7, 0).object],
        acks: vec![
            ObjectRef::record(id(3)),
            ObjectRef::keys(ObjectName([8; 32])),
        ],
    }
}

fn kept(seq: u64, size: u64) -> Added {
    let object = ObjectRef::record(id(seq));
    Added { object, size }
}

/// Parts in place of sealed ones: a record is judged without opening them.
const BODY: (PartKind, &[u8]) = (PartKind::Body, b"a sealed body");
const SMALL: [(PartKind, &[u8]); 4] = [
    BODY,
    (PartKind::Pack, b"a sealed pack"),
    (PartKind::Pack, b"another"),
    (PartKind::Index, b"a sealed index run"),
];

fn descriptor_case(name: &str, about: &str, bytes: &[u8]) -> Case {
    Case::new(DOCUMENT, "descriptor", name, about, bytes)
}

fn record_case(name: &str, about: &str, seq: u64, bytes: &[u8]) -> Case {
    Case::new(DOCUMENT, "record", name, about, bytes)
        .with("archive", hex::encode(ARCHIVE.0))
        .with("authority", hex::encode(authority().public_key()))
        .with("generation", 1)
        .with("seq", seq)
}

fn valid() -> Vec<Case> {
    let mut cases: Vec<Case> = Suite::ALL
        .iter()
        .map(|suite| descriptor_case(suite.name(), "a descriptor", &descriptor(*suite)))
        .collect();
    let kinds = (1..=7).filter_map(RecordKind::from_code);
    cases.extend(kinds.map(|kind| {
        let seq = kind.code().into();
        let changes = match kind {
            RecordKind::Prune | RecordKind::Repair => changes(),
            RecordKind::Checkpoint | RecordKind::Progress => Changes {
                adds: changes().adds,
                ..Changes::default()
            },
            _ => Changes::default(),
        };
        let bytes = record(kind, seq, changes, &[BODY]);
        record_case(kind.word(), "parts stand for sealed ones", seq, &bytes)
    }));
    let keeps = Changes {
        adds: [changes().adds, vec![kept(1, 400), kept(6, 9_000)]].concat(),
        condemns: [
            changes().condemns,
            (2..=5).map(|seq| ObjectRef::record(id(seq))).collect(),
        ]
        .concat(),
        acks: vec![pack(9, 0).object],
        ..Changes::default()
    };
    cases.push(record_case(
        "checkpoint-records",
        "keeps records, condemns the others, and repeats what was condemned",
        7,
        &record(RecordKind::Checkpoint, 7, keeps, &[BODY]),
    ));
    let small = record(RecordKind::Snapshot, 2, Changes::default(), &SMALL);
    cases.push(record_case(
        "small-snapshot",
        "carries packs and their run",
        2,
        &small,
    ));
    cases
}

type Edit = fn(&mut Vec<u8>);

/// Changes what is signed, and signs again.
fn resigned(bytes: &[u8], header: usize, domain: &str, key: &SigningKey, edit: Edit) -> Vec<u8> {
    let mut fields = bytes[..header].to_vec();
    edit(&mut fields);
    if domain == RECORD_DOMAIN && fields.len() != header {
        let len = u32::try_from(fields.len()).unwrap();
        fields[12..16].copy_from_slice(&len.to_be_bytes());
    }
    let signature = key.sign(domain, &fields);
    [&fields, &signature[..], &bytes[header + 64..]].concat()
}

fn invalid_descriptors() -> Vec<Case> {
    let good = descriptor(Suite::Aes256);
    let edits: [(&str, &str, Edit, &str); 9] = [
        (
            "magic",
            "wrong magic",
            |b| b[0] = b's',
            "the archive descriptor is not one: the first bytes are wrong",
        ),
        (
            "newer",
            "version 2",
            |b| b[8] = 2,
            "the archive descriptor has the newer format version 2: a newer program is needed",
        ),
        (
            "version-0",
            "version 0",
            |b| b[8] = 0,
            "the archive descriptor is malformed: `version` holds a value that no writer produces",
        ),
        (
            "suite",
            "unknown suite",
            |b| b[9] = 4,
            "the archive descriptor is malformed: `suite` holds a value that no writer produces",
        ),
        (
            "reserved",
            "reserved bit set",
            |b| b[10] = 1,
            "the archive descriptor is malformed: `reserved` holds a value that no writer produces",
        ),
        (
            "trailing",
            "a byte after the features",
            |b| b.push(0),
            "the archive descriptor is malformed: bytes follow the end of the value",
        ),
        (
            "varint",
            "a count that is not in its shortest form",
            |b| {
                b.pop();
                b.extend([0x80, 0]);
            },
            "the archive descriptor is malformed: `features` holds a value that no writer produces",
        ),
        (
            "feature",
            "an unknown feature",
            |b| {
                b.pop();
                b.extend(b"\x01\x0epublic-key-box");
            },
            "the archive descriptor needs the feature `public-key-box`, which a newer program has",
        ),
        (
            "features-unsorted",
            "features twice",
            |b| {
                b.pop();
                b.extend(b"\x02\x01a\x01a");
            },
            "the archive descriptor is malformed: `features` holds a value that no writer produces",
        ),
    ];
    let mut cases: Vec<Case> = edits
        .into_iter()
        .map(|(name, about, edit, error)| {
            let bytes = resigned(
                &good,
                good.len() - 64,
                DESCRIPTOR_DOMAIN,
                &authority(),
                edit,
            );
            descriptor_case(name, about, &bytes).refused(error)
        })
        .collect();
    let stranger = resigned(&good, good.len() - 64, DESCRIPTOR_DOMAIN, &writer(), |_| {});
    let error = "the signature of the archive descriptor is wrong";
    cases.push(descriptor_case("signature", "signed by another key", &stranger).refused(error));
    let error = "the archive descriptor is malformed: the bytes end inside `signature`";
    cases.push(descriptor_case("short", "cut short", &good[..40]).refused(error));
    cases
}

fn invalid_records() -> Vec<Case> {
    let good = record(RecordKind::Prune, 4, changes(), &[BODY]);
    let header = good.len() - 64 - BODY.1.len();
    let edits: [(&str, &str, Edit, &str); 18] = [
        (
            "seq-0",
            "seq 0",
            |b| b[43] = 0,
            "record 1-4 is malformed: `seq` holds a value that no writer produces",
        ),
        (
            "generation-0",
            "generation 0",
            |b| b[35] = 0,
            "record 1-4 is malformed: `generation` holds a value that no writer produces",
        ),
        (
            "not-first",
            "seq 1, and not the record of generation 1",
            |b| b[43] = 1,
            "record 1-4 is malformed: `seq` holds a value that no writer produces",
        ),
        (
            "previous",
            "no record before it, and not the first",
            |b| b[44..76].fill(0),
            "record 1-4 is malformed: `previous hash` holds a value that no writer produces",
        ),
        (
            "magic",
            "wrong magic",
            |b| b[0] = 0,
            "record 1-4 is not one: the first bytes are wrong",
        ),
        (
            "newer",
            "version 2",
            |b| b[8] = 2,
            "record 1-4 has the newer format version 2: a newer program is needed",
        ),
        (
            "kind",
            "kind 8",
            |b| b[9] = 8,
            "record 1-4 is malformed: `kind` holds a value that no writer produces",
        ),
        (
            "reserved",
            "reserved bit set",
            |b| b[11] = 1,
            "record 1-4 is malformed: `reserved` holds a value that no writer produces",
        ),
        (
            "archive",
            "of another archive",
            |b| b[16] = 0,
            "record 1-4 belongs to another archive",
        ),
        (
            "place",
            "another seq than its name",
            |b| b[43] = 5,
            "record 1-4 is malformed: `seq` holds a value that no writer produces",
        ),
        (
            "payload-length",
            "a payload that is longer than its parts",
            |b| b[115] += 1,
            "record 1-4 is malformed: `parts` holds a value that no writer produces",
        ),
        (
            "payload-hash",
            "another payload",
            |b| b[116] ^= 1,
            "record 1-4 is malformed: `payload` holds a value that no writer produces",
        ),
        (
            "no-parts",
            "no parts",
            |b| {
                b.drain(149..154);
                b[148] = 0;
            },
            "record 1-4 is malformed: `parts` holds a value that no writer produces",
        ),
        (
            "part-kind",
            "a pack as first part",
            |b| b[149] = 1,
            "record 1-4 is malformed: `parts` holds a value that no writer produces",
        ),
        (
            "feature",
            "an unknown feature",
            |b| {
                b.splice(154..155, *b"\x01\x01x");
            },
            "record 1-4 needs the feature `x`, which a newer program has",
        ),
        (
            "object-kind",
            "an object of kind 5",
            |b| b[156] = 5,
            "record 1-4 is malformed: `adds` holds a value that no writer produces",
        ),
        (
            "adds-unsorted",
            "adds that are not sorted",
            |b| b[157] = 0xff,
            "record 1-4 is malformed: `adds` holds a value that no writer produces",
        ),
        (
            "trailing",
            "a byte after the acks",
            |b| b.push(0),
            "record 1-4 is malformed: bytes follow the end of the value",
        ),
    ];
    let mut cases: Vec<Case> = edits
        .into_iter()
        .map(|(name, about, edit, error)| {
            let bytes = resigned(&good, header, RECORD_DOMAIN, &writer(), edit);
            record_case(name, about, 4, &bytes).refused(error)
        })
        .collect();
    let stranger = resigned(&good, header, RECORD_DOMAIN, &authority(), |_| {});
    let error = "the signature of record 1-4 is wrong";
    cases.push(record_case("signature", "signed by another key", 4, &stranger).refused(error));
    let mut longer = good.clone();
    longer.push(0);
    let error = "record 1-4 is malformed: `payload` holds a value that no writer produces";
    cases.push(record_case("longer", "a byte after the payload", 4, &longer).refused(error));
    let adds = |seqs: &[u64]| Changes {
        adds: seqs.iter().map(|seq| kept(*seq, 400)).collect(),
        ..Changes::default()
    };
    let error = "record 1-4 is malformed: `adds` holds a value that no writer produces";
    let named = record(RecordKind::Checkpoint, 4, adds(&[1]), &[BODY]);
    let header = named.len() - 64 - BODY.1.len();
    let named = resigned(&named, header, RECORD_DOMAIN, &writer(), |b| {
        let at = b.len() - 6;
        b[at] = 1;
    });
    let about = "keeps a record whose list name does not end with zero bytes";
    cases.push(record_case("kept-name", about, 4, &named).refused(error));
    for (name, about, seqs) in [
        ("kept-twice", "keeps a record twice", [2, 2]),
        ("kept-unsorted", "keeps records that are not sorted", [3, 2]),
    ] {
        let bytes = record(RecordKind::Checkpoint, 4, adds(&seqs), &[BODY]);
        cases.push(record_case(name, about, 4, &bytes).refused(error));
    }
    let generation = record(RecordKind::Generation, 1, Changes::default(), &[BODY]);
    let header = generation.len() - 64 - BODY.1.len();
    let self_made = resigned(&generation, header, RECORD_DOMAIN, &writer(), |_| {});
    let error = "the signature of record 1-1 is wrong";
    cases.push(record_case("generation", "signed by its writer", 1, &self_made).refused(error));
    let mut refused =
        |name: &str, about: &str, changes: Changes, parts: &[(PartKind, &[u8])], field: &str| {
            let bytes = record(RecordKind::Snapshot, 2, changes, parts);
            let error =
                format!("record 1-2 is malformed: `{field}` holds a value that no writer produces");
            cases.push(record_case(name, about, 2, &bytes).refused(&error));
        };
    let none = Changes::default;
    refused("two-bodies", "two bodies", none(), &[BODY, BODY], "parts");
    refused(
        "two-runs",
        "two index runs",
        none(),
        &[BODY, SMALL[3], SMALL[3]],
        "parts",
    );
    let twice = vec![pack(6, 0).object; 2];
    let (condemns, voids) = (twice.clone(), twice);
    refused(
        "packs-without-run",
        "packs and no run",
        none(),
        &SMALL[..3],
        "parts",
    );
    refused(
        "run-without-packs",
        "a run and no packs",
        none(),
        &[BODY, SMALL[3]],
        "parts",
    );
    refused(
        "run-first",
        "a run in front of a pack",
        none(),
        &[BODY, SMALL[3], SMALL[1]],
        "parts",
    );
    let adds = |added: Added| Changes {
        adds: vec![added],
        ..none()
    };
    refused(
        "adds-and-parts",
        "packs as parts and as objects",
        adds(pack(3, 4_184)),
        &SMALL,
        "adds",
    );
    refused(
        "adds-size",
        "an object without bytes",
        adds(pack(3, 0)),
        &[BODY],
        "adds",
    );
    let added = |object| adds(Added { object, size: 9 });
    refused(
        "adds-record",
        "a record that is no checkpoint, and adds one",
        added(ObjectRef::record(id(1))),
        &[BODY],
        "adds",
    );
    refused(
        "adds-keys",
        "a keys object in the live set",
        added(ObjectRef::keys(ObjectName([8; 32]))),
        &[BODY],
        "adds",
    );
    let given_up = pack(3, 4_184);
    let condemned = Changes {
        condemns: vec![given_up.object],
        ..adds(given_up)
    };
    refused(
        "condemns-added",
        "an object that it adds and condemns",
        condemned,
        &[BODY],
        "condemns",
    );
    let voided = Changes {
        voids: vec![given_up.object],
        ..adds(given_up)
    };
    refused(
        "voids-added",
        "an object that it adds and voids",
        voided,
        &[BODY],
        "voids",
    );
    let records = Changes {
        condemns: vec![ObjectRef::record(id(1))],
        ..none()
    };
    refused(
        "condemns-record",
        "a record that is no checkpoint, and condemns one",
        records,
        &[BODY],
        "condemns",
    );
    refused(
        "condemns-twice",
        "an object twice",
        Changes { condemns, ..none() },
        &[BODY],
        "condemns",
    );
    refused(
        "voids-twice",
        "an object twice",
        Changes { voids, ..none() },
        &[BODY],
        "voids",
    );
    cases
}

fn judge(vector: &Vector) -> Option<Result<Vec<u8>, String>> {
    match vector.structure() {
        "descriptor" => {
            let decoded = Descriptor::decode(&vector.hex("bytes"));
            Some(
                decoded
                    .map(|d| d.encode(&authority()))
                    .map_err(|e| words(&e)),
            )
        }
        "record" => Some(judge_record(vector)),
        other => {
            let known = OTHERS.contains(&other) || other.ends_with("valid/chunker.json");
            assert!(known, "{}: unknown structure", vector.name);
            None
        }
    }
}

fn judge_record(vector: &Vector) -> Result<Vec<u8>, String> {
    let archive = ArchiveId(vector.hex("archive").try_into().unwrap());
    let signer: [u8; 32] = vector.hex("authority").try_into().unwrap();
    let id = id(vector.value["seq"].as_u64().unwrap());
    let record =
        Record::decode(vector.hex("bytes"), archive, id, &signer).map_err(|e| words(&e))?;
    let header = record.header();
    let parts: Vec<_> = record
        .parts()
        .map(|(kind, _, bytes)| (kind, bytes))
        .collect();
    let key = if header.kind == RecordKind::Generation {
        authority()
    } else {
        writer()
    };
    let again = Record::sign(
        header.kind,
        header.link,
        header.changes.clone(),
        &parts,
        &key,
    );
    assert_eq!(again.hash(), record.hash());
    Ok(again.bytes().to_vec())
}

fn cases() -> Vec<Case> {
    let cases = [valid(), invalid_descriptors(), invalid_records()];
    cases.into_iter().flatten().collect()
}

#[test]
fn vectors_can_be_made_again() {
    check_generated(&cases());
}

#[test]
#[ignore = "writes the files"]
fn write_vectors() {
    write(&cases());
}

#[test]
fn every_vector_is_judged_as_it_says() {
    check_files(DOCUMENT, judge);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_a_descriptor_takes_an_encoder_writes(edits in edits()) {
        let good = descriptor(Suite::Aes256);
        let fields = mutated(&good[..good.len() - 64], &edits);
        let bytes = [&fields[..], &authority().sign(DESCRIPTOR_DOMAIN, &fields)].concat();
        if let Ok(decoded) = Descriptor::decode(&bytes) {
            prop_assert_eq!(hex::encode(decoded.encode(&authority())), hex::encode(bytes));
        }
    }

    #[test]
    fn what_a_record_takes_an_encoder_writes(
        number in any::<prop::sample::Index>(),
        edits in edits(),
        keep_length in any::<bool>(),
    ) {
        let mut seeds = valid_vectors(DOCUMENT);
        seeds.retain(|seed| seed.structure() == "record");
        let mut seed = seeds.swap_remove(number.index(seeds.len()));
        let good = seed.hex("bytes");
        let header = u32::from_be_bytes(good[12..16].try_into().unwrap()) as usize;
        let mut fields = mutated(&good[..header], &edits);
        if fields.len() >= 16 && !keep_length {
            let len = u32::try_from(fields.len()).unwrap();
            fields[12..16].copy_from_slice(&len.to_be_bytes());
        }
        let signer = if fields.get(9) == Some(&1) { authority() } else { writer() };
        let signature = signer.sign(RECORD_DOMAIN, &fields);
        let bytes = [&fields[..], &signature, &good[header + 64..]].concat();
        seed.value["bytes"] = hex::encode(&bytes).into();
        if let Ok(again) = judge_record(&seed) {
            prop_assert_eq!(hex::encode(again), hex::encode(bytes));
        }
    }
}
