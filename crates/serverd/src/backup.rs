//! `strongroom-server backup` and `restore`

use std::path::Path;

use anyhow::Result;
use strongroom_server::app::backup;
use strongroom_server::app::first_start;

use crate::arguments::Arguments;
use crate::{open, output};

/// Makes a backup; the server may run meanwhile.
pub(crate) fn make(arguments: &Arguments, to: Option<&Path>) -> Result<()> {
    open::beside(arguments, async |app| {
        first_start::check(&app).await?;
        let configured = app
            .settings
            .backups
            .as_ref()
            .map(|backups| backups.folder.clone());
        let folder = to.map(Path::to_owned).or(configured).unwrap_or_default();
        let path = backup::make(&app, &folder).await?;
        output::line(&path.display().to_string());
        output::line(&format!(
            "it needs the master key {}",
            app.vault.master_id()
        ));
        Ok(())
    })
}

/// Restores a backup.
pub(crate) fn restore(arguments: &Arguments, file: &Path, replace: bool) -> Result<()> {
    open::beside(arguments, async |app| {
        let restored = backup::restore(&app, file, replace).await?;
        output::line(&format!(
            "{} rows are restored; the server is in its epoch {}",
            restored.rows, restored.epoch
        ));
        output::line("sessions, tokens, links and recovery codes of before are void");
        if restored.carried_over {
            output::line("who was blocked in the database that was replaced stays so");
            output::line("second factors are those that accounts had in it");
        } else {
            output::line(
                "who was blocked after the backup was made is not: block them before the server runs for others",
            );
            output::line(
                "second factors are those of the backup: one that was taken away since is back",
            );
        }
        Ok(())
    })
}
