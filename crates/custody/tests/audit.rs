//! The audit log: what is changed in an export is found where it was changed.

#![expect(clippy::unwrap_used, reason = "tests, in helper functions too")]

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use proptest::prelude::*;
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;
use strongroom_crypto::secret::Secret;
use strongroom_crypto::sign::SigningKey;
use strongroom_custody::audit::{
    Actor, ActorKind, Checkpoint, Entry, Event, FaultKind, Format, Head, Line, LogId, Outcome,
    Record, Span, Subject, clean, verify,
};

const LOG: LogId = LogId([7; 16]);

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([seed; 32]))
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_parts(1_800_000_000 + i64::try_from(second).unwrap(), 5_000_000)
}

fn event(action: &str, reason: &str) -> Event {
    Event {
        actor: Actor {
            kind: ActorKind::User,
            id: "000102030405060708090a0b0c0d0e0f".into(),
            name: "ann@example.org".into(),
        },
        action: action.into(),
        outcome: Outcome::Done,
        organisation: Some(OrganisationId([3; 16])),
        subject: Some(Subject {
            kind: "user".into(),
            id: "ff".into(),
            name: "Bob, \"the\" =builder|".into(),
        }),
        address: "192.0.2.7".into(),
        reason: reason.into(),
        details: BTreeMap::from([
            ("after.role".into(), "admin".into()),
            ("before.role".into(), "a=b, \\ \"c\"".into()),
        ]),
    }
}

fn events() -> Vec<Event> {
    let mut nobody = event("session.begin", "");
    nobody.actor = Actor {
        kind: ActorKind::Nobody,
        id: String::new(),
        name: "=cmd|' /C calc'!A0".into(),
    };
    nobody.outcome = Outcome::Refused;
    nobody.organisation = None;
    nobody.subject = None;
    nobody.details = BTreeMap::new();
    let mut failed = event("server.backup", "disk full\r\nrecord 9: nothing happened");
    failed.actor.kind = ActorKind::System;
    failed.outcome = Outcome::Failed;
    vec![
        event("user.block", "lost laptop"),
        nobody,
        failed,
        event(
            "user.grant",
            " a space before, = and \\ and | and \"quotes\" ä€😀 and after ",
        ),
        event("weird|action\\=", "'"),
        event("user.block", "srHash=00 reason=\\"),
        event("user.move", ""),
        event("computer.revoke", "@last"),
    ]
}

/// A log: its records, and checkpoints of the third and the last.
fn log() -> (Vec<Record>, Vec<Checkpoint>) {
    let mut head = Head::start(LOG);
    let (mut records, mut checkpoints) = (Vec::new(), Vec::new());
    for (second, event) in (0..).zip(events()) {
        let (record, next) = head.append(&event, at(second));
        assert_eq!(head.check(&record), Ok(next));
        head = next;
        records.push(record);
        if [3, 8].contains(&head.sequence) {
            checkpoints.push(Checkpoint::sign(head, at(second), &key(1)));
        }
    }
    (records, checkpoints)
}

/// The lines of an export of records from `first` on; the fifth is not shown.
fn lines(first: u64) -> Vec<Line> {
    let (records, checkpoints) = log();
    let start = Head::start(LOG);
    let before = first.checked_sub(2).map_or(start, |at| Head {
        log: LOG,
        sequence: first - 1,
        hash: records[usize::try_from(at).unwrap()].hash,
    });
    let mut lines = vec![Line::Export(Span { before, last: 8 })];
    for record in records
        .into_iter()
        .filter(|one| one.entry.sequence >= first)
    {
        let sequence = record.entry.sequence;
        lines.push(if sequence == 5 {
            Line::omit(&record)
        } else {
            Line::Record(Box::new(record))
        });
        let own = checkpoints
            .iter()
            .filter(|one| one.head.sequence == sequence);
        lines.extend(own.cloned().map(Line::Checkpoint));
    }
    lines
}

/// The text of an export, and for each of its bytes the records that may be named when it is changed: its own, or
/// where it belongs to a checkpoint, that before it or the next.
fn export(format: Format, lines: &[Line]) -> (Vec<u8>, Vec<RangeInclusive<u64>>) {
    let mut text = format.preamble().as_bytes().to_vec();
    let mut records = vec![0..=0; text.len()];
    let mut last = 0;
    for line in lines {
        last = match line {
            Line::Export(_) | Line::Checkpoint(_) => last,
            Line::Record(record) => record.entry.sequence,
            Line::Omitted { sequence, .. } => *sequence,
        };
        text.extend(format.write(line).into_bytes());
        let is_checkpoint = matches!(line, Line::Checkpoint(_));
        records.resize(text.len(), last..=last + u64::from(is_checkpoint));
    }
    (text, records)
}

fn trusted() -> [[u8; 32]; 1] {
    [key(1).public_key()]
}

