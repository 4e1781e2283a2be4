//! `strongroom key export`

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde_json::json;
use strongroom_agent::AgentError;
use strongroom_agent::custody::qr::Qr;
use strongroom_agent::custody::{export as file_form, words};
use strongroom_agent::keys;

use super::Export;
use crate::context::Context;
use crate::failure::Failure;

/// Writes the custody key out.
pub(super) fn export(context: &Context<'_>, arguments: &Export) -> Result<(), Failure> {
    let profile = context.profile()?;
    keys::settle(&profile)?;
    let key = profile
        .custody_key()?
        .ok_or_else(|| AgentError::NoCustodyKey {
            path: profile.dir().display().to_string(),
        })?;
    if let Some(file) = &arguments.form.file {
        let text = file_form::to_file(&key);
        if file == Path::new("-") {
            return context.output.bytes(text.expose_bytes());
        }
        return write_new(context, file, &[text.expose_bytes()]);
    }
    if arguments.form.words {
        let words = words::to_words(&key);
        if let Some(file) = &arguments.to {
            return write_new(context, file, &[words.expose_bytes(), b"\n"]);
        }
        if context.output.is_json() {
            return in_json(context, "words", words.expose_bytes());
        }
        context.output.bytes(words.expose_bytes())?;
        return context.output.bytes(b"\n");
    }
    let code = Qr::of(&key);
    match &arguments.svg {
        Some(file) => write_new(context, file, &[code.to_svg().expose_bytes()]),
        None if context.output.is_json() => in_json(context, "svg", code.to_svg().expose_bytes()),
        None => context.output.bytes(code.to_terminal().expose_bytes()),
    }
}

/// Writes a file for its owner alone; one that is there is left alone.
fn write_new(context: &Context<'_>, file: &Path, parts: &[&[u8]]) -> Result<(), Failure> {
    let failed = |source| Failure::File {
        path: file.to_owned(),
        source,
    };
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file);
    let mut opened = opened.map_err(failed)?;
    let mut parts = parts.iter();
    let written = parts.try_for_each(|part| opened.write_all(part));
    written.map_err(failed)?;
    opened.sync_all().map_err(failed)?;
    context.output.note(&format!(
        "wrote the key to {}; who has it can read all backups",
        file.display()
    ));
    if context.output.is_json() {
        let file = file.display().to_string();
        return context.output.object(&json!({ "file": file }));
    }
    Ok(())
}

/// Prints a form of the key as an object, without a copy of the text.
fn in_json(context: &Context<'_>, form: &str, text: &[u8]) -> Result<(), Failure> {
    let text = std::str::from_utf8(text).map_err(io::Error::other)?;
    let mut writer = context.output.writer();
    serde_json::to_writer(&mut writer, &BTreeMap::from([(form, text)])).map_err(io::Error::from)?;
    Ok(writer.write_all(b"\n")?)
}
