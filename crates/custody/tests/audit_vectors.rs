//! The vectors of `spec/vectors/audit-v1`: entries, checkpoints and exports.

#![expect(clippy::unwrap_used, reason = "tests, in helper functions too")]

use std::collections::BTreeMap;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;
use strongroom_crypto::secret::Secret;
use strongroom_crypto::sign::SigningKey;
use strongroom_custody::audit::{
    Actor, ActorKind, Checkpoint, Entry, Event, Format, Head, Line, LogId, Outcome, Span, Subject,
    verify,
};

#[path = "../../format/tests/vectors/common.rs"]
mod common;
use common::{Case, Counter, Vector, check_files, check_generated, words, write};

const DOCUMENT: &str = "audit-v1";
const ENTRY: &str = "entry";
const CHECKPOINT: &str = "checkpoint";
const EXPORT: &str = "export";
const LOG: LogId = LogId([7; 16]);

fn key() -> SigningKey {
    SigningKey::from_seed(&Secret::random(&Counter::default()))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_parts(1_800_000_000 + second, 5_000_000)
}

fn full() -> Event {
    Event {
        actor: Actor {
            kind: ActorKind::User,
            id: "ab".repeat(16),
            name: "ann@example.org".into(),
        },
        action: "user.grant".into(),
        outcome: Outcome::Done,
        organisation: Some(OrganisationId([3; 16])),
        subject: Some(Subject {
            kind: "user".into(),
            id: "cd".repeat(16),
            name: "=Bob \"the\" builder".into(),
        }),
        address: "2001:db8::7".into(),
        reason: "new | task, a=b \\ ä".into(),
        details: BTreeMap::from([
            ("after.role".into(), "admin".into()),
            ("before.role".into(), "manager".into()),
        ]),
    }
}

fn bare() -> Event {
    Event {
        actor: Actor {
            kind: ActorKind::Nobody,
            id: String::new(),
            name: "x".into(),
        },
        action: "session.begin".into(),
        outcome: Outcome::Refused,
        organisation: None,
        subject: None,
        address: "192.0.2.1".into(),
        reason: String::new(),
        details: BTreeMap::new(),
    }
}

fn entry(event: Event) -> Entry {
    Entry {
        sequence: 1,
        time: 1_800_000_000_005,
        event,
    }
}

fn changed(bytes: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] = byte;
    bytes
}

fn entry_cases() -> Vec<Case> {
    let (full, bare) = (entry(full()), entry(bare()));
    let case = |name, about, bytes: &[u8]| Case::new(DOCUMENT, ENTRY, name, about, bytes);
    let good = |name, about, entry: &Entry| {
        case(name, about, &entry.to_bytes()).with("digest", hex::encode(entry.digest()))
    };
    let refused = |field| format!("`{field}` holds a value that no writer produces");
    let whole = bare.to_bytes();
    let edited = |edit: fn(&mut Entry)| {
        let mut edited = full.clone();
        edit(&mut edited);
        edited.to_bytes()
    };
    let mut twice = full.to_bytes();
    let n_details = twice.len() - (1 + 10 + 1 + 5) - (1 + 11 + 1 + 7);
    let first = twice[n_details..n_details + 17].to_vec();
    twice.truncate(n_details + 17);
    twice.extend(first);
    // Offsets in `whole`: sequence 1, time 9, actor kind 17, id 18, name 19, action 21, outcome 35,
    // organisation 36, subject 37, address 38, reason 48, details 49.
    vec![
        good("full", "every field", &full),
        good("bare", "as few fields as there can be", &bare),
        case("version", "version 2", &changed(&whole, 0, 2)).refused(&refused("version")),
        case("sequence", "sequence 0", &changed(&whole, 8, 0)).refused(&refused("sequence")),
        case("time", "after the year 9999", &changed(&whole, 9, 1)).refused(&refused("time")),
        case("actor", "actor 7", &changed(&whole, 17, 7)).refused(&refused("actor kind")),
        case("actor-0", "actor 0", &changed(&whole, 17, 0)).refused(&refused("actor kind")),
        case("utf-8", "no UTF-8", &changed(&whole, 20, 0xff)).refused(&refused("actor name")),
        case("control", "a newline", &changed(&whole, 20, b'\n')).refused(&refused("actor name")),
        case(
            "separator",
            "U+2028",
            &edited(|e| e.event.reason = "\u{2028}".into()),
        )
        .refused(&refused("reason")),
        case("action", "no action", &edited(|e| e.event.action.clear()))
            .refused(&refused("action")),
        case("outcome", "outcome 4", &changed(&whole, 35, 4)).refused(&refused("outcome")),
        case("organisation", "an id of one byte", &changed(&whole, 36, 1))
            .refused(&refused("organisation")),
        case("subject", "subject 2", &changed(&whole, 37, 2)).refused(&refused("subject")),
        case(
            "long",
            "a reason that is too long",
            &edited(|e| e.event.reason = "a".repeat(1_025)),
        )
        .refused(&refused("reason")),
        case("details", "a detail twice", &twice).refused(&refused("details")),
        case("cut", "a byte too few", &whole[..whole.len() - 1])
            .refused("the bytes end inside `details`"),
        case("trailing", "a byte too many", &[&whole[..], &[0]].concat())
            .refused("bytes follow the end of the value"),
    ]
}

fn head() -> Head {
    Head::start(LOG).append(&full(), at(0)).1
}

