//! Restores a backup. What was issued before is void, for nobody knows what became of it since: the server begins a new
//! epoch.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use strongroom_crypto::seal::open;
use strongroom_db::{logical, restrictions, server};

use super::{BackupError, FORMAT, Header, factors, io_error, key};
use crate::app::{App, key_ring, system};

/// What a restore led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, in seconds since 1970.
    pub made: u64,
    /// How many rows there are.
    pub rows: u64,
    /// The epoch from here on.
    pub epoch: u32,
    /// Whether what the replaced database forbade was carried over, and the second factors that its accounts had.
    pub carried_over: bool,
}

/// Restores a backup into a database that is empty, or is to be replaced. No node may serve meanwhile.
pub async fn restore(app: &App, path: &Path, replace: bool) -> Result<Restored, BackupError> {
    let bytes = fs::read(path).map_err(|source| io_error(path, source))?;
    let (header, text) = opened(app, &bytes)?;
    let writing = app.database.set_up().await?;
    let before = server::find(&writing).await?;
    if before.is_some() && !replace {
        return Err(BackupError::InUse);
    }
    let (kept, had) = match &before {
        Some(_) => (
            restrictions::read(&writing).await?,
            factors::read(app, &writing).await?,
        ),
        None => Default::default(),
    };
    let rows = logical::load(&writing, text.lines()).await?;
    restrictions::carry_over(&writing, kept, app.now()).await?;
    let n_factors = factors::put(app, &writing, had).await?;
    let epoch = server::begin_epoch(&writing, before.as_ref()).await?;
    let details = BTreeMap::from([
        ("epoch".to_owned(), epoch.0.to_string()),
        ("backup-of".to_owned(), header.made.to_string()),
        ("second-factors-kept".to_owned(), n_factors.to_string()),
    ]);
    system::record(app, &writing, "server.restored", details).await?;
    writing.commit().await?;
    key_ring::prepare(app).await?;
    Ok(Restored {
        made: header.made,
        rows,
        epoch: epoch.0,
        carried_over: before.is_some(),
    })
}

fn opened(app: &App, bytes: &[u8]) -> Result<(Header, String), BackupError> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, sealed) = bytes.split_at(end.ok_or(BackupError::NotOne)? + 1);
    let header: Header = serde_json::from_slice(line).map_err(|_none| BackupError::NotOne)?;
    if header.format != FORMAT {
        return Err(BackupError::NotOne);
    }
    if header.master != app.vault.master_id().to_string() {
        return Err(BackupError::OtherMaster(header.master));
    }
    let text = open(&key(app)?, line, sealed).map_err(|_changed| BackupError::Damaged)?;
    let text = String::from_utf8(text).map_err(|_changed| BackupError::Damaged)?;
    Ok((header, text))
}
