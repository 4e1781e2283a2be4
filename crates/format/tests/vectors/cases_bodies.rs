//! Bodies of records.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{DestinationId, Generation, ObjectName, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_format::body::{Acknowledged, Body, Deed, Root, Snapshot, Statistics};
use strongroom_format::content::{ChunkId, Content};
use strongroom_format::tree::{Entry, Meta, Node, Owner};

use crate::cases_places::{Edit, NO_WRITER, case, record};
use crate::common::Case;

fn root(path: &str, name: &str) -> Root {
    let owner = Owner {
        uid: 0,
        gid: 0,
        user: b"root".to_vec(),
        group: b"root".to_vec(),
    };
    let meta = Meta {
        mode: 0o755,
        owner: Arc::new(owner),
        mtime: Timestamp(5),
        btime: None,
        file_flags: 0,
        xattrs: Vec::new(),
        link: None,
        unsettled: false,
    };
    let tree = Content::Chunk {
        len: 900,
        id: ChunkId([0xc1; 32]),
    };
    let node = Node::Directory { tree };
    let entry = Entry {
        name: name.into(),
        meta,
        node,
    };
    Root {
        path: path.into(),
        entry,
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        started: Timestamp(-5),
        ended: Timestamp(1_800_000_000_000_000_000),
        host: b"host".to_vec(),
        program: "a program 1.0".to_owned(),
        tags: vec!["a".to_owned(), "b".to_owned()],
        statistics: Statistics {
            files: 1,
            directories: 2,
            others: 3,
            bytes: u64::MAX,
            failed: 0,
        },
        roots: vec![root("/home/anna", "anna"), root("/srv", "srv")],
    }
}

fn body(deed: Deed) -> Body {
    let known = |byte: u8| Acknowledged {
        destination: DestinationId([byte; 16]),
        seq: Seq(4),
        hash: [0x77; 32],
    };
    Body {
        time: Timestamp(1_800_000_000_000_000_001),
        destinations: vec![known(1), known(2)],
        runs: vec![ObjectRef::index(ObjectName([3; 32])), record(4)],
        deed,
    }
}

