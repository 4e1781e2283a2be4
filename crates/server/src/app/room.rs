//! Whether there is room on the disk of the database. Where there is none, what is stored can be read and nothing can be
//! changed; who runs the server is told, and it goes on by itself when there is room again.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use strongroom_base::clock::Timestamp;
use strongroom_base::with_causes;
use strongroom_crypto::hash::hash;
use strongroom_db::DbError;
use strongroom_db::attempts::{self, Attempt};

use super::words::moment;
use super::{App, Fault, system};

/// How many bytes are stored to see whether there is room; they are removed again.
const FILLING_LEN: usize = 16 << 10;

/// What this node knows of the room on the disk.
#[derive(Default)]
pub struct Room(Mutex<Option<Timestamp>>);

impl Room {
    /// Returns since when there is none.
    pub fn full_since(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something was not stored for want of room; the alarm is given once.
    pub(crate) fn is_missing(&self, now: Timestamp) {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.is_none() {
            *since = Some(now);
            tracing::error!(
                "the disk of the database is full: nothing can be changed until there is room; what is stored can be read"
            );
        }
    }

    fn is_there(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Looks whether there is room again, where there was none: puts on record since when that was.
pub(crate) async fn look(app: &App) {
    let Some(since) = app.room.full_since() else {
        return;
    };
    let put_on_record = async || -> Result<(), Fault> {
        // A few bytes may fit where nothing else does.
        let filling = Attempt {
            user: None,
            state: vec![0; FILLING_LEN],
            made: app.now(),
        };
        let id = hash(app.node.as_bytes());
        let writing = app.database.note().await?;
        attempts::take(&writing, &id).await?;
        attempts::add(&writing, &id, &filling).await?;
        writing.commit().await?;
        let writing = app.database.write().await?;
        attempts::take(&writing, &id).await?;
        let details = BTreeMap::from([("since".to_owned(), moment(since))]);
        system::record(app, &writing, "server.disk-was-full", details).await?;
        Ok(writing.commit().await?)
    };
    match put_on_record().await {
        Ok(()) => {
            app.room.is_there();
            tracing::info!("there is room on the disk of the database again");
        }
        Err(Fault::Database(DbError::Full(_))) => {}
        Err(error) => {
            tracing::warn!(error = %with_causes(&error), "whether there is room on the disk is not known");
        }
    }
}
