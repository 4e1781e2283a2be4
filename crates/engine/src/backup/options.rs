//! What is to be backed up, and what is not.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use strongroom_base::wire::Put as _;
use strongroom_crypto::hash::hash;
use strongroom_format::limits::{LABEL_LEN_MAX, PROGRAM_LEN_MAX, ROOTS_MAX, TAGS_MAX};

use super::hints::Hints;
use crate::error::EngineError;

/// What is to be backed up.
#[derive(Clone, Debug, Default)]
pub struct BackupOptions {
    /// Absolute paths, none below another.
    pub roots: Vec<PathBuf>,
    /// Paths below a root that were named as well: they are backed up though patterns or file systems leave them out.
    pub named: Vec<PathBuf>,
    /// What is left out.
    pub excludes: Excludes,
    /// Folders that are never entered, whatever the roots: the profile, and destinations that may hang.
    pub never: Vec<PathBuf>,
    /// Folders that are destinations: archives that lie there are left out, and nothing else.
    pub destinations: Vec<PathBuf>,
    /// Device and inode of those of them that must not be asked, since they may hang. Where they were never found out, the path
    /// alone counts.
    pub identities: BTreeMap<PathBuf, Option<(u64, u64)>>,
    /// Tags of the snapshot.
    pub tags: Vec<String>,
    /// The name of the computer.
    pub host: Vec<u8>,
    /// The program and its version.
    pub program: String,
    /// Whether directories of other file systems than their root's are left out.
    pub one_file_system: bool,
    /// What may have changed since the last snapshot, where something watched; none where everything may have. Where the
    /// catalogue does not know all of what the options name, everything is looked at all the same.
    pub hints: Option<Hints>,
}

impl BackupOptions {
    /// Returns what tells whether the last snapshot looked at the same, and left the same out.
    pub(super) fn coverage(&self) -> [u8; 32] {
        let mut bytes = vec![u8::from(self.one_file_system)];
        let paths = |paths: &[PathBuf]| {
            let mut paths: Vec<Vec<u8>> = paths
                .iter()
                .map(|path| path.as_os_str().as_bytes().to_vec())
                .collect();
            paths.sort_unstable();
            paths
        };
        let patterns = self.excludes.patterns.iter();
        let patterns = patterns.map(|pattern| pattern.as_bytes().to_vec());
        for list in [
            paths(&self.roots),
            paths(&self.named),
            paths(&self.never),
            paths(&self.destinations),
            patterns.collect(),
        ] {
            bytes.put_count(list.len());
            for item in list {
                bytes.put_bytes(&item);
            }
        }
        hash(&bytes)
    }

    /// Refuses what no snapshot can hold.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        let too_many = |what, count: usize, max| {
            (count > max)
                .then_some(EngineError::TooMany { what, count, max })
                .map_or(Ok(()), Err)
        };
        too_many("paths", self.roots.len(), ROOTS_MAX)?;
        too_many("tags", self.tags.len(), TAGS_MAX)?;
        for tag in &self.tags {
            too_many("bytes in a tag", tag.len(), LABEL_LEN_MAX)?;
        }
        too_many(
            "bytes in the name of the computer",
            self.host.len(),
            LABEL_LEN_MAX,
        )?;
        too_many(
            "bytes in the name of the program",
            self.program.len(),
            PROGRAM_LEN_MAX,
        )
    }
}

/// Patterns of what is left out.
///
/// A pattern with a `/` is matched against the whole path, another one against each name. `*` does not
/// match `/`, `**` does.
#[derive(Clone, Debug, Default)]
pub struct Excludes {
    patterns: Vec<String>,
    paths: GlobSet,
    names: GlobSet,
    is_empty: bool,
}

impl Excludes {
    /// Reads patterns.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, EngineError> {
        let (mut paths, mut names) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let mut is_empty = true;
        let mut all = Vec::new();
        for pattern in patterns {
            all.push(pattern.to_owned());
            let failed = |source| EngineError::Pattern {
                pattern: pattern.to_owned(),
                source,
            };
            let plain = pattern.strip_suffix('/').unwrap_or(pattern);
            let whole = match plain {
                path if path.starts_with('/') => Some(path.to_owned()),
                path if path.contains('/') => Some(format!("**/{path}")),
                _ => None,
            };
            let glob = GlobBuilder::new(whole.as_deref().unwrap_or(plain))
                .literal_separator(true)
                .build()
                .map_err(failed)?;
            if whole.is_some() {
                paths.add(glob)
            } else {
                names.add(glob)
            };
            is_empty = false;
        }
        let failed = |source| EngineError::Pattern {
            pattern: String::new(),
            source,
        };
        Ok(Self {
            patterns: all,
            paths: paths.build().map_err(failed)?,
            names: names.build().map_err(failed)?,
            is_empty,
        })
    }

    /// Says whether a path is left out.
    pub fn matches(&self, path: &Path, name: &Path) -> bool {
        !self.is_empty && (self.names.is_match(name) || self.paths.is_match(path))
    }

    /// Says whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.is_empty || (self.names.is_empty() && self.paths.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: bool) {
        let excludes = Excludes::new([pattern]).unwrap();
        let path = Path::new(path);
        assert_eq!(
            excludes.matches(path, Path::new(path.file_name().unwrap())),
            expected
        );
    }

    #[test]
    fn patterns_match_names_or_paths() {
        check("*.o", "/src/a.o", true);
        check("*.o", "/src/a.oo", false);
        check("target", "/src/target", true);
        check("target/", "/src/target", true);
        check("/src/*", "/src/a", true);
        check("/src/*", "/src/a/b", false);
        check("/src/**", "/src/a/b", true);
        check("cache/*.tmp", "/home/x/cache/a.tmp", true);
        check("cache/*.tmp", "/home/x/a.tmp", false);
        assert!(Excludes::new(["a["]).is_err());
    }
}
