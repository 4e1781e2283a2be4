//! A forged archive whose directories are nested deeper than any writer makes them: walks end with damage and
//! not with the end of the stack. Its index is missing, too, and is made anew from the pack.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::sync::Arc;

use common::crash::{World, restore_to};
use common::trees::fast_folder;
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::{Generation, ObjectName, Seq};
use strongroom_base::object::{ObjectRef, RecordId};
use strongroom_crypto::hash::hash;
use strongroom_crypto::keys::{ChunkKind, SealedKind};
use strongroom_engine::walk_snapshot;
use strongroom_format::body::{Body, Deed, Root, Snapshot, Statistics};
use strongroom_format::content::{ChunkId, Content};
use strongroom_format::limits::DEPTH_MAX;
use strongroom_format::pack::{
    Fill, Method, PackClass, Trailer, TrailerChunk, TrailerSegment, finish_pack,
};
use strongroom_format::padding::Carrier;
use strongroom_format::sealed::{EpochKeys as _, SealedHeader, seal_object};
use strongroom_format::tree::{ChunkWriter, Entry, Meta, Node, Owner};
use strongroom_read::{Archive, ReadError, Replicas};
use strongroom_replica::record::{Added, Changes, Link, PartKind, Record, RecordKind};

/// How many directories the forged archive has one in the other.
const DEPTH: usize = DEPTH_MAX + 2_000;

fn directory(tree: Content) -> Entry {
    let owner = Owner {
        uid: 1_000,
        gid: 1_000,
        user: Vec::new(),
        group: Vec::new(),
    };
    Entry {
        name: b"d".to_vec(),
        meta: Meta {
            mode: 0o700,
            owner: Arc::new(owner),
            mtime: Timestamp(0),
            btime: None,
            file_flags: 0,
            xattrs: Vec::new(),
            link: None,
            unsettled: false,
        },
        node: Node::Directory { tree },
    }
}

fn seal(world: &World, kind: SealedKind, plaintext: &[u8]) -> Vec<u8> {
    let identity = &world.setup.identity;
    let (epoch, suite) = identity.ring.current();
    let header = SealedHeader {
        kind,
        suite,
        generation: Generation(1),
        epoch,
    };
    let key = identity.ring.sealing_key(&header).unwrap();
    let mut sealed = Vec::new();
    seal_object(
        &header,
        identity.archive,
        &key,
        &[9; 24],
        plaintext,
        &mut sealed,
    );
    sealed
}

/// Seals a pack of directories one in the other, and returns the outermost one's tree too.
fn deep_pack(world: &World) -> (Vec<u8>, Content) {
    let identity = &world.setup.identity;
    let (mut raw, mut chunks) = (Vec::new(), Vec::new());
    let mut tree = Content::Inline(Vec::new());
    for _ in 0..DEPTH {
        let start = raw.len();
        ChunkWriter::default().put(&directory(tree), &mut raw);
        let bytes = &raw[start..];
        let id = ChunkId(identity.ring.dedup.chunk_id(ChunkKind::Tree, bytes));
        let len = u32::try_from(bytes.len()).unwrap();
        chunks.push(TrailerChunk::new(ChunkKind::Tree, &id, len));
        tree = Content::Chunk { len, id };
    }
    let len = u32::try_from(raw.len()).unwrap();
    let trailer = Trailer {
        class: PackClass::Meta,
        segments: vec![TrailerSegment {
            method: Method::Stored,
            stored_len: len,
            raw_len: len,
            chunks,
        }],
    };
    finish_pack(&mut raw, &trailer, Fill::Least(Carrier::Object)).unwrap();
    (seal(world, SealedKind::Pack, &raw), tree)
}

/// Writes a snapshot of directories one in the other to the destination; its index is a name without an object.
fn forge(world: &World) {
    let identity = &world.setup.identity;
    let (pack, tree) = deep_pack(world);
    let object = ObjectRef::pack(ObjectName(hash(&pack)));
    let replica = world.setup.replica(&world.setup.stores[0]);
    let _ = replica.put(&object, &pack).unwrap();
    let root = Root {
        path: b"/d".to_vec(),
        entry: directory(tree),
    };
    let snapshot = Snapshot {
        started: Timestamp(0),
        ended: Timestamp(0),
        host: Vec::new(),
        program: String::new(),
        tags: Vec::new(),
        statistics: Statistics::default(),
        roots: vec![root],
    };
    let body = Body {
        time: Timestamp(0),
        destinations: Vec::new(),
        runs: vec![ObjectRef::index(ObjectName([1; 32]))],
        deed: Deed::Snapshot(snapshot),
    };
    let body = seal(world, SealedKind::Body, &body.encode());
    let first = RecordId {
        generation: Generation(1),
        seq: Seq(1),
    };
    let authority = identity.ring.authority().public_key();
    let link = Link {
        archive: identity.archive,
        id: RecordId {
            seq: Seq(2),
            ..first
        },
        previous: replica.record(first, &authority).unwrap().hash(),
        writer: identity.signer.public_key(),
    };
    let changes = Changes {
        adds: vec![Added {
            object,
            size: pack.len() as u64,
        }],
        ..Changes::default()
    };
    let parts = [(PartKind::Body, body.as_slice())];
    let record = Record::sign(
        RecordKind::Snapshot,
        link,
        changes,
        &parts,
        &identity.signer,
    );
    replica.put_record(&record).unwrap();
}

#[test]
fn directories_without_end_are_damage() {
    let world = World::new(1);
    forge(&world);
    let replica = world.setup.replica(&world.setup.stores[0]);
    let ring = world.setup.identity.ring.clone();
    let mut problems = Vec::new();
    let replicas = Replicas::new(vec![replica]).unwrap();
    let archive = Archive::with_key_ring(replicas, ring, &mut problems).unwrap();
    assert_eq!(problems.len(), 1, "the index is named");
    let info = archive.latest().unwrap().unwrap();
    let (mut seen, mut damaged) = (0, Vec::new());
    walk_snapshot::<ReadError>(
        &archive,
        &info.snapshot,
        &mut |_, _| {
            seen += 1;
            Ok(())
        },
        &mut |path, error| {
            damaged.push((path.len(), error.to_string()));
            Ok(())
        },
    )
    .unwrap();
    assert_eq!(seen, DEPTH_MAX + 1);
    assert_eq!(damaged.len(), 1);
    assert!(damaged[0].1.contains("one in the other"), "{damaged:?}");

    let report = world.setup.verify(0);
    let deep = |(_, what): &(String, String)| what.contains("one in the other");
    assert!(report.damage.iter().any(deep), "{:?}", report.damage);

    // Restoring goes as deep as directories can be opened, and comes back.
    let restore = std::thread::Builder::new().stack_size(256 << 20);
    let handle = restore.spawn(move || {
        let target = fast_folder();
        let summary = restore_to(&archive, &info, target.path());
        assert!(summary.damaged + summary.failed > 0);
    });
    handle.unwrap().join().unwrap();
}
