//! Content, list chunks and tree chunks.

use std::sync::Arc;

use strongroom_base::clock::Timestamp;
use strongroom_base::wire::Put;
use strongroom_format::content::{ChunkId, Content, List, ListItem};
use strongroom_format::tree::{Entry, Meta, Node, Owner};

use crate::common::Case;
use crate::encode_tree;

const ID: ChunkId = ChunkId([0xc1; 32]);

fn case(structure: &str, name: &str, about: &str, bytes: &[u8]) -> Case {
    Case::new("archive-v1", structure, name, about, bytes)
}

fn encode(content: &Content) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.put(&mut bytes);
    bytes
}

fn contents() -> Vec<Case> {
    let list = |level, len| encode(&Content::List { level, len, id: ID });
    let chunk = |len| encode(&Content::Chunk { len, id: ID });
    let inline = |len| encode(&Content::Inline(vec![b'x'; len]));
    let valid = |name, about, bytes: Vec<u8>| case("content", name, about, &bytes);
    let invalid = |name, about, bytes: Vec<u8>, field| {
        let words = "holds a value that no writer produces";
        valid(name, about, bytes).refused(&format!("malformed content: `{field}` {words}"))
    };
    let trailing = [inline(3), vec![0]].concat();
    vec![
        valid("empty", "no bytes", inline(0)),
        valid("inline", "512 bytes, the most that are inline", inline(512)),
        valid("chunk", "one chunk", chunk(524_288)),
        valid("list", "a list", list(1, 3_000_000)),
        valid("list-8", "the highest level", list(8, (1 << 63) - 1)),
        invalid("form", "form 3", vec![3, 0], "content form"),
        invalid(
            "inline-513",
            "too long to be inline",
            inline(513),
            "inline content",
        ),
        invalid(
            "chunk-512",
            "one chunk, though it could be inline",
            chunk(512),
            "content form",
        ),
        valid("chunk-513", "the shortest that is a chunk", chunk(513)),
        invalid("chunk-0", "a chunk without bytes", chunk(0), "chunk length"),
        invalid(
            "chunk-long",
            "a chunk above the limit",
            chunk(524_289),
            "chunk length",
        ),
        invalid("level-0", "level 0", list(0, 9), "list level"),
        invalid("level-9", "level 9", list(9, 9), "list level"),
        invalid(
            "list-0",
            "a list without bytes",
            list(1, 0),
            "content length",
        ),
        invalid(
            "list-long",
            "2^63 bytes",
            list(1, 1 << 63),
            "content length",
        ),
        invalid(
            "varint",
            "length 3 in two bytes",
            vec![0, 0x83, 0, 1, 2, 3],
            "inline content",
        ),
        valid("cut", "cut short", vec![1, 5, 0xc1])
            .refused("malformed content: the bytes end inside `chunk id`"),
        valid("trailing", "a byte after the end", trailing)
            .refused("malformed content: bytes follow the end of the value"),
    ]
}

