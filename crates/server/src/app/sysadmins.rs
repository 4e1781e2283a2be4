//! The sysadmins who can sign in, as the rule about the last of them asks.

use strongroom_db::{Writing, users};
use strongroom_domain::access::{Grant, Sysadmins};

use super::{Fault, Tree};

/// Reads who they are. It is called under the lock, so two sysadmins cannot remove each other.
pub(super) async fn who_can_sign_in(writing: &Writing, tree: &Tree) -> Result<Sysadmins, Fault> {
    let found = users::with_grant_and_credential(writing, Grant::Sysadmin.name()).await?;
    let standing = found.iter().filter(|user| {
        tree.standing(&user.account, user.organisation)
            .may_sign_in()
    });
    let with_paths =
        standing.filter_map(|user| Some((user.account.user, tree.path(user.organisation)?)));
    Ok(Sysadmins::who_can_sign_in(with_paths))
}
