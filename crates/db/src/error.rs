//! What can go wrong with the database.

use sea_orm::{DbErr, RuntimeErr, SqlErr};
use strongroom_base::{Class, Classified};

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// It cannot be reached, or is too busy; it may work later.
    #[error("the database cannot be reached")]
    Unreachable(#[source] DbErr),
    /// There is one already of what must be there once.
    #[error("there is one already")]
    Taken(#[source] DbErr),
    /// A stored value is none that this program stores.
    #[error("the table `{table}` has a row that cannot be: {what}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What was wrong.
        what: String,
    },
    /// The database was not set up.
    #[error("the database was not set up")]
    NotSetUp,
    /// The address is that of no database that the server can use.
    #[error("`{0}` is no address of a database: begin it with sqlite: or postgres:")]
    Address(String),
    /// There is no room on the disk for what was to be stored.
    #[error("the disk of the database is full")]
    Full(#[source] DbErr),
    /// A value cannot be stored, whoever sends it.
    #[error("the database does not take a value")]
    NotTaken(#[source] DbErr),
    /// A statement failed for another reason.
    #[error("a statement of the database failed")]
    Statement(#[source] DbErr),
}

impl Classified for DbError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable(_) | Self::Full(_) | Self::Statement(_) => Class::Retry,
            Self::Taken(_) | Self::NotTaken(_) | Self::Address(_) | Self::NotSetUp => Class::Caller,
            Self::Damaged { .. } => Class::Damage,
        }
    }
}

impl From<DbErr> for DbError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => Self::Unreachable(error),
            _ if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => {
                Self::Taken(error)
            }
            _ => match code(&error).as_deref().map(Meaning::of) {
                Some(Meaning::Full) => Self::Full(error),
                Some(Meaning::NotTaken) => Self::NotTaken(error),
                Some(Meaning::Other) | None => Self::Statement(error),
            },
        }
    }
}

/// What the number means that a database gives to an error.
enum Meaning {
    Full,
    NotTaken,
    Other,
}

impl Meaning {
    /// SQLite has numbers, PostgreSQL has five characters of which the first two are a class.
    fn of(code: &str) -> Self {
        /// `SQLITE_FULL`, and `SQLITE_IOERR_SHMSIZE`: the index of the log found no room.
        const SQLITE_FULL: [&str; 2] = ["13", "4874"];
        const POSTGRESQL_FULL: &str = "53100";
        /// Too long, a character that the database has not, a zero byte: the other numbers of the class are faults of a statement.
        const POSTGRESQL_DATA: [&str; 3] = ["22001", "22021", "22P05"];
        if SQLITE_FULL.contains(&code) || code == POSTGRESQL_FULL {
            Self::Full
        } else if POSTGRESQL_DATA.contains(&code) {
            Self::NotTaken
        } else {
            Self::Other
        }
    }
}

fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return None;
    };
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Makes the error for a stored value that cannot be.
pub(crate) fn damaged(table: &'static str, what: impl std::fmt::Display) -> DbError {
    DbError::Damaged {
        table,
        what: what.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;
    use crate::{Address, Database};

    /// Returns what a statement fails with.
    async fn fails(database: &Database, statement: &str) -> DbError {
        let writing = database.set_up().await.expect("a transaction");
        let failed = writing.transaction.execute_unprepared(statement).await;
        failed.expect_err("it fails").into()
    }

    #[tokio::test]
    #[ignore = "needs servers: `cargo xtask services start`"]
    async fn postgresql_says_what_it_means() {
        let service = strongroom_testkit::service("postgresql");
        let address: Address = service.text("url").parse().expect("an address");
        let schema = format!("test_error_{}", std::process::id());
        let database = Database::open(&address.with_schema(&schema), 2).await;
        let database = database.expect("a database");
        let raise = |code| {
            format!("DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{code}'; END $$")
        };
        let full = fails(&database, &raise("53100")).await;
        assert!(matches!(full, DbError::Full(_)), "{full:?}");
        assert_eq!(full.class(), Class::Retry);
        // Bad data is nobody's outage: it is not tried again.
        for statement in [&raise("22021"), &raise("22001")] {
            let data = fails(&database, statement).await;
            assert!(matches!(data, DbError::NotTaken(_)), "{data:?}");
            assert_eq!(data.class(), Class::Caller);
        }
        for code in ["53200", "57014", "40001", "22012"] {
            let other = fails(&database, &raise(code)).await;
            assert!(matches!(other, DbError::Statement(_)), "{other:?}");
        }
    }

    #[tokio::test]
    async fn sqlite_says_that_it_is_full() {
        let folder = tempfile::tempdir().expect("a folder");
        let address = Address::of_file(&folder.path().join("server.sqlite"));
        let database = Database::open(&address.with_pages_max(100), 2).await;
        let database = database.expect("a database");
        let fill = "CREATE TABLE filled AS SELECT randomblob(1000000)";
        let refused = fails(&database, fill).await;
        assert!(matches!(refused, DbError::Full(_)), "{refused:?}");
        // The connection is as good as before.
        let writing = database.set_up().await.expect("a transaction");
        writing.commit().await.expect("nothing is committed");
    }
}
