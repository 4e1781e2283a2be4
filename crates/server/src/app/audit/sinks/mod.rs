//! Places besides the database that the audit log is delivered to: files, and collectors that speak syslog.
//!
//! Entries are read from the database, in their order, and how far that came is stored there after the place has taken them:
//! each is delivered at least once, whatever was killed in between. No deed waits for it. A place that is full, gone or
//! hangs is tried again, and what waits for it waits in the database.

mod deliver;
mod file;
mod syslog;

use std::path::PathBuf;
use std::time::Duration;

use strongroom_base::{Class, Classified};
use strongroom_custody::audit::{Format, Line};
use strongroom_db::audit::Stored;

use file::File;
use syslog::Syslog;

pub use deliver::{Lag, deliver, lag};
pub use syslog::{End, Transport};

/// How long a place may take for what it is given at once.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A place, as it was configured.
#[derive(Clone, Debug)]
pub struct SinkSettings {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// How entries are written.
    pub format: Format,
    /// How long it may take.
    pub patience: Duration,
}

/// Where a place is.
#[derive(Clone, Debug)]
pub enum Place {
    /// A file, which grows.
    File(PathBuf),
    /// A collector.
    Syslog {
        /// How it is reached.
        transport: Transport,
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// What this server is called there.
        from: String,
    },
}

/// Why nothing was delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It did not take what it was given in time.
    #[error("the place takes nothing: it hangs since {} s at least", .0.as_secs())]
    Hangs(Duration),
    /// It cannot be written to or reached.
    #[error("the place cannot be used")]
    Io(#[from] std::io::Error),
    /// What it needs for TLS cannot be used.
    #[error("what vouches for the place cannot be used")]
    Tls(#[source] rustls::Error),
    /// The database failed.
    #[error(transparent)]
    Fault(#[from] crate::app::Fault),
}

impl From<strongroom_db::DbError> for SinkError {
    fn from(error: strongroom_db::DbError) -> Self {
        Self::Fault(error.into())
    }
}

impl Classified for SinkError {
    fn class(&self) -> Class {
        match self {
            Self::Hangs(_) | Self::Io(_) => Class::Retry,
            Self::Tls(_) => Class::Caller,
            Self::Fault(source) => source.class(),
        }
    }
}

/// A place, with what is known of it since this program runs.
pub struct Sink {
    settings: SinkSettings,
    way: Way,
}

enum Way {
    File(File),
    Syslog(Syslog),
}

impl Sink {
    /// Begins with a place; nothing is opened yet.
    pub fn new(settings: &SinkSettings) -> Self {
        let way = match &settings.place {
            Place::File(path) => Way::File(File::new(path.clone())),
            Place::Syslog {
                transport,
                host,
                port,
                from,
            } => Way::Syslog(Syslog {
                transport: transport.clone(),
                host: host.clone(),
                port: *port,
                from: from.clone(),
            }),
        };
        Self {
            settings: settings.clone(),
            way,
        }
    }

    /// Returns what it is called.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Has it take entries; returns the number of the last one that it has taken now, which may be of an earlier time where it
    /// had not taken that in time.
    async fn take(&mut self, entries: &[Stored]) -> Result<u64, SinkError> {
        let SinkSettings {
            format, patience, ..
        } = &self.settings;
        let last = entries.last().map_or(0, |last| last.record.entry.sequence);
        match &mut self.way {
            Way::File(file) => {
                let text = entries.iter().map(|entry| written(*format, entry));
                file.append(text.collect(), last, *patience).await
            }
            Way::Syslog(syslog) => {
                let messages: Vec<String> = entries
                    .iter()
                    .map(|entry| syslog.message(entry, written(*format, entry).trim_end()))
                    .collect();
                let sent = tokio::time::timeout(*patience, syslog.send(&messages)).await;
                sent.map_err(|_elapsed| SinkError::Hangs(*patience))??;
                Ok(last)
            }
        }
    }
}

/// Returns an entry as a line, with its end.
fn written(format: Format, stored: &Stored) -> String {
    format.write(&Line::Record(Box::new(stored.record.clone())))
}
