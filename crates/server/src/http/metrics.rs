//! What is measured: how many requests there were, how they were answered, and how long that took.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// Upper ends of what is counted together, in seconds.
const SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0, 30.0];

/// The measurements of this node.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    seconds: Family<Endpoint, Histogram>,
    jobs: Family<JobName, Gauge>,
    jobs_done: Family<JobName, Gauge>,
    jobs_failed: Family<JobName, Gauge>,
    sinks_entries: Family<SinkName, Gauge>,
    sinks_seconds: Family<SinkName, Gauge>,
    disk_full: Gauge,
    certificate_ends: Gauge,
    /// How often in a row an authority gave no certificate.
    pub certificate_failures: Gauge,
    /// How many connections are open.
    pub connections: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    path: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Endpoint {
    method: String,
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct JobName {
    job: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkName {
    sink: String,
}

impl Metrics {
    /// Begins with nothing.
    pub(super) fn new() -> Self {
        let requests = Family::default();
        let seconds = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> _);
        let connections = Gauge::default();
        let mut registry = Registry::with_prefix("strongroom");
        registry.register(
            "requests",
            "Requests that were answered, by endpoint and status",
            requests.clone(),
        );
        registry.register(
            "request_seconds",
            "How long it took to answer, by endpoint",
            seconds.clone(),
        );
        registry.register(
            "connections",
            "Connections that are open",
            connections.clone(),
        );
        let disk_full = Gauge::default();
        registry.register(
            "disk_full",
            "1 while the disk of the database is full: nothing can be changed",
            disk_full.clone(),
        );
        let (certificate_ends, certificate_failures) = certificates(&mut registry);
        let (jobs, jobs_done, jobs_failed) = jobs(&mut registry);
        let (sinks_entries, sinks_seconds) = sinks(&mut registry);
        Self {
            registry,
            requests,
            seconds,
            jobs,
            jobs_done,
            jobs_failed,
            sinks_entries,
            sinks_seconds,
            disk_full,
            certificate_ends,
            certificate_failures,
            connections,
        }
    }

    /// Counts a request that was answered. The path is that of the table, so there are as many as endpoints.
    pub(super) fn answered(&self, method: &str, path: &str, status: u16, took: Duration) {
        let endpoint = Endpoint {
            method: method.to_owned(),
            path: path.to_owned(),
        };
        let histogram = self.seconds.get_or_create(&endpoint);
        histogram.observe(took.as_secs_f64());
        drop(histogram);
        let request = Request {
            method: endpoint.method,
            path: endpoint.path,
            status,
        };
        self.requests.get_or_create(&request).inc();
    }

    /// Says when a job last ended, in seconds since 1970, how much it did, and whether it failed.
    pub(crate) fn job(&self, name: &str, ended: i64, done: i64, failed: bool) {
        let name = JobName {
            job: name.to_owned(),
        };
        self.jobs.get_or_create(&name).set(ended);
        self.jobs_done.get_or_create(&name).set(done);
        self.jobs_failed.get_or_create(&name).set(i64::from(failed));
    }

    /// Says how far a place of the audit log is behind, in entries and in seconds.
    pub(crate) fn sink(&self, name: &str, entries: i64, seconds: i64) {
        let name = SinkName {
            sink: name.to_owned(),
        };
        self.sinks_entries.get_or_create(&name).set(entries);
        self.sinks_seconds.get_or_create(&name).set(seconds);
    }

    /// Says whether the disk of the database is full.
    pub(crate) fn disk(&self, is_full: bool) {
        self.disk_full.set(i64::from(is_full));
    }

    /// Says when the certificate ends that is shown, in seconds since 1970.
    pub(crate) fn certificate(&self, ends: i64) {
        self.certificate_ends.set(ends);
    }

    /// Returns all of them, as Prometheus reads them.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

type OfJobs = Family<JobName, Gauge>;

fn jobs(registry: &mut Registry) -> (OfJobs, OfJobs, OfJobs) {
    let (ended, done, failed) = (OfJobs::default(), OfJobs::default(), OfJobs::default());
    registry.register(
        "job_ended_seconds",
        "When a job was last done by any node, in seconds since 1970",
        ended.clone(),
    );
    registry.register(
        "job_done",
        "How much a job did the last time, such as rows that were removed",
        done.clone(),
    );
    registry.register(
        "job_failed",
        "1 where a job failed the last time",
        failed.clone(),
    );
    (ended, done, failed)
}

fn certificates(registry: &mut Registry) -> (Gauge, Gauge) {
    let (ends, failures) = (Gauge::default(), Gauge::default());
    registry.register(
        "certificate_ends_seconds",
        "When the certificate ends that this node shows, in seconds since 1970",
        ends.clone(),
    );
    registry.register(
        "certificate_failures",
        "How often in a row an authority gave no certificate",
        failures.clone(),
    );
    (ends, failures)
}

type OfSinks = Family<SinkName, Gauge>;

fn sinks(registry: &mut Registry) -> (OfSinks, OfSinks) {
    let (entries, seconds) = (OfSinks::default(), OfSinks::default());
    registry.register(
        "audit_sink_lag_entries",
        "How many entries of the audit log a place has not taken yet",
        entries.clone(),
    );
    registry.register(
        "audit_sink_lag_seconds",
        "How old the oldest entry is that a place has not taken yet",
        seconds.clone(),
    );
    (entries, seconds)
}
