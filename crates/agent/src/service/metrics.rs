//! The status as metrics, in the text format of Prometheus (`OpenMetrics` 1.0).

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

use super::server_status::CheckInState;
use super::status::{State, Status};

/// The states that a metric names, each with a value of 1 or 0.
const STATES: [State; 11] = [
    State::Starting,
    State::Scanning,
    State::Synchronizing,
    State::BackupComplete,
    State::SourceBlind,
    State::WaitingForDestination,
    State::Paused,
    State::LowBattery,
    State::BackupSchedule,
    State::UnderMaintenance,
    State::Failing,
];
/// How well a source can be watched.
const HEALTHS: [&str; 4] = ["live", "catching-up", "degraded", "blind"];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    path: String,
    health: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PathLabels {
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DestinationLabels {
    destination: String,
}

/// Returns the text; `now` in seconds since 1970.
pub fn metrics(status: &Status, now: i64) -> String {
    let mut registry = Registry::with_prefix("strongroom");
    add_service(&mut registry, status);
    add_snapshots(&mut registry, status);
    add_sources(&mut registry, status);
    add_destinations(&mut registry, status, now);
    add_server(&mut registry, status);
    let mut text = String::new();
    // Only a writer can fail, and a text does not.
    let _ = encode(&mut text, &registry);
    text
}

fn add_service(registry: &mut Registry, status: &Status) {
    let family = Family::<StateLabels, Gauge>::default();
    for state in STATES {
        let labels = StateLabels {
            state: state.name(),
        };
        family
            .get_or_create(&labels)
            .set(i64::from(state == status.state));
    }
    registry.register(
        "state",
        "What the agent does: 1 for that, 0 for all else",
        family,
    );
    registry.register_with_unit(
        "start_time",
        "When the agent began, since 1970",
        Unit::Seconds,
        ConstGauge::new(status.since),
    );
    registry.register(
        "waiting_folders",
        "Changed folders that wait for the next snapshot",
        gauge(status.waiting),
    );
    registry.register(
        "unacknowledged_records",
        "Records that only the spool of this computer has",
        gauge(status.unacknowledged),
    );
    registry.register_with_unit(
        "spool",
        "What the spool of this computer takes",
        Unit::Bytes,
        gauge(status.spool_bytes),
    );
    registry.register(
        "cpu_budget_ratio",
        "Most of the machine's processors that is used",
        ConstGauge::new(f64::from(status.guest.cpu_percent) / 100.0),
    );
}

fn add_snapshots(registry: &mut Registry, status: &Status) {
    registry.register(
        "rounds",
        "How often the agent looked for changes",
        ConstCounter::new(status.rounds),
    );
    registry.register(
        "full_scans",
        "How often the agent looked at everything",
        ConstCounter::new(status.full_scans),
    );
    registry.register(
        "snapshots",
        "Snapshots that were made",
        ConstCounter::new(status.snapshots),
    );
    registry.register_with_unit(
        "stored",
        "What each destination had to store",
        Unit::Bytes,
        ConstCounter::new(status.bytes_stored),
    );
    if let Some(at) = status.last_success {
        registry.register_with_unit(
            "last_success_time",
            "When all that had changed was backed up for the last time, since 1970",
            Unit::Seconds,
            ConstGauge::new(at),
        );
    }
    if let Some(last) = &status.last {
        registry.register_with_unit(
            "last_snapshot_time",
            "When the last snapshot was made, since 1970",
            Unit::Seconds,
            ConstGauge::new(last.at),
        );
        registry.register_with_unit(
            "last_snapshot_duration",
            "How long the last snapshot took",
            Unit::Seconds,
            ConstGauge::new(last.duration_seconds),
        );
        registry.register(
            "last_snapshot_failed_entries",
            "Entries that the last snapshot lacks, because they could not be read",
            gauge(last.files_failed),
        );
    }
}

fn add_sources(registry: &mut Registry, status: &Status) {
    let sources = Family::<SourceLabels, Gauge>::default();
    let walks = Family::<PathLabels, Counter>::default();
    for source in &status.sources {
        for health in HEALTHS {
            let path = source.path.clone();
            let labels = SourceLabels { path, health };
            let value = i64::from(source.health == health);
            sources.get_or_create(&labels).set(value);
        }
        let path = source.path.clone();
        let walked = walks.get_or_create(&PathLabels { path });
        walked.inc_by(source.reconcile_scans);
    }
    registry.register(
        "source_health",
        "How well changes are noticed: 1 for that, 0 for all else",
        sources,
    );
    registry.register(
        "reconcile_scans",
        "How often a source was walked because something may have been missed there",
        walks,
    );
}

fn add_destinations(registry: &mut Registry, status: &Status, now: i64) {
    let complete = Family::<DestinationLabels, Gauge>::default();
    let lag = Family::<DestinationLabels, Gauge<f64, AtomicU64>>::default();
    for there in &status.destinations {
        let destination = there.name.clone();
        let labels = DestinationLabels { destination };
        let is_complete = there.is_complete();
        complete.get_or_create(&labels).set(i64::from(is_complete));
        let since = status.complete.get(&there.name).copied().unwrap_or(now);
        let seconds = if is_complete { 0 } else { (now - since).max(0) };
        #[expect(clippy::cast_precision_loss, reason = "seconds of a life fit")]
        lag.get_or_create(&labels).set(seconds as f64);
    }
    registry.register(
        "destination_complete",
        "Whether a destination has everything",
        complete,
    );
    registry.register_with_unit(
        "destination_lag",
        "How long a destination has not had everything",
        Unit::Seconds,
        lag,
    );
}

fn add_server(registry: &mut Registry, status: &Status) {
    let Some(server) = &status.server else {
        return;
    };
    registry.register(
        "check_in_taken",
        "Whether the server took the last check-in",
        ConstGauge::new(i64::from(server.state == CheckInState::Taken)),
    );
    registry.register(
        "server_refuses",
        "Whether the server refuses this computer",
        ConstGauge::new(i64::from(server.state == CheckInState::Refused)),
    );
    if let Some(at) = server.last_check_in {
        registry.register_with_unit(
            "last_check_in_time",
            "When the server took a check-in for the last time, since 1970",
            Unit::Seconds,
            ConstGauge::new(at),
        );
    }
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::{DestinationState, LastSnapshot, SourceStatus};
    use super::*;

    #[test]
    fn names_and_units_are_those_of_prometheus() {
        let status = Status {
            since: 1_000,
            state: State::WaitingForDestination,
            snapshots: 3,
            rounds: 5,
            bytes_stored: 4_096,
            last_success: Some(2_000),
            sources: vec![SourceStatus {
                path: "/home/\"me\"".to_owned(),
                mechanism: Some("inotify".to_owned()),
                health: "degraded".to_owned(),
                why: None,
                blind_since: None,
                reconcile_scans: 3,
            }],
            destinations: ["up-to-date", "unreachable"]
                .map(|status| DestinationState {
                    name: status.replace("un", ""),
                    status: status.to_owned(),
                    reason: None,
                    queue: super::super::QueueState::default(),
                })
                .to_vec(),
            complete: [("reachable".to_owned(), 1_500)].into(),
            last: Some(LastSnapshot {
                snapshot: "00".to_owned(),
                at: 1_900,
                duration_seconds: 0.25,
                files_new: 1,
                files_changed: 0,
                files_failed: 2,
                files_unsettled: 0,
                bytes_stored: 1_024,
            }),
            server: Some(super::super::ServerStatus {
                state: CheckInState::Refused,
                last_check_in: Some(1_800),
                ..Default::default()
            }),
            ..Status::default()
        };
        let text = metrics(&status, 2_100);
        assert!(text.ends_with("# EOF\n"));
        // Those of one name come in any order.
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
