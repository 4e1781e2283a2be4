//! Where a destination is: the text of a URL, understood.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use strongroom_store::{Folder, Store, StoreError};

use crate::AgentError;

/// The schemes that a later version has.
const SCHEMES_LATER: [&str; 6] = ["s3", "sftp", "ssh", "http", "https", "strongroom"];

/// Where a destination is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder of this computer.
    Folder(PathBuf),
}

impl Location {
    /// Understands a path, which may be relative to `current`, or a URL.
    pub fn parse(text: &str, current: &Path) -> Result<Self, AgentError> {
        let bad = |why| AgentError::BadUrl {
            url: text.to_owned(),
            why,
        };
        if text.is_empty() {
            return Err(bad("it is empty"));
        }
        if text.contains('\0') {
            return Err(bad("it holds a NUL character"));
        }
        if let Some(rest) = text.strip_prefix("file:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let path = path
                .strip_prefix("localhost/")
                .map_or_else(|| path.to_owned(), |below| format!("/{below}"));
            if !path.starts_with('/') {
                return Err(bad(
                    "a file URL has three slashes and a path, as file:///mnt/disk",
                ));
            }
            let path = percent_decode_str(&path).decode_utf8();
            let path = path.map_err(|_| bad("its path is not UTF-8"))?;
            // `file:////mnt` and `file:///mnt/` name the folder /mnt as well.
            return Ok(Self::Folder(normalize(Path::new(path.as_ref()))));
        }
        if let Some((scheme, _)) = text.split_once(':')
            && SCHEMES_LATER.contains(&scheme)
        {
            return Err(AgentError::SchemeNotYet {
                scheme: scheme.to_owned(),
            });
        }
        if text.contains("://") {
            return Err(bad("its scheme is not known"));
        }
        Ok(Self::Folder(normalize(&current.join(text))))
    }

    /// Returns the text for the settings.
    pub fn to_url(&self) -> Result<String, AgentError> {
        let Self::Folder(path) = self;
        let text = path.to_str().ok_or_else(|| AgentError::BadUrl {
            url: path.display().to_string(),
            why: "its path is not UTF-8",
        })?;
        Ok(text.to_owned())
    }

    /// Opens the destination, which must be there.
    pub fn open(&self) -> Result<Arc<dyn Store>, StoreError> {
        let Self::Folder(path) = self;
        match Folder::open(path) {
            Ok(folder) => Ok(Arc::new(folder)),
            Err(error) => Err(error),
        }
    }

    /// Opens the destination and makes it if need be.
    pub fn create(&self) -> Result<Arc<dyn Store>, StoreError> {
        let Self::Folder(path) = self;
        Ok(Arc::new(Folder::create(path)?))
    }
}

/// Drops `.` and doubled slashes; `..` stays, because links make it mean something else.
fn normalize(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(text: &str) -> String {
        match Location::parse(text, Path::new("/here")) {
            Ok(Location::Folder(path)) => path.display().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn paths_and_file_urls_are_folders() {
        assert_eq!(folder("/mnt/disk"), "/mnt/disk");
        assert_eq!(folder("disk/./a//b/"), "/here/disk/a/b");
        assert_eq!(folder("../disk"), "/here/../disk");
        assert_eq!(folder("file:///mnt/my%20disk"), "/mnt/my disk");
        assert_eq!(folder("file://localhost/mnt"), "/mnt");
        assert_eq!(folder("file:////mnt//disk/"), "/mnt/disk");
        assert_eq!(folder("a:b"), "/here/a:b");
    }

    #[test]
    fn what_this_version_does_not_have_is_refused() {
        insta::assert_snapshot!(folder("s3://bucket/prefix"), @"destinations with `s3:` are not yet in this version");
        insta::assert_snapshot!(folder("sftp://host/path"), @"destinations with `sftp:` are not yet in this version");
        insta::assert_snapshot!(folder("gopher://host"), @"`gopher://host` is not a destination: its scheme is not known");
        insta::assert_snapshot!(folder("memory://x"), @"`memory://x` is not a destination: its scheme is not known");
        insta::assert_snapshot!(folder("file://host/path"), @"`file://host/path` is not a destination: a file URL has three slashes and a path, as file:///mnt/disk");
        insta::assert_snapshot!(folder(""), @"`` is not a destination: it is empty");
    }
}