fn deeds() -> Vec<(&'static str, Deed)> {
    let live = vec![
        (ObjectRef::pack(ObjectName([1; 32])), 4_184),
        (ObjectRef::index(ObjectName([3; 32])), 900),
    ];
    let id = |seq| RecordId {
        generation: Generation(1),
        seq: Seq(seq),
    };
    vec![
        (
            "generation",
            Deed::Generation {
                reason: "a new archive".to_owned(),
            },
        ),
        ("snapshot", Deed::Snapshot(snapshot())),
        (
            "forget",
            Deed::Forget {
                snapshots: vec![Seq(2), Seq(3)],
            },
        ),
        ("prune", Deed::Prune),
        (
            "checkpoint",
            Deed::Checkpoint {
                live,
                snapshots: vec![(id(2), [8; 32]), (id(3), [9; 32])],
            },
        ),
        (
            "repair",
            Deed::Repair {
                note: "found damaged".to_owned(),
            },
        ),
        ("progress", Deed::Progress),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let of = |name: &str, about: &str, body: &Body| {
        case("body", name, about, &body.encode()).with("kind", body.deed.code())
    };
    let mut cases: Vec<Case> = deeds()
        .into_iter()
        .map(|(name, deed)| of(name, "a body", &body(deed)))
        .collect();
    let mut all = snapshot();
    all.roots = vec![root("/", "root")];
    cases.push(of("snapshot-of-all", "a body", &body(Deed::Snapshot(all))));
    let edits: [(&str, &str, Edit<Snapshot>, &str); 13] = [
        (
            "root-entry",
            "an entry with another name than the path's last",
            |s| s.roots[0].path = b"/home/bert".to_vec(),
            "roots",
        ),
        (
            "root-of-all",
            "the entry of / with another name than root",
            |s| s.roots = vec![root("/", "srv")],
            "roots",
        ),
        (
            "root-below",
            "a root below another one that is not its neighbour",
            |s| s.roots = vec![root("/a", "a"), root("/a!", "a!"), root("/a/b", "b")],
            "roots",
        ),
        (
            "root-below-all",
            "a root below /",
            |s| s.roots = vec![root("/", "root"), root("/srv", "srv")],
            "roots",
        ),
        (
            "root-slash",
            "a path that ends with a slash",
            |s| s.roots[1].path = b"/srv/".to_vec(),
            "roots",
        ),
        (
            "root-slashes",
            "a path with two slashes in a row",
            |s| s.roots[1].path = b"//srv".to_vec(),
            "roots",
        ),
        (
            "root-dots",
            "a path with ..",
            |s| s.roots[1].path = b"/srv/../srv".to_vec(),
            "roots",
        ),
        (
            "tags-twice",
            "a tag twice",
            |s| s.tags[1].replace_range(.., "a"),
            "tags",
        ),
        (
            "roots-unsorted",
            "roots that are not sorted",
            |s| s.roots.swap(0, 1),
            "roots",
        ),
        (
            "roots-twice",
            "a root twice",
            |s| s.roots[1] = s.roots[0].clone(),
            "roots",
        ),
        (
            "root-relative",
            "a path that is not absolute",
            |s| s.roots[1].path = b"x".to_vec(),
            "roots",
        ),
        ("no-roots", "no roots", |s| s.roots.clear(), "roots"),
        (
            "root-name",
            "an entry with a slash in its name",
            |s| s.roots[0].entry.name = b"home/anna".to_vec(),
            "name",
        ),
    ];
    let words = |field: &str| format!("malformed body of a record: `{field}` {NO_WRITER}");
    for (name, about, edit, field) in edits {
        let mut snapshot = snapshot();
        edit(&mut snapshot);
        cases.push(of(name, about, &body(Deed::Snapshot(snapshot))).refused(&words(field)));
    }
    let edits: [(&str, &str, Edit<Body>, &str); 9] = [
        (
            "destinations-0",
            "a destination that acknowledged record 0",
            |b| b.destinations[0].seq = Seq(0),
            "seq",
        ),
        (
            "runs-0",
            "a run in record 0",
            |b| b.runs[1] = record(0),
            "runs",
        ),
        (
            "forget-0",
            "snapshot 0",
            |b| {
                b.deed = Deed::Forget {
                    snapshots: vec![Seq(0)],
                }
            },
            "seq",
        ),
        (
            "live-kind",
            "a record in the live set of packs and index runs",
            |b| {
                b.deed = Deed::Checkpoint {
                    live: vec![(record(2), 9)],
                    snapshots: vec![],
                }
            },
            "live",
        ),
        (
            "live-size",
            "an object without bytes",
            |b| {
                let live = vec![(ObjectRef::pack(ObjectName([1; 32])), 0)];
                b.deed = Deed::Checkpoint {
                    live,
                    snapshots: vec![],
                };
            },
            "size",
        ),
        (
            "destinations-twice",
            "a destination twice",
            |b| b.destinations[1] = b.destinations[0],
            "destinations",
        ),
        (
            "runs-unsorted",
            "runs that are not sorted",
            |b| b.runs.swap(0, 1),
            "runs",
        ),
        (
            "runs-kind",
            "a pack in place of a run",
            |b| b.runs[0] = ObjectRef::pack(ObjectName([1; 32])),
            "runs",
        ),
        (
            "forget-twice",
            "a snapshot twice",
            |b| {
                b.deed = Deed::Forget {
                    snapshots: vec![Seq(2); 2],
                }
            },
            "seq",
        ),
    ];
    for (name, about, edit, field) in edits {
        let mut body = body(Deed::Prune);
        edit(&mut body);
        cases.push(of(name, about, &body).refused(&words(field)));
    }
    let prune = body(Deed::Prune);
    cases.push(
        of("kind", "another kind than the header says", &prune)
            .with("kind", 7)
            .refused(&words("kind")),
    );
    let edits: [(&str, &str, Edit<Vec<u8>>, &str); 5] = [
        (
            "trailing",
            "a byte after the padding",
            |b| b.push(0),
            "length",
        ),
        ("cut", "cut short", |b| b.truncate(1_023), "length"),
        ("unpadded", "no padding", |b| b.truncate(190), "length"),
        (
            "long",
            "more padding than is needed",
            |b| b.resize(2_048, 0),
            "length",
        ),
        (
            "padding",
            "padding that is not zero",
            |b| b[190] = 1,
            "padding",
        ),
    ];
    for (name, about, edit, field) in edits {
        let mut bytes = prune.encode();
        edit(&mut bytes);
        let case = case("body", name, about, &bytes).with("kind", 4);
        cases.push(case.refused(&words(field)));
    }
    cases
}
