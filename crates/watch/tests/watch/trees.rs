//! Directories that come, go and move with all they hold.

use std::fs;
use std::path::{Path, PathBuf};

use strongroom_watch::{Changes, Place, Why};

use crate::field::{Field, Folder, put, run, with_each};

#[test]
fn a_tree_that_moves_is_told_with_both_places_and_known_at_the_new_one() {
    with_each(|mechanism| {
        let folder = Folder::on_disk();
        fs::create_dir_all(folder.root().join("from/tree/deep/er")).unwrap();
        fs::create_dir(folder.root().join("to")).unwrap();
        let field = Field::with(folder, mechanism);
        put(field.at("from/tree/deep/er/before"), "");
        field.expect(&["from/tree/deep/er"], &[]);
        fs::rename(field.at("from/tree"), field.at("to/moved")).unwrap();
        field.expect(&["from", "to"], &[("to/moved", Why::New)]);
        put(field.at("to/moved/deep/er/after"), "");
        field.expect(&["to/moved/deep/er"], &[]);
        put(field.at("to/moved/after"), "");
        field.expect(&["to/moved"], &[]);
        // What is made at the old place is another directory.
        fs::create_dir_all(field.at("from/tree")).unwrap();
        field.expect(&["from"], &[("from/tree", Why::New)]);
        put(field.at("to/moved/deep/er/later"), "");
        put(field.at("from/tree/file"), "");
        field.expect(&["from/tree", "to/moved/deep/er"], &[]);
    });
}

#[test]
fn trees_change_places() {
    with_each(|mechanism| {
        let folder = Folder::new();
        for way in ["a/x", "b/y"] {
            fs::create_dir_all(folder.root().join(way)).unwrap();
        }
        let field = Field::with(folder, mechanism);
        fs::rename(field.at("a"), field.at("c")).unwrap();
        fs::rename(field.at("b"), field.at("a")).unwrap();
        fs::rename(field.at("c"), field.at("b")).unwrap();
        // The inner one gets out, and the outer one into it.
        fs::rename(field.at("b/x"), field.at("x")).unwrap();
        fs::rename(field.at("b"), field.at("x/b")).unwrap();
        field.changes();
        put(field.at("a/y/file"), "");
        field.expect(&["a/y"], &[]);
        put(field.at("x/b/file"), "");
        put(field.at("x/file"), "");
        field.expect(&["x", "x/b"], &[]);
    });
}

#[test]
fn a_tree_that_leaves_is_not_told_of_any_more_and_is_when_it_returns() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("tree/deep")).unwrap();
        let field = Field::with(folder, mechanism);
        let out = field.outside().join("out");
        fs::rename(field.at("tree"), &out).unwrap();
        field.expect(&[""], &[]);
        put(out.join("deep/file"), "");
        field.expect_nothing();
        fs::rename(&out, field.at("back")).unwrap();
        field.expect(&[""], &[("back", Why::New)]);
        put(field.at("back/deep/file"), "again");
        field.expect(&["back/deep"], &[]);
    });
}

#[test]
fn a_tree_is_deleted() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("a/tree/deep")).unwrap();
        put(folder.root().join("a/tree/deep/file"), "");
        let field = Field::with(folder, mechanism);
        fs::remove_dir_all(field.at("a/tree")).unwrap();
        let changes = field.changes();
        let place = place_of(&field, &field.at("a"));
        assert!(changes.covers(&place), "{changes:?}");
        fs::create_dir_all(field.at("a/tree/deep")).unwrap();
        put(field.at("a/tree/deep/file"), "");
        field.expect(&["a"], &[("a/tree", Why::New)]);
        put(field.at("a/tree/deep/file"), "more");
        field.expect(&["a/tree/deep"], &[]);
    });
}

