//! `strongroom key import`

use serde_json::json;
use strongroom_agent::custody::{self, ImportError};
use strongroom_agent::{CustodyKey, keys};
use strongroom_base::ids::to_hex;

use super::Import;
use crate::context::Context;
use crate::failure::Failure;
use crate::secrets;

/// Takes over a custody key.
pub(super) fn import(context: &Context<'_>, arguments: &Import) -> Result<(), Failure> {
    let key = read(arguments)?;
    let dir = context.environment.profile()?;
    keys::import(dir, &key)?;
    let id = to_hex(&key.key_id());
    if context.output.is_json() {
        return context.output.object(&json!({ "custody_key_id": id }));
    }
    context.output.done(&format!(
        "custody key {id} is in the profile {}",
        dir.display()
    ))
}

fn read(arguments: &Import) -> Result<CustodyKey, Failure> {
    if let Some(file) = &arguments.file {
        let text = secrets::read(file)?;
        return Ok(custody::export::from_text(text.expose_bytes())?);
    }
    if let Some(file) = &arguments.qr_image {
        let image = secrets::read_at_most(file, custody::qr::IMAGE_LEN_MAX)?;
        return Ok(custody::qr::from_png(image.expose_bytes())?);
    }
    let file = arguments.words.as_ref().and_then(Option::as_deref);
    let words = secrets::words(file)?;
    let words = std::str::from_utf8(words.expose_bytes());
    let words = words.map_err(|_| ImportError::WordCount { found: 0 })?;
    Ok(custody::words::from_words(words)?)
}
