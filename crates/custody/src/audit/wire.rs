//! The stored form of an entry (`spec/audit-v1.md`, section 1).

use std::collections::BTreeMap;

use strongroom_base::ids::OrganisationId;
use strongroom_base::wire::{Put, Reader, WireError, invalid};

use super::entry::{
    ACTION_LEN_MAX, ADDRESS_LEN_MAX, DETAIL_NAME_LEN_MAX, DETAILS_MAX, ID_LEN_MAX, NAME_LEN_MAX,
    SUBJECT_KIND_LEN_MAX, TEXT_LEN_MAX, TIME_END, is_control,
};
use super::{Actor, ActorKind, Entry, Event, Outcome, Subject};

const VERSION: u8 = 1;

impl Entry {
    /// Returns the stored form, of which the digest is taken.
    pub fn to_bytes(&self) -> Vec<u8> {
        let event = &self.event;
        let mut out = vec![VERSION];
        out.put_u64(self.sequence);
        out.put_u64(self.time);
        out.push(event.actor.kind.code());
        out.put_bytes(event.actor.id.as_bytes());
        out.put_bytes(event.actor.name.as_bytes());
        out.put_bytes(event.action.as_bytes());
        out.push(event.outcome.code());
        out.put_bytes(event.organisation.as_ref().map_or(&[], |id| &id.0));
        out.push(u8::from(event.subject.is_some()));
        if let Some(subject) = &event.subject {
            out.put_bytes(subject.kind.as_bytes());
            out.put_bytes(subject.id.as_bytes());
            out.put_bytes(subject.name.as_bytes());
        }
        out.put_bytes(event.address.as_bytes());
        out.put_bytes(event.reason.as_bytes());
        out.put_count(event.details.len());
        for (name, value) in &event.details {
            out.put_bytes(name.as_bytes());
            out.put_bytes(value.as_bytes());
        }
        out
    }

    /// Reads the stored form; refuses every other.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let entry = read(&mut reader)?;
        reader.finish()?;
        Ok(entry)
    }
}

fn read(reader: &mut Reader<'_>) -> Result<Entry, WireError> {
    if reader.u8("version")? != VERSION {
        return Err(invalid("version"));
    }
    let sequence = reader.u64("sequence")?;
    if sequence == 0 {
        return Err(invalid("sequence"));
    }
    let time = reader.u64("time")?;
    if time >= TIME_END {
        return Err(invalid("time"));
    }
    let kind = ActorKind::from_code(reader.u8("actor kind")?).ok_or(invalid("actor kind"))?;
    let actor = Actor {
        kind,
        id: text(reader, ID_LEN_MAX, "actor id")?,
        name: text(reader, NAME_LEN_MAX, "actor name")?,
    };
    let action = named(reader, ACTION_LEN_MAX, "action")?;
    let outcome = Outcome::from_code(reader.u8("outcome")?).ok_or(invalid("outcome"))?;
    let organisation = match reader.bytes(16, "organisation")? {
        [] => None,
        id => Some(OrganisationId(
            id.try_into().map_err(|_| invalid("organisation"))?,
        )),
    };
    let subject = read_subject(reader)?;
    let address = text(reader, ADDRESS_LEN_MAX, "address")?;
    let reason = text(reader, TEXT_LEN_MAX, "reason")?;
    let details = read_details(reader)?;
    let event = Event {
        actor,
        action,
        outcome,
        organisation,
        subject,
        address,
        reason,
        details,
    };
    Ok(Entry {
        sequence,
        time,
        event,
    })
}

fn read_subject(reader: &mut Reader<'_>) -> Result<Option<Subject>, WireError> {
    match reader.u8("subject")? {
        0 => Ok(None),
        1 => Ok(Some(Subject {
            kind: named(reader, SUBJECT_KIND_LEN_MAX, "subject kind")?,
            id: text(reader, ID_LEN_MAX, "subject id")?,
            name: text(reader, NAME_LEN_MAX, "subject name")?,
        })),
        _ => Err(invalid("subject")),
    }
}

fn read_details(reader: &mut Reader<'_>) -> Result<BTreeMap<String, String>, WireError> {
    let mut details = BTreeMap::new();
    for _ in 0..reader.count(DETAILS_MAX, "details")? {
        let name = named(reader, DETAIL_NAME_LEN_MAX, "detail name")?;
        let value = text(reader, TEXT_LEN_MAX, "detail value")?;
        if details
            .last_key_value()
            .is_some_and(|(last, _)| *last >= name)
        {
            return Err(invalid("details"));
        }
        details.insert(name, value);
    }
    Ok(details)
}

fn text(reader: &mut Reader<'_>, max: usize, field: &'static str) -> Result<String, WireError> {
    let bytes = reader.bytes(max, field)?;
    let text = std::str::from_utf8(bytes).map_err(|_| invalid(field))?;
    if text.chars().any(is_control) {
        return Err(invalid(field));
    }
    Ok(text.to_owned())
}

fn named(reader: &mut Reader<'_>, max: usize, field: &'static str) -> Result<String, WireError> {
    let text = text(reader, max, field)?;
    if text.is_empty() {
        return Err(invalid(field));
    }
    Ok(text)
}
