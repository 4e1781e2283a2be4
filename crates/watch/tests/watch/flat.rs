//! Roots of which only what is directly in them is told.

use std::fs;

use strongroom_watch::{Place, Settings, WatchError, Watcher};

use crate::field::{Folder, LONG, put, settings, with_each};

#[test]
fn what_lies_deeper_is_not_told_and_other_roots_may_lie_there() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let root = folder.root();
        fs::create_dir_all(root.join("below/deep")).unwrap();
        let mut settings = settings(&root, mechanism);
        // Twice the same, and a whole tree below.
        settings.roots = vec![root.clone(), root.clone(), root.join("below")];
        settings.flat = [0, 1].into();
        let watcher = Watcher::start(settings).unwrap();
        assert!(watcher.settle(LONG));
        watcher.take();
        put(root.join("below/deep/file"), "");
        assert!(watcher.settle(LONG));
        let changes = watcher.take();
        assert!(!changes.covers(&Place::of_root(0)), "{changes:?}");
        let places = changes.directories.iter().map(Place::root);
        assert!(places.eq([2]), "{changes:?}");
        put(root.join("file"), "");
        fs::rename(root.join("file"), root.join("other")).unwrap();
        fs::create_dir(root.join("new")).unwrap();
        assert!(watcher.settle(LONG));
        let changes = watcher.take();
        assert_eq!(changes.directories, [Place::of_root(0), Place::of_root(1)]);
        assert!(changes.trees.is_empty(), "{changes:?}");
        put(root.join("new/file"), "");
        assert!(watcher.settle(LONG));
        assert!(watcher.take().is_empty());
    });
}

#[test]
fn a_flat_root_below_a_whole_one_is_refused() {
    let folder = Folder::new();
    let clock = std::sync::Arc::new(strongroom_base::clock::FixedClock(crate::field::NOW));
    let mut settings = Settings::new(vec![folder.root(), folder.root()], clock);
    settings.flat = [1].into();
    let refused = Watcher::start(settings);
    assert!(matches!(refused, Err(WatchError::Overlap { .. })));
}