fn checkpoint_cases() -> Vec<Case> {
    let checkpoint = Checkpoint::sign(head(), at(60), &key());
    let whole = checkpoint.to_bytes();
    let case = |name, about, bytes: &[u8]| Case::new(DOCUMENT, CHECKPOINT, name, about, bytes);
    let signature = "the signature does not fit the key, the purpose and the message";
    vec![
        case("first", "of one entry", &whole),
        case("sequence", "another sequence", &changed(&whole, 24, 2)).refused(signature),
        case("hash", "another hash", &changed(&whole, 33, 0)).refused(signature),
        case("signature", "another signature", &changed(&whole, 97, 0)).refused(signature),
        case("version", "version 2", &changed(&whole, 0, 2))
            .refused("`version` holds a value that no writer produces"),
        case("cut", "a byte too few", &whole[..160]).refused("the bytes end inside `signature`"),
        case("trailing", "a byte too many", &[&whole[..], &[0]].concat())
            .refused("bytes follow the end of the value"),
    ]
}

/// An export of three records, of which the second is not shown, with a checkpoint.
fn export(format: Format) -> String {
    let start = Head::start(LOG);
    let (first, head) = start.append(&full(), at(0));
    let (second, head) = head.append(&bare(), at(1));
    let (third, head) = head.append(&bare(), at(2));
    let lines = [
        Line::Export(Span {
            before: start,
            last: 3,
        }),
        Line::Record(Box::new(first)),
        Line::omit(&second),
        Line::Record(Box::new(third)),
        Line::Checkpoint(Checkpoint::sign(head, at(60), &key())),
    ];
    let lines = lines.iter().map(|line| format.write(line));
    format.preamble().to_owned() + &lines.collect::<String>()
}

fn export_case(name: &str, about: &str, text: &str) -> Case {
    Case::new(DOCUMENT, EXPORT, name, about, text.as_bytes())
        .with("text", text)
        .with("trusted", hex::encode(key().public_key()))
}

/// Exports in which a byte was changed.
fn export_cases() -> Vec<Case> {
    let case = export_case;
    let (json, csv, cef) = (
        export(Format::Json),
        export(Format::Csv),
        export(Format::Cef),
    );
    let hash = "its hash does not fit it and the records before";
    let unreadable = "it is not as an export writes it";
    vec![
        case("json", "JSON lines", &json),
        case("csv", "comma-separated values", &csv),
        case("cef", "Common Event Format", &cef),
        case(
            "json-reason",
            "another reason",
            &json.replacen("new |", "old |", 1),
        )
        .refused(&format!("record 1 (line 2): {hash}")),
        case(
            "csv-name",
            "another name",
            &csv.replacen("'=Bob", "'=Rob", 1),
        )
        .refused(&format!("record 1 (line 3): {hash}")),
        case(
            "cef-address",
            "another address",
            &cef.replacen("src=2001", "src=2002", 1),
        )
        .refused(&format!("record 1 (line 2): {hash}")),
        case(
            "json-space",
            "a space that means nothing",
            &json.replacen(",\"time", ", \"time", 1),
        )
        .refused(&format!("record 1 (line 2): {unreadable}")),
        case(
            "csv-formula",
            "no mark before a formula",
            &csv.replacen("'=Bob", "=Bob", 1),
        )
        .refused(&format!("record 1 (line 3): {unreadable}")),
        case(
            "csv-columns",
            "another name of a column",
            &csv.replacen("kind", "Kind", 1),
        )
        .refused(&format!("record 0 (line 1): {unreadable}")),
        case(
            "cef-severity",
            "another severity",
            &cef.replacen("|3|", "|4|", 1),
        )
        .refused(&format!("record 1 (line 2): {unreadable}")),
        case("json-log", "another log", &json.replacen("0707", "0807", 1))
            .refused(&format!("record 0 (line 1): {unreadable}")),
    ]
}

/// Exports that lost or gained lines.
fn export_line_cases() -> Vec<Case> {
    let case = export_case;
    let json = export(Format::Json);
    let line = |text: &str, n: usize| text.split_inclusive('\n').nth(n).unwrap().to_owned();
    vec![
        case(
            "json-missing",
            "a record is missing",
            &json.replacen(&line(&json, 2), "", 1),
        )
        .refused("record 2 (line 3): record 3 stands in its place"),
        case(
            "json-cut",
            "the end is missing",
            &(line(&json, 0) + &line(&json, 1)),
        )
        .refused("record 2 (line 3): the export ends before it"),
        case(
            "json-more",
            "a record more",
            &(json.clone() + &line(&json, 3)),
        )
        .refused("record 4 (line 6): more follows than the export announces"),
        case(
            "json-signature",
            "another time of a checkpoint",
            &json.replacen("08:01:00", "08:01:01", 1),
        )
        .refused("record 3 (line 5): the signature of the checkpoint after it is wrong"),
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = entry_cases();
    cases.extend(checkpoint_cases());
    cases.extend(export_cases());
    cases.extend(export_line_cases());
    cases
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every judge")]
fn judge(vector: &Vector) -> Option<Result<Vec<u8>, String>> {
    let bytes = vector.hex("bytes");
    Some(match vector.structure() {
        ENTRY => Entry::from_bytes(&bytes)
            .map(|entry| {
                assert_eq!(entry.digest().to_vec(), vector.hex("digest"));
                entry.to_bytes()
            })
            .map_err(|error| words(&error)),
        CHECKPOINT => match Checkpoint::from_bytes(&bytes) {
            Ok(checkpoint) => checkpoint
                .verify()
                .map(|()| checkpoint.to_bytes())
                .map_err(|error| words(&error)),
            Err(error) => Err(words(&error)),
        },
        other => {
            assert_eq!(other, EXPORT);
            let trusted = [vector.hex("trusted").try_into().unwrap()];
            verify(&bytes, &trusted, Some(LOG))
                .map(|report| {
                    assert_eq!((report.records, report.omitted), (2, 1));
                    assert_eq!(report.signed, Some(3));
                    bytes.clone()
                })
                .map_err(|fault| words(&fault))
        }
    })
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
