//! Delivers what a place has not taken yet.

use std::time::Duration;

use strongroom_base::clock::Timestamp;
use strongroom_base::with_causes;
use strongroom_db::{audit, audit_sinks, jobs, server};
use strongroom_domain::moment::elapsed;

use super::{Sink, SinkError};
use crate::app::{App, Fault};

/// How many entries are delivered at once, and how often before somebody else may.
const PART: u64 = 500;
const PARTS: u32 = 20;

/// How much longer a place is that of the node that delivers to it than one lot may take. It is claimed anew with each lot,
/// so another node takes over this long after a kill at the latest.
const LEASE_MORE: Duration = Duration::from_secs(30);

/// How far a place is behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// How many entries it has not taken.
    pub entries: u64,
    /// How old the oldest of them is.
    pub age: Duration,
}

/// Returns how far a place is behind.
pub async fn lag(app: &App, name: &str) -> Result<Lag, Fault> {
    let reading = app.database.read().await?;
    let delivered = audit_sinks::delivered(&reading, name).await?;
    let head = server::audit_head(&reading).await?;
    let entries = head.sequence.saturating_sub(delivered);
    let oldest = match entries {
        0 => None,
        _ => audit::from(&reading, delivered + 1, 1).await?.pop(),
    };
    let age = oldest.map_or(Duration::ZERO, |oldest| {
        let at = Timestamp(i128::from(oldest.record.entry.time) * 1_000_000);
        elapsed(at, app.now())
    });
    Ok(Lag { entries, age })
}

/// Delivers what a place has not taken yet, if no other node does; returns how many entries that were, and whether there may be more.
pub async fn deliver(app: &App, sink: &mut Sink) -> Result<(u64, bool), SinkError> {
    if lag(app, sink.name()).await?.entries == 0 {
        return Ok((0, false));
    }
    let job = format!("audit-sink-{}", sink.name());
    let writing = app.database.note().await?;
    let times = (Duration::ZERO, lease(sink));
    let claimed = jobs::claim(&writing, &job, &app.node, times, app.now()).await?;
    writing.commit().await?;
    if !claimed {
        return Ok((0, false));
    }
    let done = parts(app, sink, &job).await;
    let noted = match &done {
        Ok((entries, _)) => Ok(*entries),
        Err(error) => Err(with_causes(error)),
    };
    let writing = app.database.note().await?;
    jobs::ended(&writing, &job, &app.node, noted, app.now()).await?;
    writing.commit().await?;
    done
}

fn lease(sink: &Sink) -> Duration {
    sink.settings.patience + LEASE_MORE
}

async fn parts(app: &App, sink: &mut Sink, job: &str) -> Result<(u64, bool), SinkError> {
    let mut done = 0;
    for _ in 0..PARTS {
        let reading = app.database.read().await?;
        let delivered = audit_sinks::delivered(&reading, sink.name()).await?;
        let entries = audit::from(&reading, delivered + 1, PART).await?;
        // No transaction is held while a place takes its time.
        drop(reading);
        if entries.is_empty() {
            return Ok((done, false));
        }
        let writing = app.database.note().await?;
        let lease = lease(sink);
        let is_ours = jobs::renew(&writing, job, &app.node, lease, app.now()).await?;
        writing.commit().await?;
        if !is_ours {
            // This node was held up for so long that another one delivers.
            return Ok((done, false));
        }
        let last = sink.take(&entries).await?;
        if last > delivered {
            let writing = app.database.note().await?;
            audit_sinks::set_delivered(&writing, sink.name(), last).await?;
            writing.commit().await?;
            done += last - delivered;
        }
    }
    Ok((done, true))
}
