//! Collects what a new snapshot sees, until it counts.

use std::path::PathBuf;

use rusqlite::{Connection, params};

use crate::directory::{DirectoryRow, Local, PageEntry, encode_page};
use crate::error::CatalogueError;
use crate::store::database_error;

/// Collects what a new snapshot saw; nothing of it counts before [`commit`](Self::commit).
pub struct Update {
    pub(crate) connection: Connection,
    pub(crate) database: PathBuf,
}

impl Update {
    /// Sets the row of the directory at `path`.
    pub fn put_directory(&self, path: &[u8], row: &DirectoryRow) -> Result<(), CatalogueError> {
        self.execute(
            "INSERT OR REPLACE INTO directory (path, dev, ino, row) VALUES (?1, ?2, ?3, ?4)",
            params![
                path,
                row.dev.cast_signed(),
                row.local.ino.cast_signed(),
                row.encode()
            ],
        )
    }

    /// Sets which entries of the directory at `path` are names of files with several names.
    pub fn put_links(&self, path: &[u8], links: &[(Vec<u8>, Local)]) -> Result<(), CatalogueError> {
        self.execute("DELETE FROM link WHERE path = ?1", params![path])?;
        for (name, local) in links {
            self.execute(
                "INSERT OR REPLACE INTO link (path, name, ino, size, ctime) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    path,
                    name,
                    local.ino.cast_signed(),
                    local.size.cast_signed(),
                    local.ctime.0.to_be_bytes()
                ],
            )?;
        }
        Ok(())
    }

    /// Forgets the directory at `path` and all below it: they are gone.
    pub fn remove(&self, path: &[u8]) -> Result<(), CatalogueError> {
        // What is below begins with the path and a `/`, and `0` is what comes after that.
        let (from, to) = ([path, b"/"].concat(), [path, b"0"].concat());
        for table in ["directory", "page", "link"] {
            let sql = format!("DELETE FROM {table} WHERE path = ?1 OR (path >= ?2 AND path < ?3)");
            self.execute(&sql, params![path, from, to])?;
        }
        Ok(())
    }

    /// Sets a page of the directory at `path`.
    pub fn put_page(
        &self,
        path: &[u8],
        number: u32,
        entries: &[PageEntry],
    ) -> Result<(), CatalogueError> {
        let page = encode_page(entries)?;
        self.execute(
            "INSERT OR REPLACE INTO page (path, number, entries) VALUES (?1, ?2, ?3)",
            params![path, number, page],
        )
    }

    /// Removes the pages of the directory at `path` from a number on.
    pub fn cut_pages(&self, path: &[u8], from: u32) -> Result<(), CatalogueError> {
        self.execute(
            "DELETE FROM page WHERE path = ?1 AND number >= ?2",
            params![path, from],
        )
    }

    /// Makes it all count, durably, as what was seen for the snapshot of a record, which covered this.
    pub fn commit(self, record: &[u8], coverage: &[u8]) -> Result<(), CatalogueError> {
        self.execute(
            "INSERT OR REPLACE INTO record (one, head, coverage) VALUES (1, ?1, ?2)",
            params![record, coverage],
        )?;
        self.finish()
    }

    pub(crate) fn finish(self) -> Result<(), CatalogueError> {
        self.connection
            .execute_batch("COMMIT")
            .map_err(database_error(&self.database))
    }

    pub(crate) fn execute(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<(), CatalogueError> {
        let failed = database_error(&self.database);
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        statement.execute(params).map_err(&failed)?;
        Ok(())
    }
}
