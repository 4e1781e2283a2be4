//! Puts a server together, as its home folder and its configuration say.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use strongroom_base::clock::SystemClock;
use strongroom_crypto::random::SystemRandom;
use strongroom_db::{Database, under_master};
use strongroom_server::app::{App, Settings};
use strongroom_server::config::Config;
use strongroom_server::home;
use strongroom_server::vault::{Vault, sign_in};

use crate::arguments::Arguments;
use crate::config;

/// Opens the database and the keys; what is not there yet is made.
pub(crate) async fn app(home: &Path, config: &Config, pinned: Option<String>) -> Result<Arc<App>> {
    let address = config.database.address(home)?;
    let database = Database::open(&address, config.database.connections).await;
    let database = database.context("the database cannot be used")?;
    let may_make = under_master::is_empty(&database.read().await?).await?;
    let vault = Vault::open(home, &SystemRandom, may_make)?;
    let sign_in = sign_in::setup(&database, &vault, &SystemRandom).await?;
    Ok(Arc::new(App::new(
        database,
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
        sign_in,
        vault,
        Settings {
            backups: Some(config.backup.backups(home)),
            acme: config.tls.acme.as_ref().map(|acme| acme.settings(home)),
            sinks: config.audit.sinks(home, &config.listen.public_host())?,
            ..config.settings(pinned)
        },
    )))
}

/// Does something with the server of a home folder beside the program that serves, which goes on.
pub(crate) fn beside<T>(
    arguments: &Arguments,
    deed: impl AsyncFnOnce(Arc<App>) -> Result<T>,
) -> Result<T> {
    let config = config::read(arguments)?;
    let home = arguments.home();
    home::open(&home)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let app = app(&home, &config, None).await?;
        deed(app).await
    })
}
