//! The connections, and the transactions on them.

use std::ops::Deref;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sea_orm::sqlx::Connection as _;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, DatabaseBackend, DatabaseConnection, DatabaseTransaction,
    IsolationLevel, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait as _,
};

use crate::error::DbError;
use crate::{migrations, server};

/// How long to wait for a connection, and to connect.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long SQLite waits for another process.
const BUSY: Duration = Duration::from_secs(10);

/// The number under which PostgreSQL keeps the lock for changes of the schema: `strong` in ASCII.
const SCHEMA_LOCK: i64 = 0x7374_726f_6e67;

/// Where a database is.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    url: String,
    backend: DatabaseBackend,
    schema: Option<String>,
    pages_max: Option<u32>,
}

impl Address {
    /// Returns the address of a file.
    pub fn of_file(path: &Path) -> Self {
        Self {
            url: format!("sqlite://{}?mode=rwc", path.display()),
            backend: DatabaseBackend::Sqlite,
            schema: None,
            pages_max: None,
        }
    }

    /// Takes a schema of a PostgreSQL database in place of `public`.
    #[must_use]
    pub fn with_schema(self, schema: &str) -> Self {
        Self {
            schema: Some(schema.to_owned()),
            ..self
        }
    }

    /// Lets a file have at most so many pages of 4 KiB: a disk that is full, for tests.
    #[must_use]
    pub fn with_pages_max(self, pages: u32) -> Self {
        Self {
            pages_max: Some(pages),
            ..self
        }
    }

    /// Tells whether it is a PostgreSQL, which several nodes may share.
    pub fn is_shared(&self) -> bool {
        self.backend == DatabaseBackend::Postgres
    }
}

impl FromStr for Address {
    type Err = DbError;

    fn from_str(url: &str) -> Result<Self, DbError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let backend = match scheme {
            "sqlite" => DatabaseBackend::Sqlite,
            "postgres" | "postgresql" => DatabaseBackend::Postgres,
            // The rest of it may have a password.
            _ => return Err(DbError::Address(scheme.to_owned())),
        };
        Ok(Self {
            url: url.to_owned(),
            backend,
            schema: None,
            pages_max: None,
        })
    }
}

/// The database of a server.
#[derive(Clone)]
pub struct Database {
    pub(crate) reader: DatabaseConnection,
    pub(crate) writer: DatabaseConnection,
}

/// A transaction that reads.
pub struct Reading {
    pub(crate) transaction: DatabaseTransaction,
}

/// A transaction that may change things; the only one on all nodes. Dropped, it changes nothing.
pub struct Writing {
    reading: Reading,
}

impl Database {
    /// Connects, and brings the schema up to date.
    pub async fn open(address: &Address, connections: u32) -> Result<Self, DbError> {
        let database = match address.backend {
            DatabaseBackend::Postgres => {
                let pool = postgres(address, connections).await?;
                Self {
                    reader: pool.clone(),
                    writer: pool,
                }
            }
            _ => Self {
                // One writer: waiting for it is fair, and nobody is told that the file is locked.
                writer: sqlite(address, 1).await?,
                reader: sqlite(address, connections).await?,
            },
        };
        database.migrate(address.schema.as_deref()).await?;
        Ok(database)
    }

    /// Begins a transaction that reads.
    pub async fn read(&self) -> Result<Reading, DbError> {
        let transaction = self.reader.begin().await?;
        Ok(Reading { transaction })
    }

    /// Begins a transaction that reads, and in which everything is of the moment of its beginning.
    pub async fn snapshot(&self) -> Result<Reading, DbError> {
        let isolation_level = self.is_shared().then_some(IsolationLevel::RepeatableRead);
        let options = TransactionOptions {
            isolation_level,
            ..TransactionOptions::default()
        };
        let transaction = self.reader.begin_with_options(options).await?;
        Ok(Reading { transaction })
    }

    /// Begins a transaction that may change things, when the one before has ended.
    pub async fn write(&self) -> Result<Writing, DbError> {
        let transaction = self.begin_immediately().await?;
        let reading = Reading { transaction };
        server::lock(&reading).await?;
        Ok(Writing { reading })
    }

    /// Begins a transaction for what happens often and is in no log. It holds no lock, so nothing may be decided by
    /// what it reads.
    pub async fn note(&self) -> Result<Writing, DbError> {
        let transaction = self.begin_immediately().await?;
        let reading = Reading { transaction };
        Ok(Writing { reading })
    }

