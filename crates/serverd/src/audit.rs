//! `strongroom-server audit`

use std::path::Path;

use anyhow::{Context as _, Result};
use strongroom_base::ids::to_hex;
use strongroom_custody::audit::verify;

use crate::output;

/// Verifies an export, with nothing but its file.
pub(crate) fn verify_file(path: &Path) -> Result<()> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let report = verify(&bytes, &[], None).context("the export was changed, or is none")?;
    output::line(&format!(
        "entries {} to {} of the log {} are whole: {} shown, {} as digests",
        report.first, report.head.sequence, report.head.log, report.records, report.omitted
    ));
    output::line(&format!(
        "the hash at its end is {}",
        to_hex(&report.head.hash)
    ));
    Ok(())
}
