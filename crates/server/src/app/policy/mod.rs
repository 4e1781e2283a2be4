//! Settings of organisations: what holds, where it comes from, and how it is changed.

mod change;
mod list;
mod loosen;

use strongroom_base::ids::{OrganisationId, to_hex};
use strongroom_crypto::hash::Hasher;
use strongroom_domain::policy::{Lock, Policies};

use super::{App, Tree};
use strongroom_api::v1;

pub use change::{inherit, set};
pub use list::{list, own};

/// How many bytes of a hash name a policy.
const VERSION_LEN: usize = 8;

impl App {
    /// Returns what holds at an organisation.
    pub(crate) fn policies(&self, tree: &Tree, organisation: OrganisationId) -> Policies {
        Policies::of(&self.settings.groups, &tree.own_groups(organisation))
    }

    /// Returns the fewest characters of a password there. The client checks it: no password comes here.
    pub(crate) fn password_length_min(&self, tree: &Tree, organisation: OrganisationId) -> u8 {
        let policies = self.policies(tree, organisation);
        policies.password.length_min.value.get()
    }
}

/// Returns the name of what holds: another one where any value is another. Whose a value is makes no difference.
pub(crate) fn version(policies: &Policies) -> String {
    let mut hasher = Hasher::new();
    for holds in policies.all() {
        hasher.update(holds.name.as_bytes()).update(b"=");
        hasher.update(holds.value.as_bytes()).update(b"\n");
    }
    let hash = hasher.finalize();
    to_hex(hash.get(..VERSION_LEN).unwrap_or_default())
}

fn shown_lock(lock: Lock) -> v1::SettingLock {
    match lock {
        Lock::Open => v1::SettingLock::Open,
        Lock::Locked => v1::SettingLock::Locked,
    }
}