fn lists() -> Vec<Case> {
    let hole = |len| ListItem::Hole { len };
    let part = |len| ListItem::Part { len, id: ID };
    let list = |name, about, level: u8, len: u64, items: Vec<ListItem>| {
        let bytes = List { level, items }.encode();
        let case = case("list-chunk", name, about, &bytes);
        case.with("level", level).with("content_len", len)
    };
    let no_writer = |field: &str| {
        format!("malformed list chunk: `{field}` holds a value that no writer produces")
    };
    let raw = |name, about, bytes: &[u8]| {
        let case = case("list-chunk", name, about, bytes);
        case.with("level", 1).with("content_len", 9)
    };
    let twice = vec![hole(4), hole(5)];
    let part_of_9 = List {
        level: 1,
        items: vec![part(9)],
    }
    .encode();
    let other_level = list(
        "level",
        "another level than the content names",
        2,
        9,
        vec![part(9)],
    );
    vec![
        list(
            "parts",
            "two chunks",
            1,
            600_000,
            vec![part(524_288), part(75_712)],
        ),
        list(
            "holes",
            "data between holes",
            1,
            1_000_010,
            vec![hole(500_000), part(10), hole(500_000)],
        ),
        list("hole", "a hole alone", 1, 1 << 40, vec![hole(1 << 40)]),
        list(
            "level-2",
            "lists of lists",
            2,
            1_000_000_000,
            vec![part(999_999_999), part(1)],
        ),
        list(
            "full",
            "as many items as there may be",
            1,
            4_096,
            vec![part(1); 4_096],
        ),
        list("empty", "no items", 1, 0, vec![]).refused(&no_writer("content length")),
        list("two-holes", "two holes in a row", 1, 9, twice).refused(&no_writer("hole")),
        list("hole-level-2", "a hole at level 2", 2, 9, vec![hole(9)]).refused(&no_writer("item")),
        list(
            "part-long",
            "a part above the limit of a chunk",
            1,
            524_289,
            vec![part(524_289)],
        )
        .refused(&no_writer("item length")),
        list(
            "part-0",
            "a part without bytes",
            1,
            9,
            vec![part(9), part(0)],
        )
        .refused(&no_writer("item length")),
        list(
            "hole-0",
            "a hole without bytes",
            1,
            9,
            vec![part(9), hole(0)],
        )
        .refused(&no_writer("item length")),
        list("length", "items that do not add up", 1, 10, vec![part(9)])
            .refused(&no_writer("content length")),
        list(
            "overflow",
            "items that add up to more than 64 bits",
            2,
            1,
            vec![part((1 << 63) - 1); 3],
        )
        .refused(&no_writer("item length")),
        list(
            "named",
            "a short content with a hole, named by the content of a file",
            1,
            9,
            vec![hole(4), part(5)],
        )
        .with("named_by", "a file"),
        list(
            "one-part",
            "one chunk, though a content of form 1 would do",
            1,
            600,
            vec![part(600)],
        )
        .with("named_by", "a file")
        .refused(&no_writer("item count")),
        list(
            "one-list",
            "one list, though a content of a lower level would do",
            2,
            600_000,
            vec![part(600_000)],
        )
        .with("named_by", "a file")
        .refused(&no_writer("item count")),
        list(
            "short",
            "512 bytes without holes, though they could be inline",
            1,
            512,
            vec![part(500), part(12)],
        )
        .with("named_by", "a file")
        .refused(&no_writer("content length")),
        other_level
            .with("level", 1)
            .refused(&no_writer("list level")),
        raw("count", "4,097 items", &[1, 0x81, 0x20]).refused(&no_writer("item count")),
        raw("item", "an item of kind 2", &[1, 1, 2, 9]).refused(&no_writer("item")),
        raw("cut", "cut short", &part_of_9[..20])
            .refused("malformed list chunk: the bytes end inside `chunk id`"),
        raw(
            "trailing",
            "a byte after the end",
            &[&part_of_9[..], &[0]].concat(),
        )
        .refused("malformed list chunk: bytes follow the end of the value"),
    ]
}

fn entry(name: &[u8], node: Node) -> Entry {
    let owner = Owner {
        uid: 1000,
        gid: 100,
        user: b"anna".to_vec(),
        group: b"users".to_vec(),
    };
    let meta = Meta {
        mode: 0o644,
        owner: Arc::new(owner),
        mtime: Timestamp(1_700_000_000_123_456_789),
        btime: None,
        file_flags: 0,
        xattrs: Vec::new(),
        link: None,
        unsettled: false,
    };
    Entry {
        name: name.to_vec(),
        meta,
        node,
    }
}

fn file(name: &[u8]) -> Entry {
    let content = Content::Inline(b"hello".to_vec());
    entry(name, Node::File { content })
}

