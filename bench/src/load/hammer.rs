//! Requests as fast as they are answered, over some connections at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::report::{Report, Times, milliseconds, number};
use crate::server::{Processor, Server};
use crate::wire::Asked;

/// Says what is asked next: by the number of the connection, and of the request on it.
pub(crate) type Next = Arc<dyn Fn(usize, usize) -> Asked + Send + Sync>;

/// What came of it.
pub(crate) struct Hammered {
    pub(crate) times: Times,
    pub(crate) seconds: f64,
    before: Processor,
    after: Processor,
}

/// How it is done.
#[derive(Clone, Copy)]
pub(crate) struct Strength {
    /// How many connections.
    pub(crate) connections: usize,
    /// How long.
    pub(crate) time: Duration,
    /// Whether each request has a connection of its own.
    pub(crate) is_new_each: bool,
}

/// Asks; every answer must be good.
pub(crate) async fn hammer(server: &Server, strength: Strength, next: Next) -> Result<Hammered> {
    let before = server.processor()?;
    let begun = Instant::now();
    let mut workers = Vec::new();
    for worker in 0..strength.connections {
        let (mut connection, next) = (server.site.connection(), Arc::clone(&next));
        workers.push(tokio::spawn(async move {
            let mut times = Times::default();
            for n in 0.. {
                if begun.elapsed() >= strength.time {
                    break;
                }
                if strength.is_new_each {
                    connection.end();
                }
                let asked = next(worker, n);
                let sent = Instant::now();
                connection.good(&asked).await?;
                times.add(milliseconds(sent.elapsed()));
            }
            anyhow::Ok(times)
        }));
    }
    let mut times = Times::default();
    for worker in workers {
        times.extend(worker.await??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    let after = server.processor()?;
    Ok(Hammered {
        times,
        seconds,
        before,
        after,
    })
}

impl Hammered {
    /// Returns how many a second.
    pub(crate) fn rate(&self) -> f64 {
        number(self.times.len()) / self.seconds
    }

    /// Says what each request cost.
    pub(crate) fn tell_costs(&self, report: &mut Report, part: &'static str, what: &str) {
        let costs = Costs::between(self.before, self.after, self.times.len());
        costs.tell(report, part, what);
    }
}

/// Milliseconds of a processor, for each of something.
pub(crate) struct Costs {
    pub(crate) server: f64,
    pub(crate) postgresql: f64,
    pub(crate) load: f64,
}

impl Costs {
    /// Returns what each of so many cost.
    pub(crate) fn between(before: Processor, after: Processor, n: usize) -> Self {
        let each = |before: Duration, after: Duration| {
            milliseconds(after.saturating_sub(before)) / number(n.max(1))
        };
        Self {
            server: each(before.server, after.server),
            postgresql: each(before.postgresql, after.postgresql),
            load: each(before.load, after.load),
        }
    }

    /// Returns how many a second two cores could answer that do nothing else.
    pub(crate) fn on_two_cores(&self) -> f64 {
        2_000.0 / (self.server + self.postgresql)
    }

    /// Adds them to a report.
    pub(crate) fn tell(&self, report: &mut Report, part: &'static str, what: &str) {
        for (whose, cost) in [
            ("the server", self.server),
            ("PostgreSQL", self.postgresql),
            ("the load generator", self.load),
        ] {
            report.told(
                part,
                format!("{what}: processor of {whose}"),
                cost,
                "ms each",
            );
        }
    }
}
