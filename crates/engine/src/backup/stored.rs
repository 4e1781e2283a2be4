//! What Strongroom itself stores in a folder that is a destination: archives, and what tries a destination out. Everything else
//! there is somebody's, and is backed up.

use strongroom_base::ids::from_hex;
use strongroom_files::Dir;

/// The folder of what tries a destination out.
const PROBE: &[u8] = b"probe";
/// The descriptor of an archive, and the folder of its log.
pub(crate) const OF_ARCHIVES: [&[u8]; 2] = [b"archive", b"log"];

/// Says whether this is the name of an archive in a folder that is a destination, or of what tries it out.
pub(super) fn is_ours(destination: &Dir, name: &[u8]) -> bool {
    let is_id = is_hex(name, 32);
    if !is_id && name != PROBE {
        return false;
    }
    let Ok(folder) = destination.open_child(name) else {
        return false;
    };
    if is_id {
        return is_archive(&folder);
    }
    let is_tried = |name: &[u8]| {
        name.split_last_chunk::<2>()
            .is_some_and(|(id, _)| is_hex(id, 32))
    };
    folder
        .names()
        .is_ok_and(|names| names.iter().all(|found| is_tried(found.name)))
}

/// Says whether a folder holds an archive.
pub(crate) fn is_archive(folder: &Dir) -> bool {
    let mut parts = OF_ARCHIVES.iter();
    parts.any(|name| folder.stat_child(name).is_ok())
}

fn is_hex(name: &[u8], len: usize) -> bool {
    let text = std::str::from_utf8(name)
        .ok()
        .filter(|text| text.len() == len);
    text.and_then(from_hex::<16>).is_some()
}
