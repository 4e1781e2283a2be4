//! The vectors of `spec/vectors` of all that is sealed: both ways for valid ones, the words for others.

#![expect(clippy::too_many_lines, reason = "tables of cases")]
#![expect(clippy::unwrap_used, reason = "tests, in helper functions too")]

use serde_json::Value;
use strongroom_base::ids::{ArchiveId, Epoch, Generation};
use strongroom_base::wire::Reader;
use strongroom_crypto::custody::CustodyKey;
use strongroom_crypto::keys::{EpochSecret, SealedKind};
use strongroom_crypto::seal::{SALT_LEN, SealingKey};
use strongroom_format::FormatError;
use strongroom_format::body::Body;
use strongroom_format::content::{Content, ContentOf, List};
use strongroom_format::index::Run;
use strongroom_format::keys::KeysObject;
use strongroom_format::pack::{Fill, Trailer, finish_pack};
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::{
    EpochKeys, HEADER_LEN, SealedHeader, open_body, open_object, seal_object,
};
use strongroom_format::tree::{ChunkWriter, Entries, Entry};

#[path = "vectors/cases_bodies.rs"]
mod cases_bodies;
#[path = "vectors/cases_keys.rs"]
mod cases_keys;
#[path = "vectors/cases_places.rs"]
mod cases_places;
#[path = "vectors/cases_sealed.rs"]
mod cases_sealed;
#[path = "vectors/cases_trees.rs"]
mod cases_trees;
#[path = "vectors/common.rs"]
mod common;
#[path = "vectors/mutate.rs"]
mod mutate;
use common::{Case, Vector, check_files, check_generated, valid_vectors, words, write};
use mutate::{edits, mutated};
use proptest::prelude::*;

/// The archive of all cases.
const ARCHIVE: ArchiveId = ArchiveId([0xa1; 16]);

/// The key ring of a sealed case: one epoch.
struct OneEpoch(Epoch, EpochSecret);

impl EpochKeys for OneEpoch {
    fn sealing_key(&self, header: &SealedHeader) -> Option<SealingKey> {
        (header.epoch == self.0).then(|| self.1.sealing_key(header.suite, header.kind))
    }
}

fn judge_archive(vector: &Vector) -> Option<Result<Vec<u8>, String>> {
    let judge = match vector.structure() {
        "sealed" => judge_sealed,
        "content" => judge_content,
        "list-chunk" => judge_list,
        "tree-chunk" => judge_tree,
        "pack" => judge_pack,
        "index-run" => |vector: &Vector, bytes: &[u8]| {
            let carrier = carrier(vector);
            Run::decode(bytes, carrier).map(|run| run.encode(carrier))
        },
        "body" => |vector: &Vector, bytes: &[u8]| {
            Body::decode(bytes, number(vector, "kind")).map(|body| body.encode())
        },
        other => {
            let known = other.ends_with("valid/chunker.json");
            let known = known || ["descriptor", "record"].contains(&other);
            assert!(known, "{}: unknown structure", vector.name);
            return None;
        }
    };
    Some(judge(vector, &vector.hex("bytes")).map_err(|error| words(&error)))
}

fn number(vector: &Vector, field: &str) -> u8 {
    let value = vector.value[field].as_u64().unwrap();
    u8::try_from(value).unwrap()
}

fn judge_sealed(vector: &Vector, bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    let kind = SealedKind::from_code(number(vector, "kind")).unwrap();
    let secret: [u8; 56] = vector.hex("epoch_secret").try_into().unwrap();
    let epoch = Epoch(number(vector, "epoch").into());
    let keys = OneEpoch(epoch, EpochSecret::new(secret));
    let (header, plaintext) = open_object(bytes, kind, ARCHIVE, &keys)?;
    if kind == SealedKind::Body {
        let given = vector
            .value
            .get("record_generation")
            .and_then(Value::as_u64);
        let given = given.map(|given| Generation(u32::try_from(given).unwrap()));
        open_body(bytes, given.unwrap_or(header.generation), ARCHIVE, &keys)?;
    }
    assert_eq!(plaintext, vector.hex("plaintext"), "{}", vector.name);
    let key = keys.sealing_key(&header).unwrap();
    let salt: &[u8; SALT_LEN] = bytes[HEADER_LEN..].first_chunk().unwrap();
    let mut again = Vec::new();
    seal_object(&header, ARCHIVE, &key, salt, &plaintext, &mut again);
    Ok(again)
}

fn judge_content(_: &Vector, bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    let malformed = FormatError::malformed("content");
    let mut reader = Reader::new(bytes);
    let content = Content::read(&mut reader, ContentOf::File).map_err(&malformed)?;
    reader.finish().map_err(&malformed)?;
    let mut again = Vec::new();
    content.put(&mut again);
    Ok(again)
}

fn judge_list(vector: &Vector, bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    let len = vector.value["content_len"].as_u64().unwrap();
    let level = number(vector, "level");
    let list = match vector.value.get("named_by").and_then(Value::as_str) {
        None => List::decode(bytes, level, len)?,
        Some("a file") => List::decode_top(bytes, level, len, ContentOf::File)?,
        Some(other) => panic!("{}: {other}", vector.name),
    };
    let longer = [bytes, b"what follows"].concat();
    assert_eq!(List::prefix(&longer).unwrap(), bytes);
    Ok(list.encode())
}

