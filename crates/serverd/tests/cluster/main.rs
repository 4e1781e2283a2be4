//! Two nodes on one PostgreSQL behind a balancer, killed one after the other under load: what was acknowledged is there, once,
//! and the audit log is one chain with one record for each deed.
//!
//! `STRONGROOM_TEST_CLUSTER_SECONDS` makes it longer.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]
#![allow(clippy::print_stdout, reason = "what was counted is for who looks")]

mod balancer;
mod node;
mod writer;

/// Those that need servers, and are ignored elsewhere.
mod services {
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use serde_json::Value;

    use crate::balancer::Balancer;
    use crate::node::Cluster;
    use crate::writer::{Sent, Site, Tally, Writer};

    /// How many write at once.
    const N_WRITERS: usize = 6;
    /// So many writes are acknowledged by the node that is left, before the one that was killed comes back, and by both, before
    /// the next one is killed.
    const N_BETWEEN: u64 = 15;
    /// So long it goes on, where nothing else is said.
    const SECONDS: u64 = 10;

    /// How long the load goes on.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test takes is told by whoever runs it"
    )]
    fn duration() -> Duration {
        let text = std::env::var("STRONGROOM_TEST_CLUSTER_SECONDS");
        let seconds = text.ok().and_then(|text| text.parse().ok());
        Duration::from_secs(seconds.unwrap_or(SECONDS))
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs servers: `cargo xtask services start`"]
    async fn nodes_are_killed_under_load_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::start(folder.path()).await;
        let balancer = Balancer::start(cluster.addresses()).await;
        let site = Site::begin(&balancer.url(), &cluster.link).await;
        balancer.lose(true);
        let tally = Arc::new(Tally::default());
        let is_over = Arc::new(AtomicBool::new(false));
        let mut writers = Vec::new();
        for number in 0..N_WRITERS {
            let writer = Writer::new(number, site.clone(), Arc::clone(&tally));
            writers.push(tokio::spawn(writer.write_until(Arc::clone(&is_over))));
        }
        let begun = Instant::now();
        let mut n_kills = 0;
        let mut which = 0;
        while begun.elapsed() < duration() {
            tally.wait_for_more(N_BETWEEN).await;
            cluster.kill(which);
            n_kills += 1;
            tally.wait_for_more(N_BETWEEN).await;
            let address = cluster.restart(which).await;
            balancer.put(which, address);
            which = 1 - which;
        }
        is_over.store(true, Ordering::Relaxed);
        let mut acknowledged = Vec::new();
        for writer in writers {
            acknowledged.extend(writer.await.unwrap());
        }
        let took = begun.elapsed().as_secs_f64();
        balancer.lose(false);
        let log = site.export_log().await;
        everything_is_there_once(&site, &acknowledged).await;
        one_record_each(&log, &acknowledged);
        let said = cluster.verify(&log);
        println!(
            "{} acknowledged writes in {took:.0} s, {n_kills} kills, {} requests sent again, {} of them answered from what was \
             kept; {said}",
            acknowledged.len(),
            tally.n_repeats(),
            tally.n_replays(),
        );
        assert!(n_kills >= 2, "{n_kills}");
        // Some were done by a node whose answer never arrived.
        assert!(tally.n_replays() > 0);
    }

    /// What was acknowledged is there, under the id that was told; and nothing else is.
    async fn everything_is_there_once(site: &Site, acknowledged: &[Sent]) {
        let mut stored: BTreeMap<String, String> = BTreeMap::new();
        for list in ["/users".to_owned(), site.groups()] {
            for item in site.all(&list).await {
                let name = item["name"].as_str().unwrap().to_owned();
                if name.starts_with("made-") {
                    let id = item["id"].as_str().unwrap().to_owned();
                    assert_eq!(
                        stored.insert(name.clone(), id),
                        None,
                        "{name} is there twice"
                    );
                }
            }
        }
        let told: BTreeMap<String, String> = acknowledged
            .iter()
            .map(|sent| (sent.name.clone(), sent.id.clone()))
            .collect();
        assert_eq!(told.len(), acknowledged.len());
        assert_eq!(stored, told);
    }

    /// Each deed is on record once.
    fn one_record_each(log: &str, acknowledged: &[Sent]) {
        let mut recorded: BTreeMap<(String, String), u32> = BTreeMap::new();
        for line in log.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let name = line["subject"]["name"].as_str().unwrap_or_default();
            if name.starts_with("made-") {
                let action = line["action"].as_str().unwrap().to_owned();
                let id = line["subject"]["id"].as_str().unwrap().to_owned();
                *recorded.entry((action, id)).or_default() += 1;
            }
        }
        let told: BTreeMap<(String, String), u32> = acknowledged
            .iter()
            .map(|sent| ((sent.action.to_owned(), sent.id.clone()), 1))
            .collect();
        assert_eq!(recorded, told);
    }
}
