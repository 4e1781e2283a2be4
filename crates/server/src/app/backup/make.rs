//! Makes backups.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use strongroom_crypto::seal::{SALT_LEN, Sealer};
use strongroom_custody::ring::KeyId;
use strongroom_db::{Reading, logical, server};

use super::{BackupError, FORMAT, Header, PREFIX, SUFFIX, io_error, key};
use crate::app::{App, Fault, key_ring};

/// The longest first line that is read, in bytes.
const HEADER_LEN_MAX: u64 = 1 << 20;

/// How many sealed bytes are gathered before they are written.
const GATHERED: usize = 1 << 20;

/// Makes a backup in a folder, of one moment, while the server goes on; returns its file.
pub async fn make(app: &App, folder: &Path) -> Result<PathBuf, BackupError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| io_error(folder, source))?;
    let reading = app.database.snapshot().await?;
    let header = header(app, &reading).await?;
    let path = folder.join(format!("{PREFIX}{:012}{SUFFIX}", header.made));
    let new = path.with_extension("new");
    let written = write(app, &reading, &header, &new).await;
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written?;
    let put = || {
        fs::rename(&new, &path)?;
        File::open(folder)?.sync_all()
    };
    put().map_err(|source| io_error(&path, source))?;
    Ok(path)
}

/// Makes the backup that is configured, and removes the oldest where there are too many.
pub async fn make_scheduled(app: &App) -> Result<u64, BackupError> {
    let backups = app.settings.backups.as_ref();
    let Some(backups) = backups.filter(|backups| !backups.every.is_zero()) else {
        return Ok(0);
    };
    make(app, &backups.folder).await?;
    let mut found = list(&backups.folder)?;
    let keep = backups.keep.max(1);
    found.truncate(found.len().saturating_sub(keep));
    for (path, _) in found {
        fs::remove_file(&path).map_err(|source| io_error(&path, source))?;
    }
    Ok(1)
}

/// Returns the backups in a folder, the oldest first, with what stands before them.
pub fn list(folder: &Path) -> Result<Vec<(PathBuf, Header)>, BackupError> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).map_err(|source| io_error(folder, source))?;
    for entry in entries {
        let path = entry.map_err(|source| io_error(folder, source))?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            let file = File::open(&path).map_err(|source| io_error(&path, source))?;
            let mut line = String::new();
            let read = BufReader::new(file.take(HEADER_LEN_MAX)).read_line(&mut line);
            read.map_err(|source| io_error(&path, source))?;
            let header = serde_json::from_str(&line).map_err(|_none| BackupError::NotOne)?;
            found.push((path, header));
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// Tells whether a backup that is kept may need a key.
pub fn need(folder: &Path, key: KeyId) -> Result<bool, BackupError> {
    if !folder.exists() {
        return Ok(false);
    }
    let key = key.to_string();
    Ok(list(folder)?
        .iter()
        .any(|(_, header)| header.keys.contains(&key)))
}

async fn header(app: &App, reading: &Reading) -> Result<Header, BackupError> {
    let known = server::known(reading).await?;
    let ring = key_ring::ring(reading).await?;
    Ok(Header {
        format: FORMAT.to_owned(),
        server: known.server_id,
        epoch: known.epoch.0,
        made: u64::try_from(app.now().0.div_euclid(1_000_000_000)).unwrap_or(0),
        master: app.vault.master_id().to_string(),
        keys: ring
            .keys()
            .iter()
            .map(|entry| entry.id.to_string())
            .collect(),
    })
}

async fn write(
    app: &App,
    reading: &Reading,
    header: &Header,
    path: &Path,
) -> Result<(), BackupError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options
        .open(path)
        .map_err(|source| io_error(path, source))?;
    let mut line = serde_json::to_vec(header).map_err(|_never| BackupError::NotOne)?;
    line.push(b'\n');
    let mut salt = [0; SALT_LEN];
    app.random.fill(&mut salt);
    let mut out = line.clone();
    let mut sealer = Sealer::begin(&key(app)?, &salt, &line, &mut out);
    let mut failed = None;
    let mut take = |line: String| {
        sealer.append(line.as_bytes(), &mut out);
        sealer.append(b"\n", &mut out);
        if out.len() >= GATHERED && failed.is_none() {
            failed = file.write_all(&out).err();
            out.clear();
        }
    };
    logical::dump(reading, &mut take)
        .await
        .map_err(Fault::from)?;
    sealer.finish(&mut out);
    let end = match failed {
        Some(error) => Err(error),
        None => file.write_all(&out).and_then(|()| file.sync_all()),
    };
    end.map_err(|source| io_error(path, source))
}
