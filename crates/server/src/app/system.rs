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
    let event = Event {
        actor: actor(writing).await?,
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

/// Returns the servers, as those who do something.
pub(crate) async fn actor(writing: &Writing) -> Result<Actor, Fault> {
    let known = server::known(writing).await?;
    Ok(Actor {
        kind: ActorKind::System,
        id: known.server_id,
        name: "strongroom-server".to_owned(),
    })
}
