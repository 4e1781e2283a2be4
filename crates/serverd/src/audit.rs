//! `strongroom-server audit`

use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_base::ids::{from_hex, to_hex};
use strongroom_custody::audit::verify;

use crate::arguments::Arguments;
use crate::{open, output};

/// Verifies an export, with nothing but its file.
pub(crate) fn verify_file(path: &Path, trust: &[String]) -> Result<()> {
    let trusted: Option<Vec<[u8; 32]>> = trust.iter().map(|key| from_hex(key)).collect();
    let trusted = trusted.context("a key has 64 hexadecimal digits")?;
    let bytes =
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let report = verify(&bytes, &trusted, None).context("the export was changed, or is none")?;
    output::line(&format!(
        "entries {} to {} of the log {} are whole: {} shown, {} as digests",
        report.first, report.head.sequence, report.head.log, report.records, report.omitted
    ));
    output::line(&format!(
        "the hash at its end is {}",
        to_hex(&report.head.hash)
    ));
    match (report.signed, report.untrusted) {
        (Some(last), _) => output::line(&format!("a trusted key vouches for entries up to {last}")),
        (None, 0) => output::line("no checkpoint is in it: nobody but the server vouches for it"),
        (None, n) => output::line(&format!(
            "{n} checkpoints are signed by keys that were not named with --trusted-key"
        )),
    }
    Ok(())
}

/// Shows the public key by which the checkpoints of this server are known.
pub(crate) fn key(arguments: &Arguments) -> Result<()> {
    open::beside(arguments, async |app| {
        let key = strongroom_server::app::audit::public_key(&app).await?;
        output::line(&to_hex(&key));
        Ok(())
    })
}
