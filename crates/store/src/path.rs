//! Names of objects: short relative paths that every kind of destination can hold.

use std::fmt;
use std::str::FromStr;

use crate::StoreError;

/// Most segments in a path.
pub const SEGMENTS_MAX: usize = 4;

/// Longest path in bytes.
pub const PATH_LEN_MAX: usize = 200;

/// What the names of temporary files begin with; no segment of a path does.
pub(crate) const TEMPORARY_PREFIX: &str = "tmp-";

/// The name of an object at a destination, such as `log/1-42`.
///
/// It has one to four segments of lower-case letters, digits, `-` and `.`. A segment begins with a letter
/// or a digit (so `.`, `..` and hidden files are no names) and not with `tmp-`, which marks files that are
/// still being written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectPath(String);

/// The text is not the name of an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the path of an object")]
pub struct ObjectPathError {
    text: String,
}

impl strongroom_base::Classified for ObjectPathError {
    fn class(&self) -> strongroom_base::Class {
        strongroom_base::Class::Caller
    }
}

impl ObjectPath {
    /// Checks a path.
    pub fn new(text: &str) -> Result<Self, ObjectPathError> {
        let segments = text.split('/').count();
        if text.len() > PATH_LEN_MAX || segments > SEGMENTS_MAX || !text.split('/').all(is_segment)
        {
            return Err(ObjectPathError {
                text: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the folder (empty for the root) and the name in it.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }
}

impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ObjectPath {
    type Err = ObjectPathError;

    fn from_str(text: &str) -> Result<Self, ObjectPathError> {
        Self::new(text)
    }
}

/// Returns the folder that a prefix given to [`list`](crate::Store::list) names, without its slash.
pub fn prefix_folder(prefix: &str) -> Result<&str, StoreError> {
    let invalid = || StoreError::InvalidPrefix {
        prefix: prefix.to_owned(),
    };
    if prefix.is_empty() {
        return Ok("");
    }
    let folder = prefix.strip_suffix('/').ok_or_else(invalid)?;
    ObjectPath::new(folder).map_err(|_| invalid())?;
    Ok(folder)
}

/// Says whether `name` can be a segment of a path.
pub(crate) fn is_segment(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && !name.starts_with(TEMPORARY_PREFIX)
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_are_taken() {
        for good in [
            "archive",
            "log/1-42",
            "a/b/c/d",
            "packs/00/0.9-z",
            &"a".repeat(200),
        ] {
            assert_eq!(ObjectPath::new(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(201);
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/..",
            "a/../b",
            ".nfs1",
            "-a",
            "A",
            "a_b",
            "a b",
            "a\0",
            "ä",
            "a\\b",
            "a/b/c/d/e",
            "tmp-1",
            "packs/tmp-1",
            "tmp-1/a",
            &long,
        ] {
            assert!(ObjectPath::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_prefix_is_empty_or_a_folder() {
        assert_eq!(prefix_folder("").unwrap(), "");
        assert_eq!(prefix_folder("packs/00/").unwrap(), "packs/00");
        for bad in ["log", "/", "../", "log//", "tmp-1/"] {
            assert!(prefix_folder(bad).is_err(), "{bad:?}");
        }
    }
}
