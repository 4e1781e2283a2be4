//! Another computer for somebody who has signed in.

use strongroom_api::v1;

use super::add_computer;
use crate::app::{Deed, Fault};

/// Enrols a computer of the caller.
pub async fn add(deed: &mut Deed, request: v1::NewComputer) -> Result<v1::Enrolled, Fault> {
    let user = deed.user()?;
    let (enrolled, event) =
        add_computer(&deed.app, &deed.writing, &user, &request, deed.now).await?;
    deed.record(event).await?;
    Ok(enrolled)
}
