//! Whether two folders are one, or one lies in the other: by device and number, whatever their names. A link and a bind mount
//! are other names of one folder.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use strongroom_store::bounded::within;

use crate::backup::CALL_BOUND;

/// Device and number of a folder.
type Identity = (u64, u64);

/// How a folder lies to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// Both are one.
    Same,
    /// It lies in the other one.
    Inside,
    /// It holds the other one.
    Around,
}

/// Says how a folder, which need not be there yet, lies to another one; `None` where they are apart, or where the other one is
/// not there or does not answer.
pub(crate) fn overlap(folder: &Path, other: &Path) -> Option<Overlap> {
    let (folder, other) = (folder.to_owned(), other.to_owned());
    within(CALL_BOUND, move || compare(&folder, &other)).flatten()
}

fn compare(folder: &Path, other: &Path) -> Option<Overlap> {
    let theirs = identity(other)?;
    let own = identity(folder);
    if own == Some(theirs) {
        return Some(Overlap::Same);
    }
    if above(folder).any(|above| above == theirs) {
        return Some(Overlap::Inside);
    }
    let own = own?;
    above(other)
        .any(|above| above == own)
        .then_some(Overlap::Around)
}

/// Returns the identities of a folder, where it is there, and of all above it.
fn above(folder: &Path) -> impl Iterator<Item = Identity> {
    let mut there = folder.ancestors().map(Path::canonicalize);
    let there = there.find_map(Result::ok).unwrap_or_default();
    let above: Vec<PathBuf> = there.ancestors().map(Path::to_owned).collect();
    above.into_iter().filter_map(|path| identity(&path))
}

/// Returns device and number of a folder, links followed.
fn identity(path: &Path) -> Option<Identity> {
    let found = path.metadata().ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_compared_by_what_they_are() {
        let place = tempfile::tempdir().unwrap();
        let path = |below: &str| place.path().join(below);
        std::fs::create_dir_all(path("a/b")).unwrap();
        std::fs::create_dir(path("ab")).unwrap();
        std::os::unix::fs::symlink(path("a"), path("link")).unwrap();
        let check = |folder: &str, other: &str| overlap(&path(folder), &path(other));
        assert_eq!(check("link", "a"), Some(Overlap::Same));
        assert_eq!(check("a/../a/b/..", "a"), Some(Overlap::Same));
        assert_eq!(check("link/b", "a"), Some(Overlap::Inside));
        assert_eq!(check("link/not/there", "a"), Some(Overlap::Inside));
        assert_eq!(check("a", "link/b"), Some(Overlap::Around));
        assert_eq!(check("ab", "a"), None);
        assert_eq!(check("a", "not-there"), None);
    }
}
