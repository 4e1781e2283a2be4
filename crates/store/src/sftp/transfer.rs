//! Moves the bytes of files, several pieces at a time, so that a long way does not make it slow.

use std::sync::Arc;

use russh_sftp::client::error::Error;
use russh_sftp::protocol::{FileAttributes, OpenFlags, StatusCode};
use tokio::task::{JoinError, JoinSet};

use super::failure::{Failure, has_status};
use super::session::Session;
use crate::files;
use crate::throttle::{Limit, piece_of, wait_for};

/// Bytes that may be on their way; so many must travel within the time of one answer.
const ON_THE_WAY_MAX: usize = 2 << 20;

/// Writes a file, brings it to the disk where the server can, and closes it.
pub(super) async fn write(
    session: &Session,
    handle: &str,
    bytes: &[u8],
    limit: Option<&Arc<Limit>>,
) -> Result<(), Failure> {
    let written = async {
        write_pieces(session, handle, bytes, limit).await?;
        if session.features.fsync {
            session.raw.fsync(handle).await?;
        }
        Ok(())
    };
    let written: Result<(), Failure> = written.await;
    let closed = session.raw.close(handle).await;
    match written {
        Err(Failure::Sftp(error)) if has_status(&error, StatusCode::Failure) => {
            // The protocol has no code for a disk that is full.
            let free = session.free_bytes().await?;
            if free.is_some_and(|free| free < bytes.len() as u64) {
                return Err(Failure::Full);
            }
            Err(error.into())
        }
        Err(failure) => Err(failure),
        Ok(()) => Ok(closed.map(|_| ())?),
    }
}

async fn write_pieces(
    session: &Session,
    handle: &str,
    bytes: &[u8],
    limit: Option<&Arc<Limit>>,
) -> Result<(), Failure> {
    let len = piece_of(limit, session.piece_len);
    let mut running = JoinSet::new();
    let mut offset = 0;
    for piece in bytes.chunks(len) {
        if running.len() * len >= ON_THE_WAY_MAX {
            finished(running.join_next().await)?;
        }
        tokio::time::sleep(wait_for(limit, piece.len())).await;
        let (raw, handle, data) = (Arc::clone(&session.raw), handle.to_owned(), piece.to_vec());
        running.spawn(async move { raw.write(handle, offset, data).await });
        offset += piece.len() as u64;
    }
    while let Some(done) = running.join_next().await {
        finished(Some(done))?;
    }
    Ok(())
}

/// Reads exactly `len` bytes of a file.
pub(super) async fn read(
    session: &Session,
    at: &str,
    offset: u64,
    len: usize,
    limit: Option<&Arc<Limit>>,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = files::room_for(len).map_err(|_| Failure::Lacks("a size that fits"))?;
    bytes.resize(len, 0);
    if len == 0 {
        return Ok(bytes);
    }
    let open = session
        .raw
        .open(at, OpenFlags::READ, FileAttributes::default());
    let handle = open.await?.handle;
    let read = read_pieces(session, &handle, offset, &mut bytes, limit).await;
    let closed = session.raw.close(handle).await;
    read?;
    closed?;
    Ok(bytes)
}

async fn read_pieces(
    session: &Session,
    handle: &str,
    offset: u64,
    bytes: &mut [u8],
    limit: Option<&Arc<Limit>>,
) -> Result<(), Failure> {
    let piece = piece_of(limit, session.piece_len);
    let mut running = JoinSet::new();
    let mut next = 0;
    loop {
        while next < bytes.len() && running.len() * piece < ON_THE_WAY_MAX {
            let len = piece.min(bytes.len() - next);
            tokio::time::sleep(wait_for(limit, len)).await;
            let (raw, handle) = (Arc::clone(&session.raw), handle.to_owned());
            running.spawn(read_piece(raw, handle, offset, next, len));
            next += len;
        }
        let Some(done) = running.join_next().await else {
            return Ok(());
        };
        let (start, data) = finished(Some(done))?.ok_or(Failure::Short)?;
        bytes[start..start + data.len()].copy_from_slice(&data);
    }
}

/// Reads a piece whole; servers may give less than was asked for.
async fn read_piece(
    raw: Arc<russh_sftp::client::RawSftpSession>,
    handle: String,
    offset: u64,
    start: usize,
    len: usize,
) -> Result<Option<(usize, Vec<u8>)>, Error> {
    let mut piece = Vec::with_capacity(len);
    while piece.len() < len {
        let left = u32::try_from(len - piece.len()).unwrap_or(u32::MAX);
        let at = offset + (start + piece.len()) as u64;
        match raw.read(handle.as_str(), at, left).await {
            Ok(data) if data.data.is_empty() || data.data.len() > left as usize => return Ok(None),
            Ok(data) => piece.extend_from_slice(&data.data),
            Err(error) if has_status(&error, StatusCode::Eof) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some((start, piece)))
}

/// Takes the result of a piece; tasks neither panic nor are they given up.
fn finished<T>(done: Option<Result<Result<T, Error>, JoinError>>) -> Result<T, Failure> {
    match done {
        Some(Ok(result)) => Ok(result?),
        Some(Err(error)) => Err(Error::IO(error.to_string()).into()),
        None => Err(Failure::Short),
    }
}
