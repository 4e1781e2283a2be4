//! A directory, named by the root it is below and its path from there.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A directory: the number of its root, and its path below that. The path of the root itself is empty.
///
/// Names are bytes and need not be UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    root: usize,
    path: Vec<u8>,
}

impl Place {
    /// Names the root with this number.
    pub fn of_root(root: usize) -> Self {
        let path = Vec::new();
        Self { root, path }
    }

    /// Names what is at a path below a root, without slashes at its ends.
    pub fn below(root: usize, path: &[u8]) -> Self {
        Self::new(root, path.to_vec())
    }

    pub(crate) fn new(root: usize, path: Vec<u8>) -> Self {
        Self { root, path }
    }

    /// Returns the number of the root, as the roots were listed in the settings.
    pub fn root(&self) -> usize {
        self.root
    }

    /// Returns the path below the root.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.path))
    }

    /// Returns the bytes of the path below the root.
    pub fn bytes(&self) -> &[u8] {
        &self.path
    }

    /// Says whether this is a root.
    pub fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Returns the directory above, unless this is a root.
    pub fn parent(&self) -> Option<Self> {
        let path = parent(&self.path)?.to_vec();
        let root = self.root;
        Some(Self { root, path })
    }

    /// Says whether this is `other` or below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.root == other.root && below(&self.path, &other.path).is_some()
    }

    /// Appends one name, or a path of several.
    pub(crate) fn join(&self, further: &[u8]) -> Self {
        Self::new(self.root, join(&self.path, further))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.root, self.path.escape_ascii())
    }
}

/// Puts two paths together; either may be empty.
pub(crate) fn join(path: &[u8], further: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(path.len() + 1 + further.len());
    joined.extend_from_slice(path);
    if !path.is_empty() && !path.ends_with(b"/") && !further.is_empty() {
        joined.push(b'/');
    }
    joined.extend_from_slice(further);
    joined
}

/// Returns the path above; that of one name is the empty one.
pub(crate) fn parent(path: &[u8]) -> Option<&[u8]> {
    if path.is_empty() {
        return None;
    }
    let slash = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    Some(&path[..slash])
}

/// Returns the last name of a path.
pub(crate) fn name(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|byte| *byte == b'/');
    &path[slash.map_or(0, |slash| slash + 1)..]
}

/// Goes through the path and all above it, the empty one first.
pub(crate) fn way(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let slashes = path
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'/')
        .map(|(at, _)| &path[..at]);
    let whole = (!path.is_empty()).then_some(path);
    std::iter::once(&path[..0]).chain(slashes).chain(whole)
}

/// Returns what follows `top` in `path`, without a slash; `None` where it is not there nor below.
pub(crate) fn below<'a>(path: &'a [u8], top: &[u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(top)?;
    if top.is_empty() || top.ends_with(b"/") || rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(b"/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_apart_and_put_together() {
        assert_eq!(join(b"", b"a"), b"a");
        assert_eq!(join(b"a", b""), b"a");
        assert_eq!(join(b"/", b"a/b"), b"/a/b");
        assert_eq!(parent(b"a/b"), Some(&b"a"[..]));
        assert_eq!(parent(b"a"), Some(&b""[..]));
        assert_eq!(parent(b""), None);
        assert_eq!(name(b"a/b"), b"b");
        assert_eq!(name(b"b"), b"b");
        assert_eq!(way(b"").collect::<Vec<_>>(), [b""]);
        let steps: Vec<_> = way(b"a/b/c").collect();
        assert_eq!(steps, [&b""[..], b"a", b"a/b", b"a/b/c"]);
    }

    #[test]
    fn a_name_that_begins_alike_is_not_below() {
        assert_eq!(below(b"/r/ab", b"/r/a"), None);
        assert_eq!(below(b"/r/a/b", b"/r/a"), Some(&b"b"[..]));
        assert_eq!(below(b"/r/a", b"/r/a"), Some(&b""[..]));
        assert_eq!(below(b"/r", b"/"), Some(&b"r"[..]));
        assert_eq!(below(b"a/b", b""), Some(&b"a/b"[..]));
        assert_eq!(below(b"/r", b"/r/a"), None);
    }
}
