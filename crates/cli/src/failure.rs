//! Why a command failed.

use std::io;
use std::path::PathBuf;

use strongroom_agent::AgentError;
use strongroom_agent::custody::ImportError;
use strongroom_agent::custody::password::PasswordError;
use strongroom_base::{Class, Classified};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The deed failed.
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A file that was named cannot be read.
    #[error("cannot read {}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file that was named cannot be written.
    #[error("cannot write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The terminal gave no answer.
    #[error("cannot read from the terminal")]
    Terminal(#[source] io::Error),
    /// The output cannot be written.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
    /// Whoever read the output has read enough.
    #[error("the output was closed")]
    BrokenPipe,
    /// Signals cannot be listened for.
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

impl Failure {
    /// Says whether somebody asked to stop.
    pub(crate) fn is_interruption(&self) -> bool {
        matches!(self, Self::Agent(error) if error.is_interruption())
    }
}

impl Classified for Failure {
    fn class(&self) -> Class {
        match self {
            Self::Agent(error) => error.class(),
            Self::Usage(_) | Self::Input { .. } => Class::Caller,
            Self::File { .. }
            | Self::Terminal(_)
            | Self::Output(_)
            | Self::BrokenPipe
            | Self::Signals(_) => Class::Retry,
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::Output(error)
    }
}

impl From<PasswordError> for Failure {
    fn from(error: PasswordError) -> Self {
        Self::Agent(error.into())
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Self::Agent(error.into())
    }
}
