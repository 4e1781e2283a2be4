//! Lists folders, several at a time.

use std::sync::Arc;

use russh_sftp::client::RawSftpSession;
use russh_sftp::client::error::Error;
use russh_sftp::protocol::StatusCode;
use tokio::task::JoinSet;

use super::failure::{Failure, has_status};
use super::session::Session;
use super::{Kind, kind_of};
use crate::ObjectPath;
use crate::path::is_segment;

/// Folders that are listed at a time.
const FOLDERS_AT_A_TIME: usize = 16;

/// What is in a folder: names, sizes of files, and which are folders.
type Entries = Vec<(String, Option<u64>)>;

/// Returns every object below a folder.
pub(super) async fn list(
    session: &Session,
    folder: &str,
) -> Result<Vec<(ObjectPath, u64)>, Failure> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    let mut running = JoinSet::new();
    loop {
        while running.len() < FOLDERS_AT_A_TIME
            && let Some(folder) = waiting.pop()
        {
            let raw = Arc::clone(&session.raw);
            let at = session.path(&folder);
            running.spawn(async move { (folder, entries(&raw, at).await) });
        }
        let Some(done) = running.join_next().await else {
            return Ok(found);
        };
        let (folder, entries) = done.map_err(|error| Error::IO(error.to_string()))?;
        for (name, size) in entries? {
            let path = match folder.as_str() {
                "" => name,
                folder => format!("{folder}/{name}"),
            };
            match (ObjectPath::new(&path), size) {
                (Ok(path), Some(size)) => found.push((path, size)),
                (Ok(_), None) => waiting.push(path),
                (Err(_), _) => {}
            }
        }
    }
}

/// Returns the files and folders of one folder; nothing where it is not there.
async fn entries(raw: &RawSftpSession, at: String) -> Result<Entries, Error> {
    let handle = match raw.opendir(at).await {
        Err(error) if has_status(&error, StatusCode::NoSuchFile) => return Ok(Vec::new()),
        other => other?.handle,
    };
    let mut found = Vec::new();
    let ended = loop {
        match raw.readdir(handle.as_str()).await {
            Ok(names) => {
                for file in names.files {
                    if !is_segment(&file.filename) {
                        continue;
                    }
                    match kind_of(&file.attrs) {
                        Kind::Folder => found.push((file.filename, None)),
                        Kind::File => found.push((file.filename, file.attrs.size)),
                        Kind::Other => {}
                    }
                }
            }
            Err(error) if has_status(&error, StatusCode::Eof) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    raw.close(handle).await?;
    ended.map(|()| found)
}
