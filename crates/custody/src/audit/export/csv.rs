//! Comma-separated values (RFC 4180), every field in quotation marks.

use strongroom_base::ids::to_hex;

use super::super::{Actor, ActorKind, Entry, Event, LogId, Outcome, Subject};
use super::{Line, json, words};

/// The line with the names of the columns.
pub(super) const COLUMNS: &str = "\"kind\",\"sequence\",\"time\",\"actor_kind\",\"actor_id\",\"actor_name\",\
\"action\",\"outcome\",\"organisation\",\"subject_kind\",\"subject_id\",\"subject_name\",\"address\",\"reason\",\
\"details\",\"digest\",\"hash\",\"log\",\"first\",\"last\",\"before\",\"check\",\"key\",\"signature\"\r\n";

const N_COLUMNS: usize = 24;

/// What a spreadsheet takes for the start of a formula, and the mark against that.
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', MARK];
const MARK: char = '\'';

/// The fields of a line, by their columns.
#[derive(Default)]
struct Row([String; N_COLUMNS]);

pub(super) fn write(line: &Line) -> String {
    let mut row = Row::default();
    let fields = &mut row.0;
    match line {
        Line::Export(span) => {
            fields[0] = "export".into();
            fields[17] = span.before.log.to_string();
            fields[18] = span.first().to_string();
            fields[19] = span.last.to_string();
            fields[20] = to_hex(&span.before.hash);
            fields[21] = span.check();
        }
        Line::Record(record) => {
            fill(fields, &record.entry);
            fields[16] = to_hex(&record.hash);
        }
        Line::Omitted {
            sequence,
            digest,
            hash,
        } => {
            fields[0] = "omitted".into();
            fields[1] = sequence.to_string();
            fields[15] = to_hex(digest);
            fields[16] = to_hex(hash);
        }
        Line::Checkpoint(checkpoint) => {
            fields[0] = "checkpoint".into();
            fields[1] = checkpoint.head.sequence.to_string();
            fields[2] = words::time(checkpoint.time);
            fields[16] = to_hex(&checkpoint.head.hash);
            fields[22] = to_hex(&checkpoint.key);
            fields[23] = to_hex(&checkpoint.signature);
        }
    }
    row.text()
}

fn fill(fields: &mut [String; N_COLUMNS], entry: &Entry) {
    let event = &entry.event;
    fields[0] = "record".into();
    fields[1] = entry.sequence.to_string();
    fields[2] = words::time(entry.time);
    fields[3] = event.actor.kind.word().into();
    fields[4].clone_from(&event.actor.id);
    fields[5].clone_from(&event.actor.name);
    fields[6].clone_from(&event.action);
    fields[7] = event.outcome.word().into();
    if let Some(id) = event.organisation {
        fields[8] = id.to_string();
    }
    if let Some(subject) = &event.subject {
        fields[9].clone_from(&subject.kind);
        fields[10].clone_from(&subject.id);
        fields[11].clone_from(&subject.name);
    }
    fields[12].clone_from(&event.address);
    fields[13].clone_from(&event.reason);
    fields[14] = json::details(&event.details);
}

pub(super) fn read(text: &str, log: LogId) -> Option<Line> {
    let Row(fields) = Row::read(text)?;
    let number = |column: usize| fields[column].parse().ok();
    match fields[0].as_str() {
        "export" => {
            let [log, before, check] = [17, 20, 21].map(|column| fields[column].as_str());
            words::span(log, number(18)?, number(19)?, before, check).map(Line::Export)
        }
        "record" => read_record(&fields),
        "omitted" => Some(Line::Omitted {
            sequence: number(1)?,
            digest: words::bytes(&fields[15])?,
            hash: words::bytes(&fields[16])?,
        }),
        "checkpoint" => {
            let time = words::read_time(&fields[2])?;
            let parts = [16, 22, 23].map(|column| fields[column].as_str());
            words::checkpoint(log, number(1)?, time, parts).map(Line::Checkpoint)
        }
        _ => None,
    }
}

fn read_record(fields: &[String; N_COLUMNS]) -> Option<Line> {
    let organisation = match fields[8].as_str() {
        "" => None,
        id => Some(id.parse().ok()?),
    };
    let subject = (!fields[9].is_empty()).then(|| Subject {
        kind: fields[9].clone(),
        id: fields[10].clone(),
        name: fields[11].clone(),
    });
    let event = Event {
        actor: Actor {
            kind: ActorKind::from_word(&fields[3])?,
            id: fields[4].clone(),
            name: fields[5].clone(),
        },
        action: fields[6].clone(),
        outcome: Outcome::from_word(&fields[7])?,
        organisation,
        subject,
        address: fields[12].clone(),
        reason: fields[13].clone(),
        details: json::read_details(&fields[14])?,
    };
    let entry = Entry {
        sequence: fields[1].parse().ok()?,
        time: words::read_time(&fields[2])?,
        event,
    };
    words::record(entry, &fields[16]).map(Line::Record)
}

impl Row {
    fn text(&self) -> String {
        let fields = self.0.iter().map(|field| {
            let mark = if field.starts_with(FORMULA) { "'" } else { "" };
            format!("\"{mark}{}\"", field.replace('"', "\"\""))
        });
        fields.collect::<Vec<_>>().join(",") + "\r\n"
    }

    fn read(text: &str) -> Option<Self> {
        let text = text.strip_suffix("\"\r\n")?.strip_prefix('"')?;
        let mut row = Self::default();
        let mut columns = row.0.iter_mut();
        let mut rest = text;
        loop {
            let (field, after) = field_end(rest);
            let unquoted = field.replace("\"\"", "\"");
            let value = unquoted.strip_prefix(MARK).unwrap_or(&unquoted);
            value.clone_into(columns.next()?);
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        columns.next().is_none().then_some(row)
    }
}

/// Returns a field, still with doubled quotation marks, and what follows it.
fn field_end(text: &str) -> (&str, Option<&str>) {
    let mut from = 0;
    while let Some(found) = text[from..].find('"') {
        let at = from + found;
        let after = &text[at + 1..];
        if let Some(next) = after.strip_prefix(",\"") {
            return (&text[..at], Some(next));
        }
        // A doubled one, or one that writing again will show to be wrong.
        from = at + 1 + usize::from(after.starts_with('"'));
    }
    (text, None)
}