#[test]
fn an_export_proves_itself_in_every_format() {
    for format in Format::ALL {
        for first in [1, 4] {
            let (text, _) = export(format, &lines(first));
            let report = verify(&text, &trusted(), Some(LOG)).unwrap();
            assert_eq!((report.first, report.head.sequence), (first, 8));
            assert_eq!((report.records, report.omitted), (8 - first, 1));
            assert_eq!((report.signed, report.untrusted), (Some(8), 0));
            assert_eq!(report.head.hash, log().0[7].hash);
        }
    }
}

#[test]
fn every_changed_byte_is_found_at_its_record() {
    for format in Format::ALL {
        for first in [1, 4] {
            let (text, records) = export(format, &lines(first));
            for (place, named) in records.iter().enumerate() {
                for byte in [text[place] ^ 1, text[place] ^ 0x20, b'\n'] {
                    let mut changed = text.clone();
                    changed[place] = byte;
                    if changed == text {
                        continue;
                    }
                    let fault = verify(&changed, &trusted(), Some(LOG)).unwrap_err();
                    let is_found = named.contains(&fault.record);
                    assert!(is_found, "{format:?} byte {place} of {named:?}: {fault:?}");
                }
            }
        }
    }
}

#[test]
fn a_missing_doubled_or_moved_line_is_found() {
    for format in Format::ALL {
        let whole = lines(1);
        let fault =
            |lines: &[Line]| verify(&export(format, lines).0, &trusted(), None).unwrap_err();
        // Lines 1 to 3 are records, 4 a checkpoint, 5 to 9 records, 10 a checkpoint.
        for at in [1, 2, 3, 5, 6, 7, 8] {
            let record = if at < 4 { at } else { at - 1 };
            let mut missing = whole.clone();
            missing.remove(at);
            assert_eq!(fault(&missing).record, record as u64, "{at}");
            let mut doubled = whole.clone();
            doubled.insert(at, whole[at].clone());
            assert_eq!(fault(&doubled).record, record as u64 + 1, "{at}");
            let mut moved = whole.clone();
            moved.swap(at, 9);
            assert_eq!(fault(&moved).record, record as u64, "{at}");
        }
        let cut = fault(&whole[..9]);
        assert_eq!((cut.record, cut.kind), (8, FaultKind::Missing));
        let empty = fault(&[]);
        assert_eq!((empty.record, empty.kind), (0, FaultKind::Missing));
        let more = [&whole[..], &whole[9..10]].concat();
        assert_eq!(
            (fault(&more).record, fault(&more).kind),
            (9, FaultKind::Extra)
        );
    }
}

#[test]
fn a_chain_that_was_computed_anew_is_found_at_the_next_checkpoint() {
    let (_, checkpoints) = log();
    let mut head = Head::start(LOG);
    let mut lines = vec![Line::Export(Span {
        before: head,
        last: 8,
    })];
    for (second, event) in (0..).zip(events()) {
        let mut event = event;
        if second == 4 {
            event.reason = "nothing happened".into();
        }
        let (record, next) = head.append(&event, at(second));
        head = next;
        lines.push(Line::Record(Box::new(record)));
        let own = checkpoints
            .iter()
            .filter(|one| one.head.sequence == head.sequence);
        lines.extend(own.cloned().map(Line::Checkpoint));
    }
    let fault = |lines: &[Line], keys: &[[u8; 32]]| {
        let fault = verify(&export(Format::Json, lines).0, keys, None).unwrap_err();
        (fault.record, fault.kind)
    };
    assert_eq!(fault(&lines, &trusted()), (8, FaultKind::OtherChain));
    // Signed anew with another key.
    let own = Checkpoint::sign(head, at(9), &key(2));
    lines.pop();
    lines.push(Line::Checkpoint(own));
    assert_eq!(fault(&lines, &trusted()), (8, FaultKind::UnknownKey));
    // And with the right key named.
    let mut forged = Checkpoint::sign(head, at(9), &key(2));
    forged.key = key(1).public_key();
    lines.pop();
    lines.push(Line::Checkpoint(forged));
    assert_eq!(fault(&lines, &trusted()), (8, FaultKind::Signature));
}

#[test]
fn what_nobody_signed_or_trusts_is_said() {
    let (text, _) = export(Format::Json, &lines(1));
    let report = verify(&text, &[], None).unwrap();
    assert_eq!((report.signed, report.untrusted), (None, 2));
    let unsigned = &lines(1)[..10];
    let report = verify(&export(Format::Json, unsigned).0, &trusted(), None).unwrap();
    assert_eq!(report.signed, Some(3));
    let other = verify(&text, &trusted(), Some(LogId([8; 16]))).unwrap_err();
    assert_eq!((other.record, other.kind), (0, FaultKind::OtherLog));
}

