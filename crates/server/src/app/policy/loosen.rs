//! Whether a change of settings loosens any, and its caller may have it so.

use strongroom_base::ids::OrganisationId;
use strongroom_domain::access::Action;
use strongroom_domain::policy::{RegistrationSettings, Settings as _};

use crate::app::access::authorize_too;
use crate::app::{Deed, Fault, Tree};

/// Fails where a change of an organisation that is stored by now lets more happen than before, there or below, and is done to
/// somebody who outranks the caller, or not by a fresh sign-in.
pub(super) async fn check(deed: &Deed, organisation: OrganisationId) -> Result<(), Fault> {
    let after = Tree::read(&deed.writing).await?;
    let (mut is_looser, mut concerned) = (false, Vec::new());
    for within in after.within(organisation) {
        let before = deed.app.policies(&deed.tree, within);
        let loosened = deed.app.policies(&after, within).loosened_since(&before);
        is_looser |= !loosened.is_empty();
        // Who may register is nobody who is there.
        let of_people = |name: &&'static str| !RegistrationSettings::NAMES.contains(name);
        if loosened.iter().any(of_people) {
            concerned.push(within);
        }
    }
    if is_looser {
        let action = Action::PolicyLoosen;
        authorize_too(&deed.writing, deed, action, organisation, &concerned).await?;
    }
    Ok(())
}
