//! What can go wrong in a session, and which error of a store that is.

use std::io;

use russh_sftp::client::error::Error;
use russh_sftp::protocol::StatusCode;

use crate::StoreError;

/// What `ssh` says when nobody but the user can help.
const REFUSALS: [(&str, &str); 6] = [
    (
        "Host key verification failed",
        "its host key is not known; connect once with `ssh`, and compare the key",
    ),
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key has changed; find out why before you go on",
    ),
    (
        "Permission denied",
        "no key or agent of yours opens it without asking",
    ),
    (
        "Bad configuration option",
        "the settings of `ssh` are wrong",
    ),
    (
        "Can't open user config file",
        "the settings of `ssh` are not there",
    ),
    ("subsystem request failed", "it has no SFTP"),
];

/// What went wrong.
#[derive(Debug)]
pub(super) enum Failure {
    /// The session, or a deed in it.
    Sftp(Error),
    /// No connection came about; what `ssh` said.
    NotConnected(String),
    /// `ssh` cannot be run.
    NoSsh(io::Error),
    /// It is not a regular file.
    NotRegular,
    /// It is not a folder.
    NotAFolder,
    /// The server does not say something.
    Lacks(&'static str),
    /// A file ended before it should.
    Short,
    /// The destination is full.
    Full,
    /// The server has no way to give a name that is not taken away from another file.
    Replaces,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sftp(error)
    }
}

/// Says whether a server answered with this.
pub(super) fn has_status(error: &Error, code: StatusCode) -> bool {
    matches!(error, Error::Status(status) if status.status_code == code)
}

impl Failure {
    /// Says whether the session is of no more use.
    pub(super) fn ends_session(&self) -> bool {
        match self {
            Self::Sftp(Error::Status(status)) => matches!(
                status.status_code,
                StatusCode::NoConnection | StatusCode::ConnectionLost | StatusCode::BadMessage
            ),
            Self::Sftp(_) | Self::NotConnected(_) => true,
            _ => false,
        }
    }

    /// Names the failure for the callers of a store.
    pub(super) fn named(self, host: &str, op: &'static str, path: &str) -> StoreError {
        let path = path.to_owned();
        let io = |source| StoreError::Io {
            op,
            path: path.clone(),
            source,
        };
        let refused = |why: String| StoreError::Refused {
            server: host.to_owned(),
            op,
            path: path.clone(),
            why,
        };
        match self {
            Self::NotRegular => StoreError::NotAnObject { path },
            Self::NotAFolder => refused("it is not a folder".to_owned()),
            Self::Lacks(what) => io(io::Error::other(format!("the server does not tell {what}"))),
            Self::Short => io(io::ErrorKind::UnexpectedEof.into()),
            Self::Full => StoreError::Full {
                path,
                source: io::ErrorKind::StorageFull.into(),
            },
            Self::Replaces => refused("it can only replace files, not create them safely".into()),
            Self::NoSsh(source) => refused(format!("`ssh` cannot be run: {source}")),
            Self::NotConnected(said) => {
                let known = REFUSALS.iter().find(|(sign, _)| said.contains(sign));
                if let Some((_, why)) = known {
                    return refused(format!("{why} (ssh: {})", last_line(&said)));
                }
                StoreError::Gone {
                    path: host.to_owned(),
                    source: io::Error::other(last_line(&said).to_owned()),
                }
            }
            Self::Sftp(Error::Status(status)) => match status.status_code {
                StatusCode::NoSuchFile => StoreError::NotFound { path },
                StatusCode::PermissionDenied => StoreError::Denied {
                    op,
                    path,
                    source: io::ErrorKind::PermissionDenied.into(),
                },
                _ => io(io::Error::other(Error::Status(status))),
            },
            Self::Sftp(error) => io(error.into()),
        }
    }
}

fn last_line(said: &str) -> &str {
    let mut lines = said.lines().map(str::trim);
    lines
        .rfind(|line| !line.is_empty())
        .unwrap_or("ssh ended without a word")
}

#[cfg(test)]
mod tests {
    use strongroom_base::{Class, Classified as _};

    use super::*;

    #[test]
    fn what_only_the_user_can_mend_is_not_tried_again() {
        let error = |said: &str| Failure::NotConnected(said.to_owned()).named("nas", "open", "/x");
        for said in [
            "No ED25519 host key is known for nas\nHost key verification failed.\n",
            "me@nas: Permission denied (publickey).\n",
        ] {
            let error = error(said);
            assert_eq!(error.class(), Class::Caller, "{error}");
            assert!(!error.is_transient());
        }
        for said in ["ssh: connect to host nas port 22: Connection refused\n", ""] {
            let error = error(said);
            assert_eq!(error.class(), Class::Retry, "{error}");
            assert!(error.is_transient());
        }
    }
}
