//! Stores objects: under a temporary name first, and then in one step under their own.

use russh_sftp::client::error::Error;
use russh_sftp::protocol::{OpenFlags, StatusCode};
use strongroom_base::ids::to_hex;

use super::failure::{Failure, has_status};
use super::session::Session;
use super::{FILE_MODE, Sftp, transfer, with_mode};
use crate::path::TEMPORARY_PREFIX;
use crate::{ObjectPath, PutOutcome};

/// The mode of folders that are made.
const FOLDER_MODE: u32 = 0o700;

/// Bytes of randomness in the name of a temporary file.
const TEMPORARY_RANDOM_LEN: usize = 16;

impl Sftp {
    pub(super) async fn put(
        &self,
        session: &Session,
        path: &ObjectPath,
        bytes: &[u8],
    ) -> Result<PutOutcome, Failure> {
        let (folder, _) = path.split();
        let at = session.path(path.as_str());
        let dir = session.path(folder);
        let outcome = if is_there(session, &at).await? {
            PutOutcome::AlreadyThere
        } else {
            let temporary = format!("{dir}/{}", self.temporary_name());
            let handle = self.create_in(session, folder, &temporary).await?;
            let put = async {
                let limit = self.options.limits.upload.as_ref();
                transfer::write(session, &handle, bytes, limit).await?;
                publish(session, &temporary, &at).await
            };
            let put = put.await;
            if put.is_err() {
                // What cannot be removed now stays under a name that nobody reads.
                let _ = session.raw.remove(temporary.as_str()).await;
            }
            put?
        };
        session.sync_folder(&dir).await?;
        Ok(outcome)
    }

    /// Makes a temporary file, and the folders above it if they are not there.
    async fn create_in(
        &self,
        session: &Session,
        folder: &str,
        temporary: &str,
    ) -> Result<String, Failure> {
        let create = || {
            let flags = OpenFlags::CREATE | OpenFlags::EXCLUDE | OpenFlags::WRITE;
            session.raw.open(temporary, flags, with_mode(FILE_MODE))
        };
        let known = self.known_folders().contains(folder);
        if known {
            match create().await {
                Err(error) if has_status(&error, StatusCode::NoSuchFile) => {}
                other => return Ok(other?.handle),
            }
        }
        // The root is never made here: where it is missing, another disk may be below.
        session.raw.stat(session.root.as_str()).await?;
        make_folders(session, &session.root, folder).await?;
        self.known_folders().insert(folder.to_owned());
        Ok(create().await?.handle)
    }

    fn temporary_name(&self) -> String {
        let mut random = [0; TEMPORARY_RANDOM_LEN];
        self.random.fill(&mut random);
        format!("{TEMPORARY_PREFIX}{}", to_hex(&random))
    }
}

/// Gives a temporary file its own name, unless something has that name.
async fn publish(session: &Session, temporary: &str, at: &str) -> Result<PutOutcome, Failure> {
    let published = if session.features.hardlink {
        session.raw.hardlink(temporary, at).await
    } else if session.rename_refuses().await? {
        session.raw.rename(temporary, at).await
    } else {
        return Err(Failure::Replaces);
    };
    match published {
        Ok(_) if session.features.hardlink => {
            session.raw.remove(temporary).await?;
            Ok(PutOutcome::Stored)
        }
        Ok(_) => Ok(PutOutcome::Stored),
        Err(error) => {
            if is_there(session, at).await? {
                session.raw.remove(temporary).await?;
                return Ok(PutOutcome::AlreadyThere);
            }
            Err(error.into())
        }
    }
}

async fn is_there(session: &Session, at: &str) -> Result<bool, Failure> {
    match session.raw.lstat(at).await {
        Ok(_) => Ok(true),
        Err(error) if has_status(&error, StatusCode::NoSuchFile) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Makes the folders of a path below another one.
pub(super) async fn make_folders(session: &Session, below: &str, path: &str) -> Result<(), Error> {
    let mut at = below.to_owned();
    if below.is_empty() && path.starts_with('/') {
        at.push('/');
    }
    for name in path.split('/').filter(|name| !name.is_empty()) {
        let parent = at.clone();
        if !at.is_empty() && !at.ends_with('/') {
            at.push('/');
        }
        at.push_str(name);
        match session.raw.lstat(at.as_str()).await {
            Err(error) if has_status(&error, StatusCode::NoSuchFile) => {}
            other => {
                other?;
                continue;
            }
        }
        match session.raw.mkdir(at.as_str(), with_mode(FOLDER_MODE)).await {
            // Another writer may have been faster.
            Err(error) if session.raw.lstat(at.as_str()).await.is_err() => return Err(error),
            _ => {}
        }
        if !parent.is_empty() {
            session.sync_folder(&parent).await?;
        }
    }
    Ok(())
}