#[test]
fn nothing_is_missed_in_directories_that_are_made_while_others_look() {
    with_each(|mechanism| {
        let field = Field::new(mechanism);
        let roots: Vec<PathBuf> = (0..4).map(|n| field.at(format!("{n}"))).collect();
        let mut listed: Vec<PathBuf> = Vec::new();
        std::thread::scope(|scope| {
            for root in &roots {
                scope.spawn(move || deepen(root));
            }
            // What is taken meanwhile is listed at once; a file that is made after that has to be told again.
            while !roots.iter().all(|root| root.join("done").exists()) {
                // Who asks for everything lets the watcher have no rest, so it is always in the midst of it.
                note_listed(&field, &field.changes(), &mut listed);
            }
        });
        note_listed(&field, &field.changes(), &mut listed);
        for root in &roots {
            for path in files_below(root) {
                assert!(listed.contains(&path), "{mechanism}: {}", path.display());
            }
        }
        put(deepest(&roots[0]).join("late"), "");
        let changes = field.changes();
        assert!(
            changes.covers(&place_of(&field, &deepest(&roots[0]))),
            "{changes:?}"
        );
    });
}

#[test]
fn nothing_is_missed_in_a_directory_that_takes_long_to_list() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let large = folder.path().join("large");
        fs::create_dir(&large).unwrap();
        for number in 0..20_000 {
            fs::File::create(large.join(format!("{number}"))).unwrap();
        }
        let field = Field::with(folder, mechanism);
        fs::rename(&large, field.at("large")).unwrap();
        let late: Vec<_> = (0..500).map(|n| format!("large/late {n}")).collect();
        for path in &late {
            fs::create_dir(field.at(path)).unwrap();
        }
        field.changes();
        for path in &late {
            put(field.at(path).join("file"), "");
        }
        let changes = field.changes();
        for path in &late {
            let place = place_of(&field, &field.at(path));
            assert!(changes.covers(&place), "{mechanism}: {path}");
        }
    });
}

/// Makes directories in directories, each with files at once.
fn deepen(root: &Path) {
    for branch in 0..20 {
        let mut path = root.join(format!("{branch}"));
        for depth in 0..10 {
            path.push(format!("{depth}"));
            fs::create_dir_all(&path).unwrap();
            put(path.join("file"), "");
        }
    }
    put(root.join("done"), "");
}

fn deepest(root: &Path) -> PathBuf {
    let files = files_below(root);
    let deepest = files
        .into_iter()
        .max_by_key(|path| path.components().count());
    deepest.unwrap().parent().unwrap().to_path_buf()
}

/// Lists what is hinted, and notes the files that are found.
fn note_listed(field: &Field, changes: &Changes, found: &mut Vec<PathBuf>) {
    for tree in &changes.trees {
        found.extend(files_below(&field.at(tree.place.path())));
    }
    for place in &changes.directories {
        let Ok(entries) = fs::read_dir(field.at(place.path())) else {
            continue;
        };
        let paths = entries.map(|entry| entry.unwrap().path());
        found.extend(paths.filter(|path| path.is_file()));
    }
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(path) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn place_of(field: &Field, path: &Path) -> Place {
    let below = path.strip_prefix(&field.root).unwrap();
    let names = below.iter().fold(Vec::new(), |mut bytes, name| {
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name.as_encoded_bytes());
        bytes
    });
    Place::below(0, &names)
}

#[test]
fn paths_may_be_longer_than_the_kernel_takes() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let name = "n".repeat(200);
        let make = "for i in $(seq 30); do mkdir \"$1\"; cd -P \"$1\" || exit 1; done";
        let script = format!("cd \"$0\" && {make}");
        let root = folder.root();
        run("bash", &["-c", &script, root.to_str().unwrap(), &name]);
        let field = Field::with(folder, mechanism);
        let descend = "for i in $(seq 29); do cd -P \"$1\" || exit 1; done; echo > file";
        let script = format!("cd \"$0\" && {descend}");
        run("bash", &["-c", &script, root.to_str().unwrap(), &name]);
        let changes = field.changes();
        let path = vec![name.as_bytes(); 29].join(&b'/');
        let place = Place::below(0, &path);
        assert!(changes.covers(&place), "{mechanism}: {changes:?}");
        assert!(!changes.covers(&Place::of_root(0)), "{changes:?}");
    });
}
