//! Where nothing tells of changes.

use std::time::Duration;

use strongroom_watch::{Health, Mechanism, Place, Reason, Watcher, Why};

use crate::field::{Folder, LONG, settings};

#[test]
fn everything_is_hinted_now_and_then_and_the_reason_is_told() {
    let folder = Folder::new();
    let mut settings = settings(&folder.root(), Mechanism::Polling);
    settings.poll_every = Duration::from_millis(5);
    let watcher = Watcher::start(settings).unwrap();
    let source = watcher.sources().remove(0);
    let why = Reason::Chosen;
    assert_eq!(source.mechanism, Some(Mechanism::Polling));
    assert_eq!(source.health, Health::Degraded { why });
    let first = watcher.take();
    assert_eq!(first.trees[0].why, Why::Started);
    for _ in 0..3 {
        let changes = watcher.wait(LONG);
        assert_eq!(changes.trees.len(), 1, "{changes:?}");
        assert_eq!(changes.trees[0].place, Place::of_root(0));
        assert_eq!(changes.trees[0].why, Why::Polled);
    }
}
