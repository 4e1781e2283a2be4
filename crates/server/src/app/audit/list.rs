//! Lists the audit log, as far as the caller sees it.

use strongroom_api::v1;
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::to_hex;
use strongroom_db::audit::{self, Filter, Stored, Visible};
use strongroom_domain::access::{Action, Subject, Target, decide};

use crate::app::paging::{self, Asked};
use crate::app::visible;
use crate::app::words::{moment, parse_id, parse_optional};
use crate::app::{Fault, View};

/// Returns the entries that the caller sees and asks for, the newest first.
pub async fn list(view: &View, query: &v1::AuditQuery) -> Result<v1::Page<v1::AuditEntry>, Fault> {
    let asked = Asked::new(query.after.as_deref(), query.limit)?;
    let before = asked.after_one()?;
    let before = before
        .map(|seq| {
            seq.parse()
                .map_err(|_no_number| Fault::invalid("after", "this is no page"))
        })
        .transpose()?;
    let within = parse_optional("organisation", query.organisation.as_deref())?
        .map(|top| view.tree.within(top));
    let filter = Filter {
        visible: seen(view),
        within,
        event: query.event.clone(),
        actor: query.actor.clone(),
        user: query
            .user
            .as_deref()
            .map(|user| parse_id("user", user))
            .transpose()?,
        subject: query.subject.clone(),
        before,
        since: None,
        until: None,
        limit: asked.limit_and_one(),
    };
    let found = audit::list(&view.reading, &filter).await?;
    Ok(asked.page(
        found,
        |last| paging::cursor(&[&last.record.entry.sequence.to_string()]),
        shown,
    ))
}

pub(super) fn seen(view: &View) -> Visible {
    let actor = view.caller.actor();
    let may = |action, target: &Target<'_>| {
        decide(view.tree.forest(), &actor, action, target).is_allowed()
    };
    let own = Target::Account(Subject {
        user: view.caller.user,
        organisation: view.caller.organisation,
        grants: &view.caller.grants,
        computer: None,
    });
    Visible {
        organisations: visible::organisations(view, Action::AuditRead),
        servers: may(Action::AuditReadServer, &Target::System),
        user: may(Action::AuditReadOwn, &own).then_some(view.caller.user),
    }
}

fn shown(stored: Stored) -> v1::AuditEntry {
    let entry = stored.record.entry;
    let event = entry.event;
    let subject = event.subject;
    v1::AuditEntry {
        seq: entry.sequence,
        at: moment(Timestamp(i128::from(entry.time) * 1_000_000)),
        event: event.action,
        outcome: event.outcome.word().to_owned(),
        actor_kind: event.actor.kind.word().to_owned(),
        actor: event.actor.id,
        actor_name: event.actor.name,
        address: event.address,
        reason: event.reason,
        subject_kind: subject.as_ref().map(|subject| subject.kind.clone()),
        subject: subject.as_ref().map(|subject| subject.id.clone()),
        subject_name: subject.map(|subject| subject.name),
        organisation: event.organisation.map(|id| id.to_string()),
        user: stored.user.map(|id| id.to_string()),
        details: event.details,
        hash: to_hex(&stored.record.hash),
    }
}
