//! Why a command failed.

use std::io;
use std::path::PathBuf;

use strongroom_agent::AgentError;
use strongroom_agent::client::{AddressError, ClientError, Pin};
use strongroom_agent::custody::ImportError;
use strongroom_agent::custody::account_password::AccountPasswordError;
use strongroom_agent::custody::audit;
use strongroom_agent::custody::password::PasswordError;
use strongroom_agent::server::ServerError;
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
    /// What was named is not there, or is there more than once.
    #[error("{0}")]
    Named(String),
    /// An export of the audit log is not whole.
    #[error("the export was changed, or is none")]
    Audit(#[from] audit::Fault),
    /// What is to be imported cannot be read.
    #[error("{at} cannot be read")]
    Import {
        /// Which part.
        at: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
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
    /// Takes the failure of a text that names a server.
    pub(crate) fn of_server(error: AddressError) -> Self {
        ClientError::from(error).into()
    }

    /// Returns the fingerprint of the certificate that nobody vouches for, if that is why.
    pub(crate) fn unvouched(&self) -> Option<Pin> {
        match self {
            Self::Agent(AgentError::Server(ServerError::Client(error))) => match &**error {
                ClientError::Unvouched { shown, .. } => Some(*shown),
                _ => None,
            },
            _ => None,
        }
    }

    /// Says whether somebody asked to stop.
    pub(crate) fn is_interruption(&self) -> bool {
        matches!(self, Self::Agent(error) if error.is_interruption())
    }
}

impl Classified for Failure {
    fn class(&self) -> Class {
        match self {
            Self::Agent(error) => error.class(),
            Self::Audit(source) => source.class(),
            Self::Usage(_) | Self::Named(_) | Self::Import { .. } | Self::Input { .. } => {
                Class::Caller
            }
            Self::File { .. }
            | Self::Terminal(_)
            | Self::Output(_)
            | Self::BrokenPipe
            | Self::Signals(_) => Class::Retry,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Agent(error.into())
    }
}

impl From<AccountPasswordError> for Failure {
    fn from(error: AccountPasswordError) -> Self {
        Self::Agent(ServerError::from(error).into())
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
