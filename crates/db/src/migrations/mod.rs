//! The schema, as dated steps that only go forward.
//!
//! A step is a file of SQL for both databases. Words with a dollar sign stand for what these call differently. A
//! released step is never changed. Each must suit the program before it too: a node of the old version goes on
//! while one of the new version has begun, so columns are added in one release and dropped in a later one.

use sea_orm::{ConnectionTrait as _, DatabaseBackend, DatabaseTransaction, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, MigratorTrait, SchemaManager};

/// All steps, oldest first.
const STEPS: &[Step] = &[
    Step {
        name: "20261128_000001_first",
        sql: include_str!("20261128_000001_first.sql"),
    },
    Step {
        name: "20261129_000010_inside",
        sql: include_str!("20261129_000010_inside.sql"),
    },
    Step {
        name: "20261129_000020_check_in",
        sql: include_str!("20261129_000020_check_in.sql"),
    },
    Step {
        name: "20261129_000030_settings",
        sql: include_str!("20261129_000030_settings.sql"),
    },
    Step {
        name: "20261129_000040_audit_sinks",
        sql: include_str!("20261129_000040_audit_sinks.sql"),
    },
    Step {
        name: "20261129_000050_second_factor",
        sql: include_str!("20261129_000050_second_factor.sql"),
    },
    Step {
        name: "20261129_000060_passkeys",
        sql: include_str!("20261129_000060_passkeys.sql"),
    },
    Step {
        name: "20261129_000070_challenge_of_attempt",
        sql: include_str!("20261129_000070_challenge_of_attempt.sql"),
    },
    Step {
        name: "20261129_000080_passkey_after_password",
        sql: include_str!("20261129_000080_passkey_after_password.sql"),
    },
    Step {
        name: "20261129_000090_heads",
        sql: include_str!("20261129_000090_heads.sql"),
    },
    Step {
        name: "20261129_000100_certificates",
        sql: include_str!("20261129_000100_certificates.sql"),
    },
];

/// Carries out what was not yet.
pub(crate) async fn carry_out(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    Migrator::up(transaction, None).await
}

/// Returns the texts of all steps, oldest first, as they are before they are spelled for a database.
pub(crate) fn texts() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|step| step.sql)
}

#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    sql: &'static str,
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        STEPS
            .iter()
            .map(|step| Box::new(*step) as Box<dyn MigrationTrait>)
            .collect()
    }
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = spelled_for(manager.get_database_backend(), self.sql);
        let connection = manager.get_connection();
        connection.execute_unprepared(&sql).await.map(drop)
    }
}

/// Names are compared by their bytes everywhere, so that pages have the same order on both databases.
fn spelled_for(backend: DatabaseBackend, sql: &str) -> String {
    let words = match backend {
        DatabaseBackend::Postgres => [
            ("$BIGINT", "BIGINT"),
            ("$BYTES", "BYTEA"),
            ("$TEXT", "TEXT COLLATE \"C\""),
            ("$STRICT", ""),
        ],
        _ => [
            ("$BIGINT", "INTEGER"),
            ("$BYTES", "BLOB"),
            ("$TEXT", "TEXT"),
            ("$STRICT", " STRICT"),
        ],
    };
    words
        .into_iter()
        .fold(sql.to_owned(), |sql, (word, spelled)| {
            sql.replace(word, spelled)
        })
}
