//! What of a snapshot is restored, and which folder each part goes to.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use strongroom_format::body::Snapshot;
use strongroom_format::tree::{Entry, Node};
use strongroom_read::Archive;

use super::options::{RestoreOptions, RestorePlace};
use super::place::Folder;
use crate::error::EngineError;
use crate::find::find_path;

/// Something that was asked for, and the folder it goes to.
pub(super) struct Selected {
    pub(super) folder: Folder,
    /// `None` where the contents of a directory go to the folder itself.
    pub(super) name: Option<Vec<u8>>,
    pub(super) entry: Entry,
}

/// Finds what was asked for, and says where it goes.
pub(super) fn select(
    archive: &Archive,
    snapshot: &Snapshot,
    options: &RestoreOptions,
) -> Result<Vec<Selected>, EngineError> {
    let mut found: Vec<(PathBuf, Entry)> = Vec::new();
    if options.paths.is_empty() {
        let roots = snapshot.roots.iter();
        found.extend(roots.map(|root| (to_path(&root.path), root.entry.clone())));
    }
    for path in &options.paths {
        let missing = || EngineError::NotInSnapshot {
            path: to_path(path).display().to_string(),
        };
        let entry = find_path(archive, snapshot, path)?.ok_or_else(missing)?;
        found.push((to_path(path), entry));
    }
    let names: HashSet<_> = found.iter().map(|(path, _)| path.file_name()).collect();
    let distinct = names.len() == found.len();
    let contents_only = options.paths.is_empty() && found.len() == 1;
    Ok(found
        .into_iter()
        .map(|(path, entry)| match &options.place {
            RestorePlace::Original => {
                let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
                let name = path.file_name().map(|name| name.as_bytes().to_vec());
                Selected {
                    folder: Folder {
                        path: folder,
                        below: PathBuf::new(),
                    },
                    name,
                    entry,
                }
            }
            RestorePlace::Folder(target) => {
                let to = |below: &Path| Folder {
                    path: target.clone(),
                    below: below.to_owned(),
                };
                let is_directory = matches!(entry.node, Node::Directory { .. });
                if contents_only && is_directory {
                    return Selected {
                        folder: to(Path::new("")),
                        name: None,
                        entry,
                    };
                }
                let above = path.parent().and_then(|above| above.strip_prefix("/").ok());
                let folder = match above {
                    Some(above) if !distinct => to(above),
                    _ => to(Path::new("")),
                };
                Selected {
                    folder,
                    name: Some(entry.name.clone()),
                    entry,
                }
            }
        })
        .collect())
}

/// Takes raw bytes as a path.
pub(super) fn to_path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
