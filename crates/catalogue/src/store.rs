//! The database of the catalogue.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use strongroom_format::tree::Entry;
use strongroom_store::durable::create_private_dir;

use crate::directory::{DirectoryRow, PageEntry, decode_page, encode_page};
use crate::error::CatalogueError;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS directory (
        path BLOB PRIMARY KEY,
        row BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS page (
        path BLOB NOT NULL,
        number INTEGER NOT NULL,
        entries BLOB NOT NULL,
        PRIMARY KEY (path, number)
    );
";
/// Changes with every change of the schema or of the rows; a database of another version is deleted.
const VERSION: i64 = 1;
const BUSY_TIMEOUT_MS: i64 = 30_000;

/// The catalogue of one archive, in a folder of its own.
#[derive(Debug)]
pub struct Catalogue {
    folder: PathBuf,
    database: PathBuf,
}

/// Looks directories up; each thread has its own.
pub struct Lookup {
    connection: Connection,
    database: PathBuf,
}

/// Collects what a new snapshot saw; nothing of it counts before [`commit`](Self::commit).
pub struct Update {
    connection: Connection,
    database: PathBuf,
}

impl Catalogue {
    /// Opens the catalogue in `folder`, and makes one where there is none, or one of another version.
    pub fn open(folder: &Path) -> Result<Self, CatalogueError> {
        create_private_dir(folder)?;
        let catalogue = Self {
            folder: folder.to_owned(),
            database: folder.join("directories.sqlite"),
        };
        match catalogue.prepare() {
            Ok(()) => {}
            Err(error) if error.is_damage() => {
                catalogue.remove_database();
                catalogue.prepare()?;
            }
            Err(error) => return Err(error),
        }
        Ok(catalogue)
    }

    /// Opens the catalogue in `folder` to look things up, and changes nothing; `None` where there is none that this
    /// program can read.
    pub fn open_existing(folder: &Path) -> Option<Self> {
        let catalogue = Self {
            folder: folder.to_owned(),
            database: folder.join("directories.sqlite"),
        };
        let lookup = catalogue.lookup().ok()?;
        let version = lookup
            .connection
            .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
        (version.ok()? == VERSION).then_some(catalogue)
    }

    /// Returns the folder that holds the local copies of index runs.
    pub fn runs_folder(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// Begins to look directories up.
    pub fn lookup(&self) -> Result<Lookup, CatalogueError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let failed = database_error(&self.database);
        let connection = Connection::open_with_flags(&self.database, flags).map_err(&failed)?;
        connection
            .pragma_update(None, "busy_timeout", BUSY_TIMEOUT_MS)
            .map_err(&failed)?;
        Ok(Lookup {
            connection,
            database: self.database.clone(),
        })
    }

    /// Begins to collect what a new snapshot sees.
    pub fn update(&self) -> Result<Update, CatalogueError> {
        let connection = self.connect()?;
        connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(database_error(&self.database))?;
        Ok(Update {
            connection,
            database: self.database.clone(),
        })
    }

    /// Forgets every directory: the next snapshot reads every file again.
    pub fn forget_directories(&self) -> Result<(), CatalogueError> {
        let connection = self.connect()?;
        connection
            .execute_batch("DELETE FROM page; DELETE FROM directory;")
            .map_err(database_error(&self.database))
    }

    /// Forgets every directory of which `is_kept` refuses an entry: the next snapshot reads its files again.
    /// Returns how many were forgotten; durable when it returns.
    ///
    /// Whoever gives up chunks calls this first: content that the catalogue knows is not stored again.
    pub fn retain_directories<E: From<CatalogueError>>(
        &self,
        is_kept: &mut dyn FnMut(&Entry) -> Result<bool, E>,
    ) -> Result<u64, E> {
        let lookup = self.lookup()?;
        let mut refused: Vec<Vec<u8>> = Vec::new();
        lookup.visit_directories::<E>(&mut |path, row| {
            let mut kept = match row {
                Some(row) => is_kept(&row.entry)?,
                None => false,
            };
            let mut number = 0;
            while kept && let Some(page) = lookup.page(&path, number)? {
                for known in &page {
                    kept = kept && is_kept(&known.entry)?;
                }
                number += 1;
            }
            if !kept {
                refused.push(path);
            }
            Ok(())
        })?;
        if !refused.is_empty() {
            let update = self.update()?;
            for path in &refused {
                update.cut_pages(path, 0)?;
                update.execute("DELETE FROM directory WHERE path = ?1", params![path])?;
            }
            update.commit()?;
        }
        Ok(refused.len() as u64)
    }

    fn prepare(&self) -> Result<(), CatalogueError> {
        let failed = database_error(&self.database);
        let connection = self.connect()?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(&failed)?;
        if version != VERSION && version != 0 {
            return Err(failed(rusqlite::Error::InvalidQuery));
        }
        connection.execute_batch(SCHEMA).map_err(&failed)?;
        connection
            .pragma_update(None, "user_version", VERSION)
            .map_err(&failed)
    }

    fn remove_database(&self) {
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.database.clone().into_os_string();
            name.push(suffix);
            // What cannot be removed shows when the database is opened again.
            let _ = std::fs::remove_file(name);
        }
    }

    fn connect(&self) -> Result<Connection, CatalogueError> {
        let failed = database_error(&self.database);
        let connection = Connection::open(&self.database).map_err(&failed)?;
        connection
            .pragma_update(None, "busy_timeout", BUSY_TIMEOUT_MS)
            .map_err(&failed)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(&failed)?;
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(&failed)?;
        Ok(connection)
    }
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

    /// Calls `visit` with every path that has a row or pages, and its row where it has one that can be read.
    fn visit_directories<E: From<CatalogueError>>(
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

impl Update {
    /// Sets the row of the directory at `path`.
    pub fn put_directory(&self, path: &[u8], row: &DirectoryRow) -> Result<(), CatalogueError> {
        self.execute(
            "INSERT OR REPLACE INTO directory (path, row) VALUES (?1, ?2)",
            params![path, row.encode()],
        )
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

    /// Makes it all count, durably.
    pub fn commit(self) -> Result<(), CatalogueError> {
        self.connection
            .execute_batch("COMMIT")
            .map_err(database_error(&self.database))
    }

    fn execute(&self, sql: &str, params: impl rusqlite::Params) -> Result<(), CatalogueError> {
        let failed = database_error(&self.database);
        let mut statement = self.connection.prepare_cached(sql).map_err(&failed)?;
        statement.execute(params).map_err(&failed)?;
        Ok(())
    }
}

fn database_error(path: &Path) -> impl Fn(rusqlite::Error) -> CatalogueError {
    move |source| CatalogueError::Database {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Local, Totals};
    use std::sync::Arc;
    use strongroom_base::clock::Timestamp;
    use strongroom_format::content::Content;
    use strongroom_format::tree::{Entry, Meta, Node, Owner};

    fn page_entry(number: usize) -> PageEntry {
        let owner = Owner {
            uid: 1,
            gid: 2,
            user: b"u".to_vec(),
            group: b"g".to_vec(),
        };
        let meta = Meta {
            mode: 0o600,
            owner: Arc::new(owner),
            mtime: Timestamp(number as i128),
            btime: None,
            file_flags: 0,
            xattrs: vec![],
            link: None,
            unsettled: false,
        };
        let content = Content::Inline(number.to_be_bytes().to_vec());
        let name = format!("file-{number:05}").into_bytes();
        let entry = Entry {
            name,
            meta,
            node: Node::File { content },
        };
        PageEntry {
            local: Local {
                ino: number as u64,
                size: 8,
                ctime: Timestamp(-3),
            },
            entry,
        }
    }

    fn row() -> DirectoryRow {
        DirectoryRow {
            dev: 5,
            local: Local {
                ino: 9,
                size: 4_096,
                ctime: Timestamp(7),
            },
            fingerprint: Some([3; 32]),
            newest: Timestamp(1),
            scanned: Timestamp(2),
            totals: Totals {
                files: 1,
                others: 2,
                bytes: 3,
            },
            entry: page_entry(4).entry,
        }
    }

    #[test]
    fn what_was_committed_comes_back_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path()).unwrap();
        let entries: Vec<_> = (0..500).map(page_entry).collect();
        let lookup = catalogue.lookup().unwrap();
        let update = catalogue.update().unwrap();
        update.put_directory(b"/a\xff", &row()).unwrap();
        update.put_page(b"/a\xff", 0, &entries).unwrap();
        assert_eq!(lookup.directory(b"/a\xff").unwrap(), None, "not committed");
        update.commit().unwrap();
        assert_eq!(lookup.directory(b"/a\xff").unwrap(), Some(row()));
        assert_eq!(lookup.page(b"/a\xff", 0).unwrap(), Some(entries));
        assert_eq!(lookup.page(b"/a\xff", 1).unwrap(), None);
    }

    #[test]
    fn a_damaged_database_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let garbage = vec![7; 10_000];
        strongroom_store::durable::write_atomic(
            &folder.path().join("directories.sqlite"),
            &garbage,
            0o600,
        )
        .unwrap();
        let catalogue = Catalogue::open(folder.path()).unwrap();
        assert_eq!(catalogue.lookup().unwrap().directory(b"/").unwrap(), None);
    }
}