    /// Checks that the database answers.
    pub async fn check(&self) -> Result<(), DbError> {
        self.reader.execute_unprepared("SELECT 1").await?;
        Ok(())
    }

    /// Returns how many pages the file of an SQLite has.
    pub async fn pages(&self) -> Result<u32, DbError> {
        let count = Statement::from_string(DatabaseBackend::Sqlite, "PRAGMA page_count");
        let row = self.reader.query_one_raw(count).await?;
        let pages = row.map(|row| row.try_get_by_index::<u32>(0)).transpose()?;
        Ok(pages.unwrap_or(0))
    }

    /// Tells whether it is a PostgreSQL.
    pub fn is_shared(&self) -> bool {
        self.writer.get_database_backend() == DatabaseBackend::Postgres
    }

    /// Begins the transaction in which a server sets itself up: nobody else does so at the same time.
    pub async fn set_up(&self) -> Result<Writing, DbError> {
        let transaction = self.begin_immediately().await?;
        self.lock_schema(&transaction).await?;
        Ok(Writing {
            reading: Reading { transaction },
        })
    }

    async fn migrate(&self, schema: Option<&str>) -> Result<(), DbError> {
        let transaction = self.begin_immediately().await?;
        self.lock_schema(&transaction).await?;
        if let (Some(schema), true) = (schema, self.is_shared()) {
            let create = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
            transaction.execute_unprepared(&create).await?;
        }
        migrations::carry_out(&transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn lock_schema(&self, transaction: &DatabaseTransaction) -> Result<(), DbError> {
        if self.is_shared() {
            let lock = format!("SELECT pg_advisory_xact_lock({SCHEMA_LOCK})");
            transaction.execute_unprepared(&lock).await?;
        }
        Ok(())
    }

    async fn begin_immediately(&self) -> Result<DatabaseTransaction, DbError> {
        let sqlite_transaction_mode = match self.writer.get_database_backend() {
            DatabaseBackend::Sqlite => Some(SqliteTransactionMode::Immediate),
            _ => None,
        };
        let options = TransactionOptions {
            sqlite_transaction_mode,
            ..TransactionOptions::default()
        };
        Ok(self.writer.begin_with_options(options).await?)
    }
}

impl Writing {
    /// Makes everything that was changed permanent.
    pub async fn commit(self) -> Result<(), DbError> {
        self.reading.transaction.commit().await?;
        Ok(())
    }

    /// Undoes everything that was changed.
    pub async fn undo(self) -> Result<(), DbError> {
        self.reading.transaction.rollback().await?;
        Ok(())
    }
}

impl Deref for Writing {
    type Target = Reading;

    fn deref(&self) -> &Reading {
        &self.reading
    }
}

async fn sqlite(address: &Address, connections: u32) -> Result<DatabaseConnection, DbError> {
    let mut options = options(address, connections);
    let pages_max = address.pages_max;
    options.map_sqlx_sqlite_opts(move |options| {
        let options = match pages_max {
            Some(pages) => options.pragma("max_page_count", pages.to_string()),
            None => options,
        };
        options
            .journal_mode(SqliteJournalMode::Wal)
            // What was answered is on the disk.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
    });
    // Where the disk is full, SQLite ends a transaction by itself, and the driver does not know: it takes the connection for
    // one that is in a transaction still, which would begin none any more. Such a one is closed.
    options.map_sqlx_sqlite_pool_opts(|pool| {
        pool.after_release(|connection, _age| {
            Box::pin(async move {
                // What was begun to be undone is by now.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
    });
    Ok(sea_orm::Database::connect(options).await?)
}

async fn postgres(address: &Address, connections: u32) -> Result<DatabaseConnection, DbError> {
    let mut options = options(address, connections);
    options.set_application_name("strongroom-server");
    if let Some(schema) = &address.schema {
        options.set_schema_search_path(schema.clone());
    }
    Ok(sea_orm::Database::connect(options).await?)
}

fn options(address: &Address, connections: u32) -> ConnectOptions {
    let mut options = ConnectOptions::new(&address.url);
    options
        .max_connections(connections)
        .min_connections(1)
        .connect_timeout(PATIENCE)
        .acquire_timeout(PATIENCE)
        .sqlx_logging(false);
    options
}
