//! The content of one file.

use std::io::Write;

use strongroom_crypto::keys::ChunkKind;
use strongroom_format::body::Snapshot;
use strongroom_format::tree::Node;
use strongroom_read::{Archive, Piece};

use crate::AgentError;
use crate::look::tree::lookup;

/// Zero bytes that are written at a time for a hole.
static ZEROS: [u8; 65_536] = [0; 65_536];

/// Writes the content of a file; holes become zero bytes.
pub fn dump(
    archive: &Archive,
    snapshot: &Snapshot,
    name: &str,
    path: &[u8],
    out: &mut dyn Write,
) -> Result<(), AgentError> {
    let shown = || String::from_utf8_lossy(path).into_owned();
    let found = lookup(archive, snapshot, path)?;
    let found = found.ok_or_else(|| AgentError::NoSuchPath {
        path: shown(),
        snapshot: name.to_owned(),
    })?;
    let Node::File { content } = &found.entry.node else {
        return Err(AgentError::NotAFile { path: shown() });
    };
    archive.read_content(ChunkKind::Data, content, &mut |piece| match piece {
        Piece::Data(bytes) => out.write_all(bytes).map_err(AgentError::Output),
        Piece::Hole(len) => write_zeros(out, len),
    })
}

fn write_zeros(out: &mut dyn Write, mut len: u64) -> Result<(), AgentError> {
    while len > 0 {
        let part = usize::try_from(len).unwrap_or(usize::MAX).min(ZEROS.len());
        out.write_all(&ZEROS[..part]).map_err(AgentError::Output)?;
        len -= part as u64;
    }
    Ok(())
}
