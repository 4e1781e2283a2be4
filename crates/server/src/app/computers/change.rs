//! Changes the state and the name of a computer.

use strongroom_api::v1;
use strongroom_db::computers::{self, Stored};
use strongroom_db::users::User;
use strongroom_domain::computer::ComputerChange;
use strongroom_domain::name::PersonName;

use super::shown;
use crate::app::audit::Event;
use crate::app::words::{confirmed, named};
use crate::app::{Deed, Fault};

/// What is done to a computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputerDeed {
    /// It goes on.
    Reactivate,
    /// Its user must sign in again.
    SignOut,
    /// Its credential ends for good.
    Revoke,
}

/// Changes the state of the computer of the path. Its credential is asked for with each request, so what is ended is
/// over with the next one.
pub async fn change(deed: &mut Deed, what: ComputerDeed) -> Result<v1::Computer, Fault> {
    match what {
        ComputerDeed::Reactivate => {
            carry_out(deed, ComputerChange::Reactivate, "computer.reactivated").await
        }
        ComputerDeed::SignOut => {
            carry_out(deed, ComputerChange::SignOut, "computer.signed-out").await
        }
        ComputerDeed::Revoke => carry_out(deed, ComputerChange::Revoke, "computer.revoked").await,
    }
}

/// Deactivates the computer of the path.
pub async fn deactivate(deed: &mut Deed, request: v1::Confirmation) -> Result<v1::Computer, Fault> {
    let (stored, _owner) = deed.computer()?;
    confirmed(stored.name.as_str(), &request.confirm)?;
    carry_out(deed, ComputerChange::Deactivate, "computer.deactivated").await
}

/// Gives the computer of the path another name.
pub async fn rename(deed: &mut Deed, request: v1::UpdateComputer) -> Result<v1::Computer, Fault> {
    let (mut computer, owner) = deed.computer()?;
    let was = computer.name.clone();
    computer.name = named("name", &request.name, PersonName::new)?;
    let stored = computers::store(&deed.writing, &computer).await?;
    let event = event("computer.renamed", &stored, &owner).changed(
        "name",
        was.as_str(),
        stored.name.as_str(),
    );
    deed.record(event).await?;
    Ok(shown(&stored))
}

async fn carry_out(
    deed: &mut Deed,
    change: ComputerChange,
    name: &'static str,
) -> Result<v1::Computer, Fault> {
    let (mut computer, owner) = deed.computer()?;
    let was = shown(&computer);
    let changed = computer.computer.change(change, deed.permit()?, deed.now);
    // Archives that would become cold or warm are not here yet, and connections end with each request.
    let (next, _effects) = changed.map_err(Fault::refused)?;
    computer.computer = next;
    let stored = computers::store(&deed.writing, &computer).await?;
    let is = shown(&stored);
    let text = |state| serde_json::to_value(state).unwrap_or_default();
    let event = event(name, &stored, &owner)
        .changed("active", was.active, is.active)
        .changed("credential", text(was.credential), text(is.credential));
    deed.record(event).await?;
    Ok(is)
}

fn event(name: &'static str, stored: &Stored, owner: &User) -> Event {
    let id = stored.computer.id;
    Event::of_thing(name, "computer", id, stored.name.as_str(), owner)
}
