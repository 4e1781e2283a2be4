//! Tree chunks and their entries: `spec/archive-v1.md`, section 10.

mod chunker;
mod entry;
mod read;
mod write;

pub use chunker::TreeChunker;
pub use entry::{Entry, Meta, Node, Owner, is_entry_name};
pub use read::Entries;
pub use write::ChunkWriter;

const OWNER: u8 = 1;
const BTIME: u8 = 1 << 1;
const FILE_FLAGS: u8 = 1 << 2;
const XATTRS: u8 = 1 << 3;
const LINK: u8 = 1 << 4;
const UNSETTLED: u8 = 1 << 5;
const FLAGS: u8 = OWNER | BTIME | FILE_FLAGS | XATTRS | LINK | UNSETTLED;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::content::{ChunkId, Content};
    use std::convert::Infallible;
    use std::sync::Arc;
    use strongroom_base::clock::Timestamp;
    use strongroom_crypto::keys::DedupKeys;
    use strongroom_crypto::random::SystemRandom;

    fn entry(name: &str, node: Node) -> Entry {
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
            btime: Some(Timestamp(1_600_000_000_000_000_000)),
            file_flags: 0x40,
            xattrs: vec![(b"user.a".to_vec(), Content::Inline(b"v".to_vec()))],
            link: None,
            unsettled: false,
        };
        Entry {
            name: name.into(),
            meta,
            node,
        }
    }

    fn entries() -> Vec<Entry> {
        let chunk = Content::Chunk {
            len: 600,
            id: ChunkId([4; 32]),
        };
        let mut file = entry(
            "a",
            Node::File {
                content: chunk.clone(),
            },
        );
        file.meta.link = Some(77);
        file.meta.unsettled = true;
        let mut bare = entry("b", Node::Fifo);
        bare.meta.xattrs.clear();
        bare.meta.btime = None;
        bare.meta.file_flags = 0;
        bare.meta.mtime = Timestamp(-1);
        vec![
            file,
            bare,
            entry("c", Node::Directory { tree: chunk }),
            entry(
                "d",
                Node::Symlink {
                    target: b"../x".to_vec(),
                },
            ),
            entry("e", Node::CharDevice { major: 1, minor: 3 }),
            entry(
                "f",
                Node::BlockDevice {
                    major: 8,
                    minor: u32::MAX,
                },
            ),
        ]
    }

    fn encode(entries: &[Entry]) -> Vec<u8> {
        let (mut writer, mut bytes) = (ChunkWriter::default(), Vec::new());
        for entry in entries {
            writer.put(entry, &mut bytes);
        }
        bytes
    }

    #[test]
    fn entries_come_back() {
        let decoded: Result<Vec<_>, _> = Entries::new(&encode(&entries())).collect();
        assert_eq!(decoded.unwrap(), entries());
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Vec<Entry>)) {
        let mut changed = entries();
        edit(&mut changed);
        let decoded: Result<Vec<_>, _> = Entries::new(&encode(&changed)).collect();
        assert!(decoded.is_err());
    }

    #[test]
    fn hostile_entries_are_refused() {
        for name in ["", ".", "..", "a/b", "a\0b", "/"] {
            refused(|e| e[0].name = name.into());
        }
        refused(|e| e.swap(0, 1));
        refused(|e| e[1].name = b"a".to_vec());
        refused(|e| e[2].meta.link = Some(1));
        refused(|e| e[2].meta.unsettled = true);
        refused(|e| e[3].node = Node::Symlink { target: Vec::new() });
        refused(|e| e[0].meta.mode = 0o10_000);
        refused(|e| {
            e[2].node = Node::Directory {
                tree: Content::Inline(vec![1]),
            }
        });
        refused(|e| {
            e[0].meta
                .xattrs
                .push((b"user.a".to_vec(), Content::Inline(vec![])));
        });
    }

    #[test]
    fn one_more_name_changes_one_chunk() {
        let keys = DedupKeys::random(&SystemRandom);
        let chunks = |names: &[String]| {
            let (mut chunker, mut chunks) = (TreeChunker::default(), Vec::new());
            let mut emit = |chunk: &[u8]| -> Result<(), Infallible> {
                chunks.push(chunk.to_vec());
                Ok(())
            };
            for name in names {
                let Ok(()) = chunker.push(&keys, &entry(name, Node::Fifo), &mut emit);
            }
            let Ok(()) = chunker.finish(&mut emit);
            chunks
        };
        let mut names: Vec<String> = (0..20_000).map(|n| format!("name-{n:06}")).collect();
        let before = chunks(&names);
        names.insert(9_000, "name-008999a".to_owned());
        let after = chunks(&names);
        let mean = before.iter().map(Vec::len).sum::<usize>() / before.len();
        assert!((6_000..11_000).contains(&mean), "{mean}");
        let new = after.iter().filter(|chunk| !before.contains(chunk)).count();
        assert!(new <= 2, "{new}");
    }
}
