//! `strongroom admin audit export` and `verify`

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::json;
use strongroom_agent::client::endpoints;
use strongroom_agent::custody::audit::verify as verify_export;
use strongroom_base::ids::{from_hex, to_hex};

use crate::context::Context;
use crate::exit::Outcome;
use crate::failure::Failure;
use crate::secrets;

/// Longest export that is verified, in bytes.
const EXPORT_LEN_MAX: u64 = 1 << 30;

/// Exports the log.
pub(super) fn export(context: &Context<'_>, matches: &ArgMatches) -> Result<Outcome, Failure> {
    let client = context.server_memory()?.client()?;
    let mut request = endpoints::AUDIT_EXPORT.request(&[]);
    if let Some(format) = matches.get_one::<String>("format") {
        request = request.query("format", format);
    }
    if let Some(first) = matches.get_one::<u64>("first") {
        request = request.query("first", first.to_string());
    }
    let Some(path) = matches.get_one::<PathBuf>("file") else {
        client.download(&request, &mut context.output.writer())?;
        return Ok(Outcome::Done);
    };
    let failed = |source| Failure::File {
        path: path.clone(),
        source,
    };
    let mut file = File::create_new(path).map_err(failed)?;
    let written = client.download(&request, &mut file);
    let written = written.map_err(Failure::from).and_then(|n_bytes| {
        file.flush()
            .and_then(|()| file.sync_all())
            .map_err(failed)?;
        Ok(n_bytes)
    });
    match written {
        Ok(n_bytes) => {
            let text = format!("{n_bytes} bytes are in {}", path.display());
            context.output.done(&text)?;
            Ok(Outcome::Done)
        }
        // A part of an export is of no use to anybody.
        Err(failure) => {
            let _ = std::fs::remove_file(path);
            Err(failure)
        }
    }
}

/// Verifies an export.
pub(super) fn verify(context: &Context<'_>, matches: &ArgMatches) -> Result<Outcome, Failure> {
    let path = matches.get_one::<PathBuf>("file").cloned();
    let path = path.unwrap_or_else(|| "-".into());
    let export = secrets::read_at_most(&path, EXPORT_LEN_MAX)?;
    let keys = matches.get_many::<String>("trusted-key");
    let keys = keys.unwrap_or_default().map(|key| from_hex(key.trim()));
    let trusted: Option<Vec<[u8; 32]>> = keys.collect();
    let trusted = trusted
        .ok_or_else(|| Failure::Named("a trusted key has 64 hexadecimal digits".to_owned()))?;
    let report = verify_export(export.expose_bytes(), &trusted, None)?;
    let head = to_hex(&report.head.hash);
    let output = context.output;
    if output.is_json() {
        output.object(&json!({
            "log": report.head.log.to_string(),
            "first": report.first,
            "last": report.head.sequence,
            "records": report.records,
            "omitted": report.omitted,
            "signed": report.signed,
            "untrusted": report.untrusted,
            "hash": head,
        }))?;
        return Ok(Outcome::Done);
    }
    output.line(&format!(
        "entries {} to {} of the log {} are whole: {} shown, {} as digests",
        report.first, report.head.sequence, report.head.log, report.records, report.omitted
    ))?;
    output.line(&format!("the hash at its end is {head}"))?;
    match (report.signed, report.untrusted) {
        (Some(last), _) => {
            output.line(&format!("a trusted key vouches for entries up to {last}"))?;
        }
        (None, 0) => output.line("no checkpoint is in it: nobody but the server vouches for it")?,
        (None, n) => output.line(&format!(
            "{n} checkpoints are signed by keys that were not named with --trusted-key"
        ))?,
    }
    Ok(Outcome::Done)
}