#[test]
fn an_empty_log_can_be_exported() {
    for format in Format::ALL {
        let before = Head::start(LOG);
        let (text, _) = export(format, &[Line::Export(Span { before, last: 0 })]);
        let report = verify(&text, &trusted(), Some(LOG)).unwrap();
        assert_eq!((report.records, report.head), (0, before));
    }
}

#[test]
fn nothing_that_a_stranger_types_makes_a_line_or_a_formula() {
    for format in Format::ALL {
        let (text, _) = export(format, &lines(1));
        let text = String::from_utf8(text).unwrap();
        let n_lines = lines(1).len() + usize::from(format == Format::Csv);
        assert_eq!(text.lines().count(), n_lines, "{format:?}");
    }
    let csv = Format::Csv.write(&lines(1)[2]);
    assert!(csv.contains("\"'=cmd|"), "{csv}");
    let cef = Format::Cef.write(&lines(1)[7]);
    assert!(cef.contains("reason=srHash\\=00 reason\\=\\\\ "), "{cef}");
    let cef = Format::Cef.write(&Line::Record(Box::new(log().0.remove(4))));
    let start = "CEF:0|Strongroom|strongroom-server|1|weird\\|action\\\\=|weird\\|action\\\\=|3|";
    assert!(cef.starts_with(start), "{cef}");
}

#[test]
fn a_deed_is_written_down_whatever_its_texts_are() {
    let mut long = event("", "x\u{2028}y\u{0}z");
    long.actor.name = "ä".repeat(300);
    long.address = "a".repeat(100);
    long.details = (0..40)
        .map(|n| (format!("{n:02}"), "v".repeat(2_000)))
        .collect();
    let (record, _) = Head::start(LOG).append(&long, Timestamp(i128::MAX));
    let stored = record.entry.to_bytes();
    assert_eq!(Entry::from_bytes(&stored).as_ref(), Ok(&record.entry));
    let told = &record.entry.event;
    assert_eq!(told.actor.name.len(), 256);
    assert_eq!(told.reason, "x\u{fffd}y\u{fffd}z");
    assert_eq!((told.action.as_str(), told.details.len()), ("-", 32));
    assert_eq!(clean("aä", 2), "a");
    for time in [i128::MIN, i128::MAX] {
        let (record, next) = Head::start(LOG).append(&event("a", ""), Timestamp(time));
        let lines = [
            Line::Export(Span {
                before: Head::start(LOG),
                last: 1,
            }),
            Line::Record(Box::new(record)),
        ];
        for format in Format::ALL {
            let report = verify(&export(format, &lines).0, &[], None).unwrap();
            assert_eq!(report.head, next);
        }
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = || prop_oneof![".{0,12}", "[ =|\\\\\"',@+\\-a]{0,12}"];
    let subject = prop::option::of((text(), text(), text()));
    let details = prop::collection::btree_map(text(), text(), 0..4);
    let actor = (0..6_usize, text(), text());
    (
        actor,
        text(),
        0..3_usize,
        any::<Option<[u8; 16]>>(),
        subject,
        text(),
        text(),
        details,
    )
        .prop_map(
            |(actor, action, outcome, organisation, subject, address, reason, details)| Event {
                actor: Actor {
                    kind: ActorKind::ALL[actor.0],
                    id: actor.1,
                    name: actor.2,
                },
                action,
                outcome: Outcome::ALL[outcome],
                organisation: organisation.map(OrganisationId),
                subject: subject.map(|(kind, id, name)| Subject { kind, id, name }),
                address,
                reason,
                details,
            },
        )
}

proptest! {
    #[test]
    fn any_log_proves_itself_and_no_changed_byte_gets_through(
        events in prop::collection::vec(any_event(), 1..5),
        place in any::<prop::sample::Index>(),
        mask in 1_u8..,
    ) {
        let mut head = Head::start(LOG);
        let mut lines = Vec::new();
        for event in &events {
            let (record, next) = head.append(event, at(0));
            let stored = record.entry.to_bytes();
            prop_assert_eq!(Entry::from_bytes(&stored).unwrap(), record.entry.clone());
            lines.push(Line::Record(Box::new(record)));
            head = next;
        }
        lines.insert(0, Line::Export(Span { before: Head::start(LOG), last: head.sequence }));
        lines.push(Line::Checkpoint(Checkpoint::sign(head, at(1), &key(1))));
        for format in Format::ALL {
            let (mut text, records) = export(format, &lines);
            let report = verify(&text, &trusted(), Some(LOG)).unwrap();
            prop_assert_eq!(report.head, head);
            let place = place.index(text.len());
            text[place] ^= mask;
            let fault = verify(&text, &trusted(), Some(LOG)).unwrap_err();
            prop_assert!(records[place].contains(&fault.record), "{:?}", fault);
        }
    }
}
