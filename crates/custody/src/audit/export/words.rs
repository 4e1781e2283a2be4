//! Values as the formats spell them.

use jiff::Timestamp;
use strongroom_base::ids::from_hex;

use super::super::entry::{
    ACTION_LEN_MAX, ADDRESS_LEN_MAX, DETAIL_NAME_LEN_MAX, DETAILS_MAX, ID_LEN_MAX, NAME_LEN_MAX,
    SUBJECT_KIND_LEN_MAX, TEXT_LEN_MAX, TIME_END,
};
use super::super::{Checkpoint, Entry, Head, LogId, Record};
use super::Span;

/// Writes a time as `YYYY-MM-DDTHH:MM:SS.mmmZ`.
pub(super) fn time(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    let time = Timestamp::from_millisecond(time).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Reads such a time.
pub(super) fn read_time(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    in_range(u64::try_from(time.as_millisecond()).ok()?)
}

pub(super) fn in_range(time: u64) -> Option<u64> {
    (time < TIME_END).then_some(time)
}

pub(super) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    from_hex(text)
}

/// Reads the first line's fields.
pub(super) fn span(log: &str, first: u64, last: u64, before: &str, check: &str) -> Option<Span> {
    let before = Head {
        log: log.parse().ok()?,
        sequence: first.checked_sub(1)?,
        hash: bytes(before)?,
    };
    let span = Span { before, last };
    (span.check() == check && last >= before.sequence).then_some(span)
}

pub(super) fn checkpoint(
    log: LogId,
    sequence: u64,
    time: u64,
    [hash, key, signature]: [&str; 3],
) -> Option<Checkpoint> {
    let head = Head {
        log,
        sequence,
        hash: bytes(hash)?,
    };
    Some(Checkpoint {
        head,
        time: in_range(time)?,
        key: bytes(key)?,
        signature: bytes(signature)?,
    })
}

/// Refuses entries that no log holds.
pub(super) fn record(entry: Entry, hash: &str) -> Option<Box<Record>> {
    let event = &entry.event;
    let subject = event.subject.as_ref();
    let is_short = event.actor.id.len() <= ID_LEN_MAX
        && event.actor.name.len() <= NAME_LEN_MAX
        && (1..=ACTION_LEN_MAX).contains(&event.action.len())
        && event.address.len() <= ADDRESS_LEN_MAX
        && event.reason.len() <= TEXT_LEN_MAX
        && event.details.len() <= DETAILS_MAX
        && subject.is_none_or(|subject| {
            (1..=SUBJECT_KIND_LEN_MAX).contains(&subject.kind.len())
                && subject.id.len() <= ID_LEN_MAX
                && subject.name.len() <= NAME_LEN_MAX
        })
        && event.details.iter().all(|(name, value)| {
            (1..=DETAIL_NAME_LEN_MAX).contains(&name.len()) && value.len() <= TEXT_LEN_MAX
        });
    let is_clean = is_short && event.cleaned() == *event;
    let hash = bytes(hash)?;
    is_clean.then(|| Box::new(Record { entry, hash }))
}