fn judge_tree(_: &Vector, bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    let entries = Entries::new(bytes).collect::<Result<Vec<Entry>, _>>();
    let entries = entries.map_err(FormatError::malformed("tree chunk"))?;
    Ok(encode_tree(&entries))
}

fn encode_tree(entries: &[Entry]) -> Vec<u8> {
    let (mut writer, mut bytes) = (ChunkWriter::default(), Vec::new());
    for entry in entries {
        writer.put(entry, &mut bytes);
    }
    bytes
}

fn carrier(vector: &Vector) -> Carrier {
    match vector.text("carrier") {
        "object" => Carrier::Object,
        "record" => Carrier::Record,
        other => panic!("{}: {other}", vector.name),
    }
}

fn judge_pack(vector: &Vector, bytes: &[u8]) -> Result<Vec<u8>, FormatError> {
    let carrier = carrier(vector);
    let trailer = Trailer::of_plaintext(bytes, carrier)?;
    let stored: usize = trailer.segments.iter().map(|s| s.stored_len as usize).sum();
    let mut again = bytes[..stored].to_vec();
    finish_pack(&mut again, &trailer, Fill::Least(carrier)).unwrap();
    Ok(again)
}

fn judge_keys(vector: &Vector) -> Option<Result<Vec<u8>, String>> {
    if ["custody-file", "custody-words"].contains(&vector.structure()) {
        return None;
    }
    assert_eq!(vector.structure(), "keys-object", "{}", vector.name);
    Some(open_keys(vector).map_err(|error| words(&error)))
}

fn open_keys(vector: &Vector) -> Result<Vec<u8>, FormatError> {
    let authority: [u8; 32] = vector.hex("authority").try_into().unwrap();
    let object = KeysObject::decode(&vector.hex("bytes"), &authority)?;
    let custody: [u8; 32] = vector.hex("custody_key").try_into().unwrap();
    let custody = CustodyKey::from_bytes(custody);
    for slot in &object.slots {
        let opened: CustodyKey = slot.open(object.archive, vector.text("password").as_bytes())?;
        assert_eq!(opened.expose_bytes(), custody.expose_bytes());
    }
    let ring = object.open(&custody)?;
    assert_eq!(
        hex::encode(ring.dedup.data.expose_bytes()),
        vector.text("data_key")
    );
    assert_eq!(
        ring.epochs().count() as u64,
        vector.value["epochs"].as_u64().unwrap()
    );
    assert_eq!(ring.authority().public_key(), authority);
    Ok(object.encode(&ring.authority()))
}

fn cases() -> Vec<Case> {
    [
        cases_sealed::cases(),
        cases_trees::cases(),
        cases_places::cases(),
        cases_bodies::cases(),
        cases_keys::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
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
    check_files("archive-v1", judge_archive);
    check_files("keys-v1", judge_keys);
}

/// Valid vectors of a structure that is not sealed, and how to judge them.
fn seeds() -> Vec<Vector> {
    let plain = |vector: &Vector| {
        !matches!(vector.structure(), "sealed" | "descriptor" | "record")
            && vector.value.get("bytes").is_some()
    };
    let mut seeds = valid_vectors("archive-v1");
    seeds.retain(plain);
    seeds
}

/// The bytes of a seed, changed. What has its padding at its end is changed in front of that, and padded again: a
/// decoder would refuse nearly all others for their length.
fn changed(seed: &Vector, edits: &[(f64, mutate::Edit)]) -> Vec<u8> {
    let bytes = seed.hex("bytes");
    let least = match seed.structure() {
        "body" => 1_024,
        "index-run" if carrier(seed) == Carrier::Record => 4_096,
        "index-run" => 16_384,
        _ => return mutated(&bytes, edits),
    };
    let used = bytes.iter().rposition(|byte| *byte != 0);
    let mut bytes = mutated(&bytes[..used.map_or(0, |at| at + 1)], edits);
    bytes.resize(bytes.len().next_power_of_two().max(least), 0);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_a_decoder_takes_an_encoder_writes(number in any::<prop::sample::Index>(), edits in edits()) {
        static SEEDS: std::sync::LazyLock<Vec<Vector>> = std::sync::LazyLock::new(seeds);
        let seed = number.get(&SEEDS[..]);
        let bytes = changed(seed, &edits);
        let mut changed = Vector { name: seed.name.clone(), value: seed.value.clone() };
        changed.value["bytes"] = hex::encode(&bytes).into();
        if let Some(Ok(again)) = judge_archive(&changed) {
            prop_assert_eq!(hex::encode(again), hex::encode(bytes), "{}", seed.name);
        }
    }

    #[test]
    fn what_a_keys_object_takes_an_encoder_writes(password in any::<bool>(), edits in edits()) {
        let seeds = valid_vectors("keys-v1");
        let name = if password { "password" } else { "bare" };
        let seed = seeds.iter().find(|seed| seed.name.contains(name)).unwrap();
        let good = seed.hex("bytes");
        let (fields, authority) = (mutated(&good[..good.len() - 64], &edits), cases_keys::authority());
        let bytes = [&fields[..], &authority.sign(cases_keys::DOMAIN, &fields)].concat();
        if let Ok(object) = KeysObject::decode(&bytes, &authority.public_key()) {
            prop_assert_eq!(hex::encode(object.encode(&authority)), hex::encode(bytes));
        }
    }
}