fn every_kind() -> Vec<Entry> {
    let tree = Content::Chunk { len: 77, id: ID };
    let list = Content::List {
        level: 1,
        len: 3_000_000,
        id: ID,
    };
    let empty = Content::Inline(Vec::new());
    let mut entries = vec![
        file(b"a"),
        entry(b"b", Node::File { content: list }),
        entry(b"c", Node::Directory { tree }),
        entry(b"d", Node::Directory { tree: empty }),
        entry(
            b"e",
            Node::Symlink {
                target: b"../x".to_vec(),
            },
        ),
        entry(b"f", Node::Fifo),
        entry(b"g", Node::CharDevice { major: 1, minor: 3 }),
        entry(
            b"h",
            Node::BlockDevice {
                major: 8,
                minor: u32::MAX,
            },
        ),
        file(b"not UTF-8: \xff\xfe"),
    ];
    entries[1].meta.mtime = Timestamp(-1);
    entries[2].meta.mode = 0o7777;
    entries
}

fn full_meta() -> Vec<Entry> {
    let mut one = file(b"one");
    let value = Content::Inline(b"v".to_vec());
    let large = Content::Chunk { len: 600, id: ID };
    one.meta.btime = Some(Timestamp(1_600_000_000_000_000_000));
    one.meta.file_flags = 0x40;
    one.meta.xattrs = vec![(b"user.a".to_vec(), value), (b"user.b".to_vec(), large)];
    one.meta.link = Some(77);
    one.meta.unsettled = true;
    let mut two = file(b"two");
    let nobody = Owner {
        uid: u32::MAX,
        gid: 0,
        user: Vec::new(),
        group: Vec::new(),
    };
    two.meta.owner = Arc::new(nobody);
    vec![one, two, file(b"zzz")]
}

fn trees() -> Vec<Case> {
    let tree =
        |name, about, entries: &[Entry]| case("tree-chunk", name, about, &encode_tree(entries));
    let no_writer = |field: &str| {
        format!("malformed tree chunk: `{field}` holds a value that no writer produces")
    };
    let named = |case: &'static str, about, name: &[u8]| {
        tree(case, about, &[file(name)]).refused(&no_writer("name"))
    };
    let directory = |content: &[u8]| {
        let tree = Content::Inline(content.to_vec());
        entry(b"d", Node::Directory { tree })
    };
    let with = |mut entry: Entry, edit: fn(&mut Meta)| {
        edit(&mut entry.meta);
        vec![entry]
    };
    let link = |target: &[u8]| {
        vec![entry(
            b"l",
            Node::Symlink {
                target: target.to_vec(),
            },
        )]
    };
    let xattr = |value: Content| {
        let mut entry = file(b"a");
        entry.meta.xattrs = vec![(b"user.a".to_vec(), value)];
        vec![entry]
    };
    let twice = with(file(b"a"), |meta| {
        let value = Content::Inline(Vec::new());
        meta.xattrs = vec![(b"user.a".to_vec(), value); 2];
    });
    vec![
        tree("kinds", "every kind of entry", &every_kind()),
        tree(
            "meta",
            "every optional field, and three owners",
            &full_meta(),
        ),
        named("name-empty", "an empty name", b""),
        named("name-slash", "a name with a slash", b"a/b"),
        named("name-nul", "a name with NUL", b"a\0b"),
        named("name-dot", "the name .", b"."),
        named("name-dots", "the name ..", b".."),
        named("name-long", "a name of 4,096 bytes", &[b'n'; 4_096]),
        tree(
            "unsorted",
            "names that are not sorted",
            &[file(b"b"), file(b"a")],
        )
        .refused(&no_writer("name")),
        tree("twice", "a name twice", &[file(b"a"), file(b"a")]).refused(&no_writer("name")),
        tree(
            "mode",
            "a mode above 0o7777",
            &with(file(b"a"), |meta| meta.mode = 0o10000),
        )
        .refused(&no_writer("mode")),
        tree(
            "directory-link",
            "a directory with a link id",
            &with(directory(b""), |meta| meta.link = Some(1)),
        )
        .refused(&no_writer("link")),
        tree(
            "directory-unsettled",
            "a directory that never settled",
            &with(directory(b""), |meta| meta.unsettled = true),
        )
        .refused(&no_writer("flags")),
        tree(
            "directory-inline",
            "a tree that is inline",
            &[directory(b"x")],
        )
        .refused(&no_writer("content form")),
        tree("target-nul", "a target with NUL", &link(b"a\0")).refused(&no_writer("target")),
        tree("target-empty", "an empty target", &link(b"")).refused(&no_writer("target")),
        tree(
            "xattr-chunk",
            "a short value that is a chunk",
            &xattr(Content::Chunk { len: 512, id: ID }),
        )
        .refused(&no_writer("content form")),
        tree(
            "xattr-list",
            "a short value that is a list",
            &xattr(Content::List {
                level: 1,
                len: 512,
                id: ID,
            }),
        )
        .refused(&no_writer("content form")),
        tree(
            "file-chunk",
            "a short file that is a chunk",
            &[entry(
                b"a",
                Node::File {
                    content: Content::Chunk { len: 1, id: ID },
                },
            )],
        )
        .refused(&no_writer("content form")),
        tree("xattr-twice", "an extended attribute twice", &twice)
            .refused(&no_writer("xattr name")),
    ]
    .into_iter()
    .chain(edited_trees())
    .collect()
}

