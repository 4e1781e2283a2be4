//! Large files are cut by several threads as one thread would cut them.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod common;

use std::os::unix::fs::FileExt;
use std::sync::Arc;

use common::{Setup, differences, noise, write};
use strongroom_crypto::chunker::Chunker;
use strongroom_crypto::keys::ChunkKind;
use strongroom_crypto::suite::Suite;
use strongroom_format::content::ChunkId;
use strongroom_store::Memory;

/// Content whose boundaries are found in every way: noise, and stretches without any candidate.
fn content() -> Vec<u8> {
    let mut content = noise(1, 9_000_000);
    content.extend(std::iter::repeat_n(7, 5_100_000));
    content.extend(noise(2, 8_000_001));
    content.extend(std::iter::repeat_n(0, 3_000_000));
    content.extend(noise(3, 70_000));
    content
}

#[test]
fn the_chunks_are_those_of_one_thread() {
    let source = tempfile::tempdir().unwrap();
    write(&source.path().join("large"), &content());
    // Two stretches of data in one file, and what a level of less effort compresses.
    let sparse = std::fs::File::create(source.path().join("sparse")).unwrap();
    sparse.set_len(120 << 20).unwrap();
    sparse.write_all_at(&noise(4, 17 << 20), 0).unwrap();
    sparse.write_all_at(&noise(5, 20 << 20), 64 << 20).unwrap();
    let setup = Setup::new(Suite::Aes256, vec![Arc::new(Memory::new())]);
    setup.backup(source.path()).unwrap();

    let (archive, _) = setup.open(0).unwrap();
    let keys = &setup.identity.ring.dedup;
    let chunker = Chunker::new(keys.chunker.expose_bytes());
    let stretches = [content(), noise(4, 17 << 20), noise(5, 20 << 20)];
    for stretch in &stretches {
        let mut rest = &stretch[..];
        while !rest.is_empty() {
            let len = chunker.first_cut(rest, 0).unwrap_or(rest.len());
            let id = ChunkId(keys.chunk_id(ChunkKind::Data, &rest[..len]));
            let at = stretch.len() - rest.len();
            let found = archive.index().find(&id.prefix()).unwrap();
            assert!(found.is_some(), "no chunk of {len} bytes at {at}");
            rest = &rest[len..];
        }
    }
    let target = tempfile::tempdir().unwrap();
    setup.restore_latest(0, target.path());
    assert_eq!(differences(source.path(), target.path()), "");
}
