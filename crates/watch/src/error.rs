//! Why a watch could not begin.

use std::io;
use std::path::PathBuf;

use strongroom_base::{Class, Classified};

/// Why a watch could not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// A root is not named by an absolute path.
    #[error("`{}` is not an absolute path", path.display())]
    NotAbsolute {
        /// The root.
        path: PathBuf,
    },
    /// A root lies within another one.
    #[error("`{}` is within `{}`", inner.display(), outer.display())]
    Overlap {
        /// The root that is within the other.
        inner: PathBuf,
        /// The other.
        outer: PathBuf,
    },
    /// The operating system did not give what every watch needs.
    #[error("cannot {action}")]
    System {
        /// What was tried.
        action: &'static str,
        /// The answer of the operating system.
        #[source]
        source: io::Error,
    },
}

impl Classified for WatchError {
    fn class(&self) -> Class {
        match self {
            Self::NotAbsolute { .. } | Self::Overlap { .. } => Class::Caller,
            Self::System { .. } => Class::Retry,
        }
    }
}
