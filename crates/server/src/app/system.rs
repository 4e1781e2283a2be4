//! What the servers do by themselves, on record.

use std::collections::BTreeMap;

use strongroom_custody::audit::{Actor, ActorKind, Event, Outcome};
use strongroom_db::{Writing, audit, server};

use super::{App, Fault};

/// Writes what the servers did into the audit log. It is called under the lock of the log.
pub(crate) async fn record(
    app: &App,
    writing: &Writing,
    action: &str,
    details: BTreeMap<String, String>,
) -> Result<(), Fault> {
    let known = server::known(writing).await?;
    let event = Event {
        actor: Actor {
            kind: ActorKind::System,
            id: known.server_id,
            name: "strongroom-server".to_owned(),
        },
        action: action.to_owned(),
        outcome: Outcome::Done,
        organisation: None,
        subject: None,
        address: String::new(),
        reason: String::new(),
        details,
    };
    audit::append(writing, &event, None, app.now()).await?;
    Ok(())
}
