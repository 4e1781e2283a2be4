//! Delivers the audit log to places besides the database, each on its own: one that hangs keeps nothing else from being done.

use std::sync::Arc;
use std::time::Duration;

use strongroom_base::with_causes;
use tokio::task::JoinSet;

use crate::app::audit::sinks::{Sink, deliver, lag};
use crate::http::Site;

/// How often is looked for entries that were not delivered; where that fails, up to the longest.
const PERIOD: Duration = Duration::from_secs(2);
const PERIOD_MAX: Duration = Duration::from_mins(1);

/// Delivers, again and again, until it is dropped.
pub async fn run(site: Arc<Site>) {
    let mut places = JoinSet::new();
    for settings in &site.app.settings.sinks {
        let (site, sink) = (Arc::clone(&site), Sink::new(settings));
        places.spawn(run_one(site, sink));
    }
    while places.join_next().await.is_some() {}
}

async fn run_one(site: Arc<Site>, mut sink: Sink) {
    let mut wait = PERIOD;
    loop {
        match deliver(&site.app, &mut sink).await {
            Ok((_, true)) => continue,
            Ok((_, false)) => wait = PERIOD,
            Err(error) => {
                wait = (wait * 2).min(PERIOD_MAX);
                tracing::warn!(sink = sink.name(), error = %with_causes(&error), "the audit log was not delivered; it waits in the database");
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// Measures how far each place is behind, whichever node delivers to it.
pub(super) async fn measure(site: &Site) -> Result<(), crate::app::Fault> {
    for settings in &site.app.settings.sinks {
        let lag = lag(&site.app, &settings.name).await?;
        let entries = i64::try_from(lag.entries).unwrap_or(i64::MAX);
        let seconds = i64::try_from(lag.age.as_secs()).unwrap_or(i64::MAX);
        site.metrics.sink(&settings.name, entries, seconds);
    }
    Ok(())
}
