//! What is wrong now, as a status tells it.

use std::collections::BTreeMap;

use super::matter::Matter;
use super::server_status::{CheckInState, ServerChange, ServerStatus};
use super::status::{DestinationState, SourceStatus, State, Status};
use crate::server::Since;

/// Something that is wrong now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What.
    pub matter: Matter,
    /// Of what: a path or a name; empty where there is one only.
    pub subject: String,
    /// Since when, in seconds since 1970, where that is known better than by looking.
    pub since: Option<i64>,
    /// Why, where that is known.
    pub why: Option<String>,
}

/// Returns what is wrong by a status; `complete` says when each destination had everything for the last time, or was seen
/// first.
pub(super) fn conditions(status: &Status, complete: &BTreeMap<String, i64>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for source in &status.sources {
        let matter = match &*source.health {
            "blind" => Matter::SourceBlind,
            "degraded" => Matter::SourceDegraded,
            _ => continue,
        };
        conditions.push(Condition {
            matter,
            subject: source.path.clone(),
            since: source.blind_since,
            why: source.why.clone(),
        });
    }
    for there in &status.destinations {
        let (matter, since) = match &*there.status {
            "up-to-date" | "caught-up" => continue,
            "set-aside" => (Matter::DestinationSetAside, None),
            "ahead" => (Matter::DestinationAhead, None),
            _ => (
                Matter::DestinationSilent,
                complete.get(&there.name).copied(),
            ),
        };
        conditions.push(Condition {
            matter,
            subject: there.name.clone(),
            since,
            why: there.reason.clone(),
        });
    }
    if let Some(since) = status.still_since {
        conditions.push(Condition {
            matter: Matter::BackupFailing,
            subject: String::new(),
            since: Some(since),
            why: Some("the agent hangs: nothing has moved since then".to_owned()),
        });
    } else if let Some(since) = status.failing_since
        && status.state != State::Paused
    {
        conditions.push(Condition {
            matter: Matter::BackupFailing,
            subject: String::new(),
            since: Some(since),
            why: status.reason.clone(),
        });
    }
    conditions.extend(status.server.iter().flat_map(of_server));
    conditions
}

/// Returns what is wrong with the server. That it is away is not.
fn of_server(server: &ServerStatus) -> impl Iterator<Item = Condition> + '_ {
    let refuses = (server.state == CheckInState::Refused).then(|| Condition {
        matter: Matter::ServerRefuses,
        subject: server.server.clone(),
        since: server.failing_since,
        why: server.reason.clone(),
    });
    let is_older = |changed: &ServerChange| matches!(changed.since, Since::OlderCopy { .. });
    let older = server.changed.filter(is_older).map(|changed| Condition {
        matter: Matter::ServerOlderCopy,
        subject: server.server.clone(),
        since: Some(changed.at),
        why: changed.since.words(),
    });
    let behind = server.behind.iter().map(|behind| Condition {
        matter: Matter::ProfileBehind,
        subject: behind.destination.clone(),
        since: None,
        why: Some(behind.words()),
    });
    [refuses, older].into_iter().flatten().chain(behind)
}

/// Says whether a status does not tell if something is wrong: nobody has looked yet, or cannot look now.
pub(super) fn is_undecided(status: &Status, matter: Matter, subject: &str) -> bool {
    match matter {
        Matter::SourceBlind | Matter::SourceDegraded => {
            let mut sources = status.sources.iter();
            let is_starting =
                |source: &SourceStatus| source.path == subject && source.health == "catching-up";
            status.sources.is_empty() || sources.any(is_starting)
        }
        Matter::DestinationSilent | Matter::DestinationSetAside | Matter::DestinationAhead => {
            let mut destinations = status.destinations.iter();
            let lacks = |there: &DestinationState| there.name == subject && !there.is_complete();
            status.destinations.is_empty() || destinations.any(lacks)
        }
        Matter::BackupFailing => status.rounds == 0 || status.state == State::Paused,
        Matter::ServerRefuses | Matter::ServerOlderCopy | Matter::ProfileBehind => {
            let mut server = status.server.iter();
            server.any(|server| {
                matches!(
                    server.state,
                    CheckInState::NotYet | CheckInState::Unreachable
                )
            })
        }
    }
}
