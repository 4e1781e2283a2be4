//! Common Event Format.

use std::collections::BTreeMap;

use strongroom_base::ids::to_hex;

use super::super::{Actor, ActorKind, Entry, Event, LogId, Outcome, Record, Subject};
use super::{Line, json, words};

const START: &str = "CEF:0|Strongroom|strongroom-server|1|";

pub(super) fn write(line: &Line) -> String {
    match line {
        Line::Record(record) => write_record(record),
        Line::Export(span) => event(
            "audit.export",
            1,
            &[
                ("srKind", "export".into()),
                ("srLog", span.before.log.to_string()),
                ("srFirst", span.first().to_string()),
                ("srLast", span.last.to_string()),
                ("srBefore", to_hex(&span.before.hash)),
                ("srCheck", span.check()),
            ],
        ),
        Line::Omitted {
            sequence,
            digest,
            hash,
        } => event(
            "audit.omitted",
            1,
            &[
                ("srKind", "omitted".into()),
                ("externalId", sequence.to_string()),
                ("srDigest", to_hex(digest)),
                ("srHash", to_hex(hash)),
            ],
        ),
        Line::Checkpoint(checkpoint) => event(
            "audit.checkpoint",
            1,
            &[
                ("srKind", "checkpoint".into()),
                ("externalId", checkpoint.head.sequence.to_string()),
                ("rt", checkpoint.time.to_string()),
                ("srHash", to_hex(&checkpoint.head.hash)),
                ("srKey", to_hex(&checkpoint.key)),
                ("srSignature", to_hex(&checkpoint.signature)),
            ],
        ),
    }
}

fn write_record(record: &Record) -> String {
    let entry = &record.entry;
    let told = &entry.event;
    let severity = match told.outcome {
        Outcome::Done => 3,
        Outcome::Refused => 6,
        Outcome::Failed => 8,
    };
    let organisation = told.organisation.map(|id| id.to_string());
    let subject = told.subject.as_ref();
    let of_subject = |part: fn(&Subject) -> &String| subject.map(part).cloned().unwrap_or_default();
    event(
        &told.action,
        severity,
        &[
            ("srKind", "record".into()),
            ("externalId", entry.sequence.to_string()),
            ("rt", entry.time.to_string()),
            ("srActorKind", told.actor.kind.word().into()),
            ("suid", told.actor.id.clone()),
            ("suser", told.actor.name.clone()),
            ("outcome", told.outcome.word().into()),
            ("srOrganisation", organisation.unwrap_or_default()),
            ("srSubjectKind", of_subject(|subject| &subject.kind)),
            ("duid", of_subject(|subject| &subject.id)),
            ("duser", of_subject(|subject| &subject.name)),
            ("src", told.address.clone()),
            ("reason", told.reason.clone()),
            ("srDetails", json::details(&told.details)),
            ("srHash", to_hex(&record.hash)),
        ],
    )
}

/// Writes a line; `id` is the class of the event and its name.
fn event(id: &str, severity: u8, fields: &[(&str, String)]) -> String {
    let id = id.replace('\\', "\\\\").replace('|', "\\|");
    let fields = fields.iter().map(|(name, value)| {
        let value = value.replace('\\', "\\\\").replace('=', "\\=");
        format!("{name}={value}")
    });
    let fields = fields.collect::<Vec<_>>().join(" ");
    format!("{START}{id}|{id}|{severity}|{fields}\n")
}

pub(super) fn read(text: &str, log: LogId) -> Option<Line> {
    let text = text.strip_suffix('\n')?.strip_prefix(START)?;
    let (id, rest) = split_id(text)?;
    // The second id and the severity follow from the rest; writing again compares them.
    let (_, rest) = split_id(rest)?;
    let (_, rest) = rest.split_once('|')?;
    let fields = read_fields(rest)?;
    let field = |name: &str| fields.get(name).map(String::as_str);
    let number = |name: &str| field(name)?.parse().ok();
    match field("srKind")? {
        "export" => words::span(
            field("srLog")?,
            number("srFirst")?,
            number("srLast")?,
            field("srBefore")?,
            field("srCheck")?,
        )
        .map(Line::Export),
        "record" => read_record(id, &fields),
        "omitted" => Some(Line::Omitted {
            sequence: number("externalId")?,
            digest: words::bytes(field("srDigest")?)?,
            hash: words::bytes(field("srHash")?)?,
        }),
        "checkpoint" => {
            let parts = [field("srHash")?, field("srKey")?, field("srSignature")?];
            words::checkpoint(log, number("externalId")?, number("rt")?, parts)
                .map(Line::Checkpoint)
        }
        _ => None,
    }
}

fn read_record(action: String, fields: &BTreeMap<&str, String>) -> Option<Line> {
    let field = |name: &str| fields.get(name).cloned();
    let organisation = match field("srOrganisation")?.as_str() {
        "" => None,
        id => Some(id.parse().ok()?),
    };
    let subject = Subject {
        kind: field("srSubjectKind")?,
        id: field("duid")?,
        name: field("duser")?,
    };
    let event = Event {
        actor: Actor {
            kind: ActorKind::from_word(&field("srActorKind")?)?,
            id: field("suid")?,
            name: field("suser")?,
        },
        action,
        outcome: Outcome::from_word(&field("outcome")?)?,
        organisation,
        subject: (!subject.kind.is_empty()).then_some(subject),
        address: field("src")?,
        reason: field("reason")?,
        details: json::read_details(&field("srDetails")?)?,
    };
    let entry = Entry {
        sequence: field("externalId")?.parse().ok()?,
        time: words::in_range(field("rt")?.parse().ok()?)?,
        event,
    };
    words::record(entry, &field("srHash")?).map(Line::Record)
}

/// Returns the id before the next bar that has no `\` before it, without escapes, and what follows the bar.
fn split_id(text: &str) -> Option<(String, &str)> {
    let mut id = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '|' => return Some((id, &text[at + 1..])),
            '\\' => id.push(chars.next()?.1),
            c => id.push(c),
        }
    }
    None
}

/// Reads `name=value name=value`. An equals sign without `\` before it ends a name, and the space before a
/// name ends the value before.
fn read_fields(text: &str) -> Option<BTreeMap<&str, String>> {
    let mut marks = Vec::new();
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '=' => marks.push(at),
            _ => {}
        }
    }
    let mut fields = BTreeMap::new();
    let mut start = 0;
    for (n, mark) in marks.iter().enumerate() {
        let name = text.get(start..*mark)?;
        let value_end = match marks.get(n + 1) {
            Some(next) => {
                let space = text.get(mark + 1..*next)?.rfind(' ')?;
                mark + 1 + space
            }
            None => text.len(),
        };
        let value = unescaped(text.get(mark + 1..value_end)?)?;
        fields.insert(name, value);
        start = value_end + 1;
    }
    Some(fields)
}

fn unescaped(text: &str) -> Option<String> {
    let mut value = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        value.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(value)
}
