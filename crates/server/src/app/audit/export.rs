//! Exports the audit log so that whoever has the export can prove that nothing in it was changed or left out.
//!
//! Entries that the caller does not see are in it as digests: the chain stays whole, and they learn that there was
//! something, and not what.

use std::collections::BTreeSet;

use strongroom_api::v1;
use strongroom_base::ids::OrganisationId;
use strongroom_custody::audit::{Format, Head, Line, Span};
use strongroom_db::audit::{self, Stored, Visible};
use strongroom_db::{checkpoints, server};

use super::list::seen;
use crate::app::{Fault, View};

/// How many entries are read at once, and are in one export at most.
const PART: u64 = 1000;
const ENTRIES_MAX: u64 = 100_000;

/// An export.
pub struct Export {
    /// Its form.
    pub format: v1::AuditFormat,
    /// Its text.
    pub text: String,
}

/// Exports the log from an entry on, as far as the caller sees it.
pub async fn export(view: &View, query: &v1::AuditExportQuery) -> Result<Export, Fault> {
    let format = query.format.unwrap_or(v1::AuditFormat::Json);
    let first = query.first.unwrap_or(1);
    let head = server::audit_head(&view.reading).await?;
    if first == 0 || first > head.sequence {
        let detail = format!("the log has entries from 1 to {}", head.sequence);
        return Err(Fault::invalid("first", detail));
    }
    let before = if first == 1 {
        Head::start(head.log)
    } else {
        let found = audit::from(&view.reading, first - 1, 1).await?;
        let record = &found.first().ok_or(Fault::Unseen)?.record;
        Head {
            log: head.log,
            sequence: record.entry.sequence,
            hash: record.hash,
        }
    };
    let last = head.sequence.min(before.sequence + ENTRIES_MAX);
    let writer = match format {
        v1::AuditFormat::Json => Format::Json,
        v1::AuditFormat::Csv => Format::Csv,
        v1::AuditFormat::Cef => Format::Cef,
    };
    let sight = Sight::new(view);
    let mut text = String::from(writer.preamble());
    text.push_str(&writer.write(&Line::Export(Span { before, last })));
    let mut next = first;
    while next <= last {
        let part = audit::from(&view.reading, next, PART.min(last - next + 1)).await?;
        if part.is_empty() {
            return Err(Fault::Program("the audit log has a gap"));
        }
        let end = next + u64::try_from(part.len()).unwrap_or(u64::MAX);
        let signed = checkpoints::between(&view.reading, next, end - 1).await?;
        let mut signed = signed.into_iter().peekable();
        next = end;
        for stored in part {
            let sequence = stored.record.entry.sequence;
            let line = if sight.includes(&stored) {
                Line::Record(Box::new(stored.record))
            } else {
                Line::omit(&stored.record)
            };
            text.push_str(&writer.write(&line));
            while let Some(checkpoint) = signed.next_if(|one| one.head.sequence == sequence) {
                text.push_str(&writer.write(&Line::Checkpoint(checkpoint)));
            }
        }
    }
    Ok(Export { format, text })
}

/// What the caller sees of the log.
struct Sight {
    visible: Visible,
    organisations: Option<BTreeSet<OrganisationId>>,
}

impl Sight {
    fn new(view: &View) -> Self {
        let visible = seen(view);
        let organisations = visible.organisations.clone();
        Self {
            organisations: organisations.map(|ids| ids.into_iter().collect()),
            visible,
        }
    }

    fn includes(&self, stored: &Stored) -> bool {
        let event = &stored.record.entry.event;
        let is_theirs = self
            .visible
            .user
            .is_some_and(|user| stored.user == Some(user) || event.actor.id == user.to_string());
        let is_there = match (event.organisation, &self.organisations) {
            (None, _) => self.visible.servers,
            (Some(_), None) => true,
            (Some(id), Some(seen)) => seen.contains(&id),
        };
        is_theirs || is_there
    }
}
