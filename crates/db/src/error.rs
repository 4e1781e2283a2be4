//! What can go wrong with the database.

use sea_orm::{DbErr, SqlErr};
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
    /// A statement failed for another reason.
    #[error("a statement of the database failed")]
    Statement(#[source] DbErr),
}

impl Classified for DbError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable(_) | Self::Statement(_) => Class::Retry,
            Self::Taken(_) | Self::Address(_) | Self::NotSetUp => Class::Caller,
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
            _ => Self::Statement(error),
        }
    }
}

/// Makes the error for a stored value that cannot be.
pub(crate) fn damaged(table: &'static str, what: impl std::fmt::Display) -> DbError {
    DbError::Damaged {
        table,
        what: what.to_string(),
    }
}
