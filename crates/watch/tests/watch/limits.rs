//! What the kernel does not give.

use std::fs;
use std::process::Command;
use std::time::Duration;

use strongroom_watch::{Choice, Health, Mechanism, Place, Reason, Source, Watcher, Why};

use crate::field::{Field, Folder, LONG, put, settings};

fn folder_with(directories: usize) -> Folder {
    let folder = Folder::new();
    for number in 0..directories {
        fs::create_dir(folder.root().join(format!("{number}"))).unwrap();
    }
    folder
}

#[test]
fn what_has_no_watch_is_polled_until_it_has_one() {
    let folder = folder_with(8);
    let mut settings = settings(&folder.root(), Mechanism::Inotify);
    settings.watches_max = 5;
    settings.poll_every = Duration::from_millis(5);
    let field = Field::with_settings(folder, settings);
    let Health::Degraded { why } = field.watcher.sources().remove(0).health else {
        panic!("{:?}", field.watcher.sources());
    };
    assert_eq!(
        why.to_string(),
        "no inotify watches are left after 5 directories, so 4 trees are polled: raise fs.inotify.max_user_watches"
    );
    let mut polled = std::collections::BTreeSet::new();
    while polled.len() < 4 {
        let changes = field.watcher.wait(LONG);
        assert!(!changes.is_empty());
        for tree in changes.trees {
            assert_eq!(tree.why, Why::Polled);
            polled.insert(tree.place);
        }
    }
    // Room for the others.
    for number in 0..8 {
        if !polled.contains(&Place::below(0, number.to_string().as_bytes())) {
            fs::remove_dir(field.at(number.to_string())).unwrap();
        }
    }
    while field.watcher.sources()[0].health != Health::Live {
        field.watcher.wait(LONG);
    }
    field.changes();
    for place in polled {
        put(field.at(place.path()).join("file"), "");
        assert_eq!(field.changes().directories, [place]);
    }
}

/// Runs an ignored test of this program where this user may do less. Says whether that is possible here.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn confined(limits: &str, test: &str) {
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "sh", "-ec", script]);
        command.arg(std::env::current_exe().unwrap());
        command
    };
    if !unshare("true")
        .status()
        .is_ok_and(|status| status.success())
    {
        eprintln!("left out: no user namespaces here");
        return;
    }
    let script = format!("{limits}; exec \"$0\" --exact --ignored --nocapture {test}");
    let output = unshare(&script).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let passed = output.status.success() && said.contains("1 passed");
    assert!(passed, "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn automatic(folder: &Folder) -> (Watcher, Source) {
    let mut settings = settings(&folder.root(), Mechanism::Polling);
    settings.choice = Choice::Automatic;
    let watcher = Watcher::start(settings).unwrap();
    assert!(watcher.settle(LONG));
    let source = watcher.sources().remove(0);
    (watcher, source)
}

#[test]
fn without_privilege_there_is_inotify() {
    confined("true", "limits::confined_without_privilege");
}

#[test]
#[ignore = "run by another test"]
fn confined_without_privilege() {
    let folder = folder_with(3);
    let (watcher, source) = automatic(&folder);
    assert_eq!(source.mechanism, Some(Mechanism::Inotify));
    let why_not = source.passed_over.unwrap().to_string();
    assert!(why_not.starts_with("fanotify was refused: "), "{why_not}");
    watcher.take();
    put(folder.root().join("2/file"), "");
    assert!(watcher.settle(LONG));
    assert_eq!(watcher.take().directories, [Place::below(0, b"2")]);
}

#[test]
fn without_watches_there_is_polling_for_the_rest() {
    // The roots and what is above them have some too.
    confined(
        "echo 12 > /proc/sys/user/max_inotify_watches",
        "limits::confined_with_few_watches",
    );
}

#[test]
#[ignore = "run by another test"]
fn confined_with_few_watches() {
    let folder = folder_with(20);
    let (_watcher, source) = automatic(&folder);
    assert_eq!(source.mechanism, Some(Mechanism::Inotify));
    let Health::Degraded {
        why: Reason::NoWatchesLeft { watched, polled },
    } = source.health
    else {
        panic!("{source:?}");
    };
    assert!(watched > 1 && watched + polled == 21, "{watched} {polled}");
}

#[test]
fn without_instances_there_is_polling() {
    confined(
        "echo 0 > /proc/sys/user/max_inotify_instances",
        "limits::confined_without_instances",
    );
}

#[test]
#[ignore = "run by another test"]
fn confined_without_instances() {
    let folder = folder_with(1);
    let (_watcher, source) = automatic(&folder);
    assert_eq!(source.mechanism, Some(Mechanism::Polling));
    let why = Reason::NoInstancesLeft;
    assert!(why.to_string().contains("fs.inotify.max_user_instances"));
    assert_eq!(source.health, Health::Degraded { why });
}
