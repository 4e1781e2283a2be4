//! More changes than the kernel keeps.

use std::fs;

use strongroom_watch::{Health, Why};

use crate::field::{Field, Folder, Mounted, may_mount, put, with_each};

/// More than `fs.inotify.max_queued_events` and `fs.fanotify.max_queued_events` are by default.
const TOO_MANY: usize = 17_000;

/// Gives one file so many names, each of which is told of at least once.
pub(crate) fn rename_too_often(field: &Field, folder: &str) {
    let mut name = field.at(folder).join("file");
    fs::File::create(&name).unwrap();
    for number in 0..TOO_MANY {
        let next = field.at(folder).join(format!("{number}"));
        fs::rename(&name, &next).unwrap();
        name = next;
    }
    fs::remove_file(name).unwrap();
}

#[test]
fn what_was_dropped_has_to_be_walked_once_and_then_nothing_is_missed() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("many")).unwrap();
        fs::create_dir_all(folder.root().join("a/deep")).unwrap();
        fs::create_dir_all(folder.root().join("b")).unwrap();
        fs::create_dir_all(folder.root().join("out/deep")).unwrap();
        let field = Field::with(folder, mechanism);
        // Where this directory is, is known from here on.
        put(field.at("a/deep/0"), "");
        field.expect(&["a/deep"], &[]);
        field.watcher.pause();
        rename_too_often(&field, "many");
        // These notices are dropped.
        fs::rename(field.at("a"), field.at("b/moved")).unwrap();
        let out = field.outside().join("out");
        fs::rename(field.at("out"), &out).unwrap();
        fs::create_dir_all(field.at("new/deep")).unwrap();
        fs::create_dir_all(field.at("a/deep")).unwrap();
        field.watcher.resume();
        assert!(field.watcher.settle(crate::field::LONG));
        let health = field.watcher.sources().remove(0).health;
        assert_eq!(health, Health::CatchingUp, "{mechanism}");
        field.expect(&[], &[("", Why::Overflow)]);
        assert_eq!(field.watcher.sources().remove(0).health, Health::Live);
        for (folder, file) in [("b/moved/deep", "1"), ("new/deep", "2"), ("a/deep", "3")] {
            put(field.at(folder).join(file), "");
            field.expect(&[folder], &[]);
        }
        put(out.join("deep/file"), "");
        field.expect_nothing();
    });
}

#[test]
fn the_other_file_systems_need_not_be_walked() {
    if !may_mount() {
        return;
    }
    with_each(|mechanism| {
        let folder = Folder::new();
        for name in ["one", "two"] {
            fs::create_dir(folder.root().join(name)).unwrap();
        }
        let _one = Mounted::tmpfs(&folder.root().join("one")).unwrap();
        let _two = Mounted::tmpfs(&folder.root().join("two")).unwrap();
        let field = Field::with(folder, mechanism);
        assert_eq!(field.watcher.sources().len(), 3);
        field.watcher.pause();
        rename_too_often(&field, "one");
        put(field.at("two/file"), "");
        field.watcher.resume();
        field.expect(&["two"], &[("one", Why::Overflow)]);
        // Nor those that are mounted within the one that has to be.
        fs::create_dir(field.at("many")).unwrap();
        field.changes();
        field.watcher.pause();
        rename_too_often(&field, "many");
        put(field.at("two/other"), "");
        field.watcher.resume();
        assert!(field.watcher.settle(crate::field::LONG));
        let healths = field.watcher.sources().into_iter().map(|it| it.health);
        let healths: Vec<_> = healths.collect();
        let one = [Health::CatchingUp, Health::Live, Health::Live];
        assert_eq!(healths, one, "{mechanism}");
        field.expect(&["two"], &[("", Why::Overflow)]);
    });
}

#[test]
fn overflowing_while_catching_up_is_caught_up_with_too() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("many")).unwrap();
        for number in 0..5000 {
            fs::create_dir(folder.root().join(format!("{number}"))).unwrap();
        }
        let field = Field::with(folder, mechanism);
        field.watcher.pause();
        rename_too_often(&field, "many");
        field.watcher.resume();
        while field.watcher.sources()[0].health == Health::Live {
            std::thread::yield_now();
        }
        field.watcher.pause();
        rename_too_often(&field, "many");
        let made: Vec<_> = (0..5000).step_by(100).map(|n| format!("{n}/new")).collect();
        for path in &made {
            fs::create_dir(field.at(path)).unwrap();
        }
        field.watcher.resume();
        field.expect(&[], &[("", Why::Overflow)]);
        for path in &made {
            put(field.at(path).join("file"), "");
            field.expect(&[path], &[]);
        }
    });
}

#[test]
fn so_many_directories_are_put_together() {
    with_each(|mechanism| {
        let folder = Folder::new();
        for number in 0..100 {
            fs::create_dir_all(folder.root().join(format!("a/{}/{number}", number % 3))).unwrap();
        }
        fs::create_dir(folder.root().join("b")).unwrap();
        let mut settings = crate::field::settings(&folder.root(), mechanism);
        settings.directories_max = 50;
        let field = Field::with_settings(folder, settings);
        for number in 0..100 {
            put(field.at(format!("a/{}/{number}/file", number % 3)), "");
        }
        put(field.at("b/file"), "");
        let crowded = ["a/0", "a/1", "a/2"].map(|path| (path, Why::Crowded));
        field.expect(&["b"], &crowded);
    });
}