/// Cases that no encoder makes: two entries of one byte of content, changed by hand.
fn edited_trees() -> Vec<Case> {
    type Edit = fn(&mut Vec<u8>);
    let good = encode_tree(&[file(b"a"), file(b"b")]);
    // 0 flags, 1 kind, 2 name, 4 mode, 6 uid, 8 gid, 9 user, 14 group, 20 mtime of nine bytes, 29 content;
    // the second entry starts at 36, its mtime is at 42.
    let edits: [(&str, &str, Edit, &str); 8] = [
        (
            "flags",
            "an unknown flag",
            |b| b[0] |= 0x40,
            "`flags` holds a value that no writer produces",
        ),
        (
            "kind",
            "an entry of kind 7",
            |b| b[1] = 7,
            "`kind` holds a value that no writer produces",
        ),
        (
            "no-owner",
            "a first entry without owner",
            |b| {
                b[0] = 0;
                b.drain(6..20);
            },
            "`owner` holds a value that no writer produces",
        ),
        (
            "owner-again",
            "an owner that is the one before",
            |b| {
                let owner = b[6..20].to_vec();
                b[36] = 1;
                b.splice(42..42, owner);
            },
            "`owner` holds a value that no writer produces",
        ),
        (
            "file-flags-0",
            "file flags that are zero",
            |b| {
                b[36] = 4;
                b.insert(43, 0);
            },
            "`file flags` holds a value that no writer produces",
        ),
        (
            "xattrs-0",
            "no extended attributes",
            |b| {
                b[36] = 8;
                b.insert(43, 0);
            },
            "`xattrs` holds a value that no writer produces",
        ),
        (
            "varint",
            "an mtime that is not in its shortest form",
            |b| {
                b[42] = 0x80;
                b.insert(43, 0);
            },
            "`mtime` holds a value that no writer produces",
        ),
        (
            "cut",
            "cut short",
            |b| {
                b.pop();
            },
            "the bytes end inside `inline content`",
        ),
    ];
    let edited = edits.into_iter().map(|(name, about, edit, error)| {
        let mut bytes = good.clone();
        edit(&mut bytes);
        case("tree-chunk", name, about, &bytes).refused(&format!("malformed tree chunk: {error}"))
    });
    let mut late = Vec::new();
    late.put_zigzag(i128::MAX);
    let mut bytes = encode_tree(&[file(b"a")]);
    bytes.extend([0, 4, 1, b'b', 0]);
    bytes.extend(late);
    let error = "malformed tree chunk: `mtime` holds a value that no writer produces";
    let overflow = case("tree-chunk", "mtime", "a time above 127 bits", &bytes).refused(error);
    edited.chain([overflow]).collect()
}

pub(crate) fn cases() -> Vec<Case> {
    [contents(), lists(), trees()]
        .into_iter()
        .flatten()
        .collect()
}
