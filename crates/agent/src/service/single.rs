//! A root that is no folder, but a file or a link. The folder that it is in is watched, and what is told of that is compared
//! with the state of the root itself, so that what else is saved there makes no snapshot. How the root is saved does not
//! matter: written in place, or by a new file that takes its name.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use strongroom_base::clock::Timestamp;

/// Two changes within this time may leave the same state.
const RACY_NANOSECONDS: i128 = 2_000_000_000;

/// The roots that are no folders, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Singles(BTreeMap<usize, Single>);

#[derive(Debug)]
struct Single {
    path: PathBuf,
    /// The state that was seen last, and when.
    seen: Option<(State, Timestamp)>,
}

/// What an entry looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Gone,
    There {
        entry: (u64, u64),
        len: u64,
        modified: (i64, i64),
        changed: (i64, i64),
    },
}

impl Singles {
    /// Looks which roots are no folders. One that is not there is taken for a folder.
    pub(super) fn of(roots: &[PathBuf]) -> Self {
        let is_single = |root: &Path| {
            let found = root.symlink_metadata();
            found.is_ok_and(|found| !found.is_dir())
        };
        let numbered = roots.iter().cloned().enumerate();
        let single = |path| Single { path, seen: None };
        let singles = numbered.filter(|(_, root)| is_single(root) && root.parent().is_some());
        Self(
            singles
                .map(|(number, root)| (number, single(root)))
                .collect(),
        )
    }

    /// Returns the folders that are watched for these roots, and their numbers.
    pub(super) fn folders(&self) -> impl Iterator<Item = (usize, PathBuf)> {
        let folder = |single: &Single| single.path.parent().map(Path::to_owned);
        self.0
            .iter()
            .filter_map(move |(number, single)| Some((*number, folder(single)?)))
    }

    /// Returns the path of a root, where it is one of these.
    pub(super) fn path(&self, root: usize) -> Option<&Path> {
        self.0.get(&root).map(|single| &*single.path)
    }

    /// Says whether a root, in whose folder something has changed, may have changed itself; of another root, that it has.
    pub(super) fn may_have_changed(&mut self, root: usize, now: Timestamp) -> bool {
        let Some(single) = self.0.get_mut(&root) else {
            return true;
        };
        let state = state_of(&single.path);
        let is_same = single
            .seen
            .is_some_and(|(seen, at)| seen == state && is_settled(state, at));
        single.seen = Some((state, now));
        !is_same
    }

    /// Finds a root that is a folder now and was none when the watch began, or the other way round: it is not watched as it
    /// has to be.
    pub(super) fn find_other<'r>(&self, roots: &'r [PathBuf]) -> Option<&'r Path> {
        let is_other = |number: usize, root: &Path| {
            let found = root.symlink_metadata();
            found.is_ok_and(|found| found.is_dir() == self.0.contains_key(&number))
        };
        let mut numbered = roots.iter().enumerate();
        let (_, root) = numbered.find(|(number, root)| is_other(*number, root))?;
        Some(root)
    }
}

/// Says whether a state that was seen then tells of every change before.
fn is_settled(state: State, at: Timestamp) -> bool {
    match state {
        State::Gone => true,
        State::There { changed, .. } => {
            let (seconds, nanoseconds) = changed;
            let changed = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
            changed + RACY_NANOSECONDS <= at.0
        }
    }
}

fn state_of(path: &Path) -> State {
    let Ok(found) = path.symlink_metadata() else {
        return State::Gone;
    };
    State::There {
        entry: (found.dev(), found.ino()),
        len: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::Write as _;

    use super::*;

    const LATER: Timestamp = Timestamp(i128::MAX / 2);

    #[test]
    fn only_what_happens_to_the_file_itself_counts() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        File::create(at("file")).unwrap();
        let roots = [folder.path().join("none"), at("file")];
        let mut singles = Singles::of(&roots);
        assert_eq!(
            singles.folders().collect::<Vec<_>>(),
            [(1, folder.path().to_owned())]
        );
        let mut changed = |now| singles.may_have_changed(1, now);
        assert!(changed(LATER), "the first time");
        File::create(at("other")).unwrap();
        assert!(!changed(LATER));
        File::create(at("file")).unwrap().write_all(b"new").unwrap();
        assert!(changed(LATER) && !changed(LATER));
        fs::rename(at("other"), at("file")).unwrap();
        assert!(changed(LATER) && !changed(LATER));
        fs::remove_file(at("file")).unwrap();
        assert!(changed(LATER) && !changed(LATER));
        File::create(at("file")).unwrap();
        // So soon after a change, the state may stay the same with the next one.
        assert!(changed(Timestamp(0)) && changed(Timestamp(0)));
        assert_eq!(singles.find_other(&roots), None);
        fs::remove_file(at("file")).unwrap();
        fs::create_dir(at("file")).unwrap();
        assert_eq!(singles.find_other(&roots), Some(&*at("file")));
    }
}
