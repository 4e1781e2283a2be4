//! The database of the catalogue.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use strongroom_format::tree::Entry;
use strongroom_store::durable::create_private_dir;

use crate::error::CatalogueError;
use crate::lookup::Lookup;
use crate::update::Update;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS directory (
        path BLOB PRIMARY KEY,
        dev INTEGER NOT NULL,
        ino INTEGER NOT NULL,
        row BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS directory_identity ON directory (dev, ino);
    CREATE TABLE IF NOT EXISTS page (
        path BLOB NOT NULL,
        number INTEGER NOT NULL,
        entries BLOB NOT NULL,
        PRIMARY KEY (path, number)
    );
    CREATE TABLE IF NOT EXISTS link (
        path BLOB NOT NULL,
        name BLOB NOT NULL,
        ino INTEGER NOT NULL,
        size INTEGER NOT NULL,
        ctime BLOB NOT NULL,
        PRIMARY KEY (path, name)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS record (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        head BLOB NOT NULL,
        coverage BLOB
    );
";
/// Changes with every change of the schema or of the rows; a database of another version is deleted.
const VERSION: i64 = 4;
const BUSY_TIMEOUT_MS: i64 = 30_000;
/// The mode of the file.
const PRIVATE: u32 = 0o600;

/// The catalogue of one archive, in a folder of its own.
#[derive(Debug)]
pub struct Catalogue {
    folder: PathBuf,
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

    /// Returns the record of the snapshot that the directories were seen for, as it was given to
    /// [`commit`](Update::commit); `None` where nothing was seen yet.
    pub fn record(&self) -> Result<Option<Vec<u8>>, CatalogueError> {
        let found = self
            .connect()?
            .query_row("SELECT head FROM record", [], |row| row.get(0))
            .optional();
        found.map_err(database_error(&self.database))
    }

    /// Returns what the last snapshot covered, as it was given to [`commit`](Update::commit); `None` where nothing was seen
    /// yet, or where anything was forgotten since: then a directory may be unknown below one that is known.
    pub fn coverage(&self) -> Result<Option<Vec<u8>>, CatalogueError> {
        let found = self
            .connect()?
            .query_row("SELECT coverage FROM record", [], |row| row.get(0))
            .optional();
        found
            .map(Option::flatten)
            .map_err(database_error(&self.database))
    }

    /// Forgets every directory: the next snapshot reads every file again.
    pub fn forget_directories(&self) -> Result<(), CatalogueError> {
        let connection = self.connect()?;
        connection
            .execute_batch(
                "BEGIN; DELETE FROM page; DELETE FROM directory; DELETE FROM link; DELETE FROM record; COMMIT;",
            )
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
            update.execute("UPDATE record SET coverage = NULL", [])?;
            update.finish()?;
        }
        Ok(refused.len() as u64)
    }

    /// Makes the file of the database, which holds names and contents of files, one that its owner alone may read: SQLite
    /// would go by the umask. Its own files beside it get the same mode.
    fn keep_private(&self) -> Result<(), CatalogueError> {
        let opened = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(PRIVATE)
            .open(&self.database)?;
        if opened.metadata()?.mode() & !PRIVATE & 0o777 != 0 {
            opened.set_permissions(Permissions::from_mode(PRIVATE))?;
        }
        Ok(())
    }

    fn prepare(&self) -> Result<(), CatalogueError> {
        self.keep_private()?;
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

pub(crate) fn database_error(path: &Path) -> impl Fn(rusqlite::Error) -> CatalogueError {
    move |source| CatalogueError::Database {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{DirectoryRow, Local, PageEntry, Sums, Totals};
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
                failed: 4,
            },
            below: Sums {
                directories: 6,
                totals: Totals {
                    files: 7,
                    ..Totals::default()
                },
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
        let link = (b"a name".to_vec(), entries[7].local);
        update
            .put_links(b"/a\xff", std::slice::from_ref(&link))
            .unwrap();
        assert_eq!(lookup.directory(b"/a\xff").unwrap(), None, "not committed");
        assert_eq!(catalogue.record().unwrap(), None);
        update.commit(b"a record", b"all of it").unwrap();
        assert_eq!(
            catalogue.coverage().unwrap().as_deref(),
            Some(&b"all of it"[..])
        );
        let links = lookup.links(1).unwrap().unwrap();
        assert_eq!((&links[0].name, links[0].local), (&link.0, link.1));
        assert_eq!(lookup.links(0).unwrap(), None);
        let of_number = lookup.directories_of(5, 9).unwrap();
        assert_eq!(of_number, [(b"/a\xff".to_vec(), row())]);
        assert_eq!(
            catalogue.record().unwrap().as_deref(),
            Some(&b"a record"[..])
        );
        assert_eq!(lookup.directory(b"/a\xff").unwrap(), Some(row()));
        assert_eq!(lookup.page(b"/a\xff", 0).unwrap(), Some(entries));
        assert_eq!(lookup.page(b"/a\xff", 1).unwrap(), None);
        catalogue.forget_directories().unwrap();
        assert_eq!(catalogue.record().unwrap(), None);
    }

    #[test]
    fn a_directory_that_is_gone_takes_all_below_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path()).unwrap();
        let paths: [&[u8]; 6] = [b"/a", b"/a/b", b"/a/b/c", b"/a/b c", b"/a/b0", b"/a/bb"];
        let update = catalogue.update().unwrap();
        for path in paths {
            update.put_directory(path, &row()).unwrap();
            update.put_page(path, 0, &[page_entry(1)]).unwrap();
        }
        update.remove(b"/a/b").unwrap();
        update.commit(b"a record", b"").unwrap();
        let lookup = catalogue.lookup().unwrap();
        for path in paths {
            let gone = path == b"/a/b" || path == b"/a/b/c";
            let has_row = lookup.directory(path).unwrap().is_some();
            let has_page = lookup.page(path, 0).unwrap().is_some();
            assert_eq!((has_row, has_page), (!gone, !gone));
        }
    }

    #[test]
    fn what_was_forgotten_is_covered_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path()).unwrap();
        let update = catalogue.update().unwrap();
        update.put_directory(b"/a", &row()).unwrap();
        update.commit(b"a record", b"all").unwrap();
        let keep = |_: &Entry| Ok::<_, CatalogueError>(true);
        catalogue.retain_directories(&mut { keep }).unwrap();
        assert!(catalogue.coverage().unwrap().is_some());
        let refuse = |_: &Entry| Ok::<_, CatalogueError>(false);
        catalogue.retain_directories(&mut { refuse }).unwrap();
        assert_eq!(catalogue.coverage().unwrap(), None);
        assert!(catalogue.record().unwrap().is_some());
    }

    #[test]
    fn its_owner_alone_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("directories.sqlite");
        for before in [None, Some(0o644)] {
            if let Some(mode) = before {
                std::fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            }
            let catalogue = Catalogue::open(folder.path()).unwrap();
            let update = catalogue.update().unwrap();
            update.put_directory(b"/a", &row()).unwrap();
            let files = std::fs::read_dir(folder.path()).unwrap();
            let files: Vec<_> = files.map(|file| file.unwrap()).collect();
            assert!(files.len() > 1, "the log of changes, too");
            for file in files {
                let mode = file.metadata().unwrap().mode() & 0o777;
                assert_eq!(mode, 0o600, "{:?}", file.file_name());
            }
            update.commit(b"a record", b"").unwrap();
        }
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
