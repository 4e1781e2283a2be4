//! The log, on standard error.

use strongroom_server::config::{Log, LogForm};
use tracing_subscriber::EnvFilter;

/// Begins to log. Other crates than these are heard from `warn` on.
pub(crate) fn begin(log: &Log) {
    let level = &log.level;
    let filter = format!("warn,strongroom_server={level},strongroom_db={level}");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr);
    match log.form {
        LogForm::Text => builder.with_ansi(false).init(),
        LogForm::Json => builder.json().init(),
    }
}
