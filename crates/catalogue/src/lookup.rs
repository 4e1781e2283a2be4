//! Looks up what the last snapshot saw.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension, params};
use strongroom_base::clock::Timestamp;

use crate::directory::{DirectoryRow, Local, PageEntry, decode_page, page_has};
use crate::error::CatalogueError;
use crate::store::database_error;

/// Looks directories up; each thread has its own.
pub struct Lookup {
    pub(crate) connection: Connection,
    pub(crate) database: PathBuf,
}

/// A name of a file with several names, as the last snapshot saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRow {
    /// The directory.
    pub path: Vec<u8>,
    /// The name in it.
    pub name: Vec<u8>,
    /// What tells that it is still the same.
    pub local: Local,
}

impl Lookup {
    /// Returns what is known of the directory at `path`.
    pub fn directory(&self, path: &[u8]) -> Result<Option<DirectoryRow>, CatalogueError> {
        let failed = database_error(&self.database);
        let mut statement = self
            .connection
            .prepare_cached("SELECT row FROM directory WHERE path = ?1")
            .map_err(&failed)?;
        let row: Option<Vec<u8>> = statement
            .query_row(params![path], |row| row.get(0))
            .optional()
            .map_err(&failed)?;
        // What cannot be read is not known: the directory is listed and its files are read.
        Ok(row.and_then(|row| DirectoryRow::decode(&row).ok()))
    }

    /// Returns the directories that had these numbers, with their paths: more than one where something is mounted twice.
    pub fn directories_of(
        &self,
        dev: u64,
        ino: u64,
    ) -> Result<Vec<(Vec<u8>, DirectoryRow)>, CatalogueError> {
        let failed = database_error(&self.database);
        let mut statement = self
            .connection
            .prepare_cached("SELECT path, row FROM directory WHERE dev = ?1 AND ino = ?2 LIMIT 8")
            .map_err(&failed)?;
        let numbers = params![dev.cast_signed(), ino.cast_signed()];
        let rows = statement
            .query_map(numbers, |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(&failed)?;
        let mut found = Vec::new();
        for row in rows {
            let (path, row): (Vec<u8>, Vec<u8>) = row.map_err(&failed)?;
            found.extend(DirectoryRow::decode(&row).ok().map(|row| (path, row)));
        }
        Ok(found)
    }

    /// Returns the entries that are names of files with several names, at most `max`; `None` where there are more.
    pub fn links(&self, max: usize) -> Result<Option<Vec<LinkRow>>, CatalogueError> {
        let failed = database_error(&self.database);
        let mut statement = self
            .connection
            .prepare_cached("SELECT path, name, ino, size, ctime FROM link LIMIT ?1")
            .map_err(&failed)?;
        let limit = i64::try_from(max + 1).unwrap_or(i64::MAX);
        let rows = statement
            .query_map(params![limit], |row| {
                let ctime: [u8; 16] = row.get(4)?;
                Ok(LinkRow {
                    path: row.get(0)?,
                    name: row.get(1)?,
                    local: Local {
                        ino: row.get::<_, i64>(2)?.cast_unsigned(),
                        size: row.get::<_, i64>(3)?.cast_unsigned(),
                        ctime: Timestamp(i128::from_be_bytes(ctime)),
                    },
                })
            })
            .map_err(&failed)?;
        let links: Vec<LinkRow> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        Ok((links.len() <= max).then_some(links))
    }

    /// Returns the directories in which an entry is a name of a file with one of these numbers. Reads all there is.
    pub fn directories_with(
        &self,
        numbers: &BTreeSet<u64>,
    ) -> Result<BTreeSet<Vec<u8>>, CatalogueError> {
        let failed = database_error(&self.database);
        let mut statement = self
            .connection
            .prepare("SELECT path, entries FROM page")
            .map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut found = BTreeSet::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let entries = row.get_ref(1).map_err(&failed)?;
            let entries = entries.as_blob().unwrap_or_default();
            // What cannot be read may have anything.
            if page_has(entries, numbers).unwrap_or(true) {
                found.insert(row.get(0).map_err(&failed)?);
            }
        }
        Ok(found)
    }

    /// Calls `visit` with every path that has a row or pages, and its row where it has one that can be read.
    pub(crate) fn visit_directories<E: From<CatalogueError>>(
        &self,
        visit: &mut dyn FnMut(Vec<u8>, Option<DirectoryRow>) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = database_error(&self.database);
        let all = "SELECT path, row FROM directory UNION ALL SELECT DISTINCT path, NULL FROM page \
                   WHERE path NOT IN (SELECT path FROM directory)";
        let mut statement = self.connection.prepare(all).map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(found) = rows.next().map_err(&failed)? {
            let path: Vec<u8> = found.get(0).map_err(&failed)?;
            let row: Option<Vec<u8>> = found.get(1).map_err(&failed)?;
            visit(path, row.and_then(|row| DirectoryRow::decode(&row).ok()))?;
        }
        Ok(())
    }

    /// Returns a page of the entries of the directory at `path`, from number 0 on.
    pub fn page(&self, path: &[u8], number: u32) -> Result<Option<Vec<PageEntry>>, CatalogueError> {
        let failed = database_error(&self.database);
        let mut statement = self
            .connection
            .prepare_cached("SELECT entries FROM page WHERE path = ?1 AND number = ?2")
            .map_err(&failed)?;
        let page: Option<Vec<u8>> = statement
            .query_row(params![path, number], |row| row.get(0))
            .optional()
            .map_err(&failed)?;
        Ok(page.map(|page| decode_page(&page)).transpose()?)
    }
}
