//! `strongroom-server secrets`

use anyhow::{Result, bail};
use strongroom_custody::ring::{Algorithm, Change, KeyState};
use strongroom_server::app::{App, backup, first_start, key_ring};

use crate::arguments::{Arguments, Secrets};
use crate::{open, output};

pub(crate) fn run(arguments: &Arguments, command: &Secrets) -> Result<()> {
    open::beside(arguments, async |app| {
        // A server that never ran has a ring from here on.
        first_start::check(&app).await?;
        match command {
            Secrets::Verify => verify(&app).await,
            Secrets::Keys => keys(&app).await,
            Secrets::Rotate { algorithm } => rotate(&app, algorithm.as_deref()).await,
            Secrets::DeleteKey { key } => {
                let key = key.parse()?;
                let folder = app.settings.backups.as_ref().map(|backups| &backups.folder);
                let is_in_backup = folder.map(|folder| backup::need(folder, key));
                let is_in_backup = is_in_backup.transpose()?.unwrap_or(false);
                key_ring::forget(&app, key, is_in_backup).await?;
                output::line("deleted");
                Ok(())
            }
        }
    })
}

async fn verify(app: &App) -> Result<()> {
    let verified = key_ring::verify(app).await?;
    for (place, error) in &verified.unreadable {
        output::line(&format!("{place}: {error}"));
    }
    output::line(&format!(
        "{} secrets open, {} do not",
        verified.opened,
        verified.unreadable.len()
    ));
    if verified.unreadable.is_empty() {
        Ok(())
    } else {
        bail!("some secrets do not open")
    }
}

async fn keys(app: &App) -> Result<()> {
    let ring = key_ring::ring(&app.database.read().await?).await?;
    output::line(&format!("{} master", app.vault.master_id()));
    for entry in ring.keys() {
        let state = match entry.state {
            KeyState::New => "new",
            KeyState::Active => "active",
            KeyState::Inactive => "inactive",
        };
        output::line(&format!("{} {state}", entry.id));
    }
    Ok(())
}

async fn rotate(app: &App, algorithm: Option<&str>) -> Result<()> {
    key_ring::go_on(app, &mut key_ring::undisturbed).await?;
    let change = match algorithm {
        None => Change::Key,
        Some("none") => Change::Disable,
        Some(name) => match Algorithm::from_name(name) {
            Some(algorithm) => Change::Algorithm(algorithm),
            None => bail!("`{name}` is no algorithm"),
        },
    };
    key_ring::change(app, change, &mut key_ring::undisturbed).await?;
    output::line("every secret is sealed anew");
    Ok(())
}
