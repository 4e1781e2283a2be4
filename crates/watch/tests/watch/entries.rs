//! Changes of single entries.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Arc;

use strongroom_watch::Why;

use crate::field::{Field, Folder, put, settings, with_each};

#[test]
fn a_file_is_made_written_changed_and_deleted() {
    with_each(|mechanism| {
        let folder = Folder::on_disk();
        fs::create_dir_all(folder.root().join("a/b")).unwrap();
        let field = Field::with(folder, mechanism);
        put(field.at("a/b/file"), "one");
        field.expect(&["a/b"], &[]);
        put(field.at("a/b/file"), "two");
        field.expect(&["a/b"], &[]);
        fs::set_permissions(field.at("a/b/file"), fs::Permissions::from_mode(0o600)).unwrap();
        field.expect(&["a/b"], &[]);
        fs::remove_file(field.at("a/b/file")).unwrap();
        field.expect(&["a/b"], &[]);
        symlink("nowhere", field.at("a/link")).unwrap();
        put(field.at("in the root"), "");
        field.expect(&["", "a"], &[]);
        field.expect_nothing();
    });
}

#[test]
fn a_file_that_stays_open_is_noticed() {
    use std::io::Write as _;
    with_each(|mechanism| {
        let field = Field::new(mechanism);
        let mut file = fs::File::create(field.at("log")).unwrap();
        field.expect(&[""], &[]);
        file.write_all(b"line").unwrap();
        field.expect(&[""], &[]);
        file.set_len(0).unwrap();
        field.expect(&[""], &[]);
    });
}

#[test]
fn reading_is_no_change() {
    with_each(|mechanism| {
        let folder = Folder::new();
        put(folder.root().join("file"), "content");
        let field = Field::with(folder, mechanism);
        assert_eq!(fs::read(field.at("file")).unwrap(), b"content");
        assert_eq!(fs::read_dir(&field.root).unwrap().count(), 1);
        field.expect_nothing();
    });
}

#[test]
fn a_file_moves() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir(folder.root().join("from")).unwrap();
        fs::create_dir(folder.root().join("to")).unwrap();
        put(folder.root().join("from/file"), "");
        let field = Field::with(folder, mechanism);
        fs::rename(field.at("from/file"), field.at("to/other")).unwrap();
        field.expect(&["from", "to"], &[]);
        fs::rename(field.at("to/other"), field.outside().join("out")).unwrap();
        field.expect(&["to"], &[]);
        fs::rename(field.outside().join("out"), field.at("from/in")).unwrap();
        field.expect(&["from"], &[]);
    });
}

#[test]
fn a_hard_link_is_noticed_where_it_is_made_and_where_it_is_written() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir(folder.root().join("a")).unwrap();
        fs::create_dir(folder.root().join("b")).unwrap();
        put(folder.root().join("a/file"), "");
        let field = Field::with(folder, mechanism);
        fs::hard_link(field.at("a/file"), field.at("b/file")).unwrap();
        let changes = field.changes();
        assert!(
            changes
                .directories
                .iter()
                .any(|place| place.bytes() == b"b"),
            "{changes:?}"
        );
        put(field.at("b/file"), "more");
        field.expect(&["b"], &[]);
    });
}

#[test]
fn the_state_of_a_directory_is_an_entry_of_the_one_above() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("a/b")).unwrap();
        let field = Field::with(folder, mechanism);
        fs::set_permissions(field.at("a/b"), fs::Permissions::from_mode(0o700)).unwrap();
        field.expect(&["a", "a/b"], &[]);
    });
}

#[test]
fn names_need_not_be_utf_8() {
    with_each(|mechanism| {
        let folder = Folder::new();
        let name = OsStr::from_bytes(b"\xff \n(deleted)");
        fs::create_dir(folder.root().join(name)).unwrap();
        let field = Field::with(folder, mechanism);
        put(field.at(name).join(OsStr::from_bytes(b"\xfe")), "");
        field.expect(&["\\xff \\n(deleted)"], &[]);
        let new = OsStr::from_bytes(b"\xfd");
        fs::create_dir(field.at(name).join(new)).unwrap();
        put(field.at(name).join(new).join("file"), "");
        let changes = field.changes();
        assert_eq!(changes.trees.len(), 1, "{changes:?}");
        assert_eq!(changes.trees[0].place.bytes(), b"\xff \n(deleted)/\xfd");
    });
}

#[test]
fn what_is_not_wanted_or_outside_is_not_told() {
    with_each(|mechanism| {
        let folder = Folder::new();
        fs::create_dir_all(folder.root().join("a/cache/deep")).unwrap();
        fs::create_dir(folder.path().join("root-else")).unwrap();
        let mut settings = settings(&folder.root(), mechanism);
        settings.wants = Arc::new(|place| !place.bytes().ends_with(b"cache"));
        let field = Field::with_settings(folder, settings);
        put(field.at("a/cache/file"), "");
        put(field.at("a/cache/deep/file"), "");
        fs::create_dir(field.at("a/cache/new")).unwrap();
        put(field.at("a/cache/new/file"), "");
        put(field.outside().join("file"), "");
        put(field.outside().join("root-else/file"), "");
        field.expect_nothing();
        fs::create_dir(field.at("cache")).unwrap();
        put(field.at("cache/file"), "");
        field.expect(&[""], &[]);
        // Under another name it is wanted.
        fs::rename(field.at("cache"), field.at("kept")).unwrap();
        field.expect(&[""], &[("kept", Why::New)]);
        put(field.at("kept/file"), "");
        field.expect(&["kept"], &[]);
        fs::rename(field.at("kept"), field.at("cache")).unwrap();
        put(field.at("cache/file"), "again");
        field.expect(&[""], &[]);
    });
}
