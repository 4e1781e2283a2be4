//! JSON lines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strongroom_base::ids::to_hex;

use super::super::{Actor, ActorKind, Entry, Event, LogId, Outcome, Subject};
use super::{Line, words};

const FORMAT: &str = "strongroom-audit-v1";

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Object<'a> {
    Export {
        format: Cow<'a, str>,
        log: String,
        first: u64,
        last: u64,
        before: String,
        check: String,
    },
    Record(#[serde(borrow)] Box<RecordObject<'a>>),
    Omitted {
        sequence: u64,
        digest: String,
        hash: String,
    },
    Checkpoint {
        sequence: u64,
        time: String,
        hash: String,
        key: String,
        signature: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordObject<'a> {
    sequence: u64,
    time: String,
    #[serde(borrow)]
    actor: Named<'a>,
    action: Cow<'a, str>,
    outcome: Cow<'a, str>,
    organisation: Option<String>,
    subject: Option<Named<'a>>,
    address: Cow<'a, str>,
    reason: Cow<'a, str>,
    details: Cow<'a, BTreeMap<String, String>>,
    hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named<'a> {
    kind: Cow<'a, str>,
    id: Cow<'a, str>,
    name: Cow<'a, str>,
}

pub(super) fn write(line: &Line) -> String {
    let object = match line {
        Line::Export(span) => Object::Export {
            format: FORMAT.into(),
            log: span.before.log.to_string(),
            first: span.first(),
            last: span.last,
            before: to_hex(&span.before.hash),
            check: span.check(),
        },
        Line::Record(record) => {
            Object::Record(Box::new(record_object(&record.entry, &record.hash)))
        }
        Line::Omitted {
            sequence,
            digest,
            hash,
        } => Object::Omitted {
            sequence: *sequence,
            digest: to_hex(digest),
            hash: to_hex(hash),
        },
        Line::Checkpoint(checkpoint) => Object::Checkpoint {
            sequence: checkpoint.head.sequence,
            time: words::time(checkpoint.time),
            hash: to_hex(&checkpoint.head.hash),
            key: to_hex(&checkpoint.key),
            signature: to_hex(&checkpoint.signature),
        },
    };
    // Texts, numbers and maps of texts are always written.
    let mut text = serde_json::to_string(&object).unwrap_or_default();
    text.push('\n');
    text
}

fn record_object<'a>(entry: &'a Entry, hash: &[u8; 32]) -> RecordObject<'a> {
    let event = &entry.event;
    let subject = event.subject.as_ref().map(|subject| Named {
        kind: (&subject.kind).into(),
        id: (&subject.id).into(),
        name: (&subject.name).into(),
    });
    RecordObject {
        sequence: entry.sequence,
        time: words::time(entry.time),
        actor: Named {
            kind: event.actor.kind.word().into(),
            id: (&event.actor.id).into(),
            name: (&event.actor.name).into(),
        },
        action: (&event.action).into(),
        outcome: event.outcome.word().into(),
        organisation: event.organisation.map(|id| id.to_string()),
        subject,
        address: (&event.address).into(),
        reason: (&event.reason).into(),
        details: Cow::Borrowed(&event.details),
        hash: to_hex(hash),
    }
}

pub(super) fn read(text: &str, log: LogId) -> Option<Line> {
    match serde_json::from_str(text).ok()? {
        Object::Export {
            format,
            log,
            first,
            last,
            before,
            check,
        } => {
            let span = words::span(&log, first, last, &before, &check)?;
            (format == FORMAT).then_some(Line::Export(span))
        }
        Object::Record(object) => read_record(*object),
        Object::Omitted {
            sequence,
            digest,
            hash,
        } => Some(Line::Omitted {
            sequence,
            digest: words::bytes(&digest)?,
            hash: words::bytes(&hash)?,
        }),
        Object::Checkpoint {
            sequence,
            time,
            hash,
            key,
            signature,
        } => {
            let time = words::read_time(&time)?;
            let parts = [hash.as_str(), &key, &signature];
            words::checkpoint(log, sequence, time, parts).map(Line::Checkpoint)
        }
    }
}

fn read_record(object: RecordObject<'_>) -> Option<Line> {
    let organisation = match object.organisation {
        Some(id) => Some(id.parse().ok()?),
        None => None,
    };
    let event = Event {
        actor: Actor {
            kind: ActorKind::from_word(&object.actor.kind)?,
            id: object.actor.id.into_owned(),
            name: object.actor.name.into_owned(),
        },
        action: object.action.into_owned(),
        outcome: Outcome::from_word(&object.outcome)?,
        organisation,
        subject: object.subject.map(|subject| Subject {
            kind: subject.kind.into_owned(),
            id: subject.id.into_owned(),
            name: subject.name.into_owned(),
        }),
        address: object.address.into_owned(),
        reason: object.reason.into_owned(),
        details: object.details.into_owned(),
    };
    let entry = Entry {
        sequence: object.sequence,
        time: words::read_time(&object.time)?,
        event,
    };
    words::record(entry, &object.hash).map(Line::Record)
}

/// Writes details as the object that all formats have.
pub(super) fn details(details: &BTreeMap<String, String>) -> String {
    serde_json::to_string(details).unwrap_or_default()
}

/// Reads such an object.
pub(super) fn read_details(text: &str) -> Option<BTreeMap<String, String>> {
    serde_json::from_str(text).ok()
}
