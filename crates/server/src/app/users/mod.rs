//! Users and their accounts.

mod change_state;
mod create;
mod link;
mod list;
mod profile;
mod relocate;
mod update;

use strongroom_api::v1;
use strongroom_db::users::User;
use strongroom_domain::account::{AccountState, Cause, Origin, SignIn, Standing};

use super::words::moment;
use super::{Fault, Tree, View};

pub use change_state::{AccountDeed, change_state, reactivate_own};
pub use create::{create, import};
pub use link::issue_link;
pub(super) use link::text as link_text;
pub use list::list;
pub use profile::{profile, update_profile};
pub use relocate::relocate;
pub use update::update;

/// Returns the user who was asked for.
pub fn read(view: &View) -> Result<v1::User, Fault> {
    Ok(shown(&view.user()?, &view.tree))
}

pub(super) fn shown(user: &User, tree: &Tree) -> v1::User {
    v1::User {
        id: user.account.user.to_string(),
        organisation: user.organisation.to_string(),
        name: user.name.as_str().to_owned(),
        person: user.person.as_ref().map(|name| name.as_str().to_owned()),
        email: user.email.as_ref().map(|email| email.as_str().to_owned()),
        state: match user.account.state {
            AccountState::Active => v1::AccountState::Active,
            AccountState::Inactive { .. } => v1::AccountState::Inactive,
            AccountState::Blocked { .. } => v1::AccountState::Blocked,
        },
        sign_in: match user.account.sign_in {
            SignIn::Open => v1::SignInState::Open,
            SignIn::Suspended { .. } => v1::SignInState::Suspended,
        },
        standing: standing(tree.standing(&user.account, user.organisation)),
        external: user.account.origin == Origin::External,
        made: moment(user.made),
        version: user.version,
    }
}

fn standing(standing: Standing) -> v1::AccountStanding {
    let (state, since, cause) = match standing {
        Standing::Active { .. } => (v1::AccountState::Active, None, None),
        Standing::Inactive { since, cause, .. } => {
            (v1::AccountState::Inactive, Some(since), Some(cause))
        }
        Standing::Blocked { since, cause } => (v1::AccountState::Blocked, Some(since), Some(cause)),
    };
    v1::AccountStanding {
        state,
        since: since.map(moment),
        cause: cause.map(|cause| match cause {
            Cause::Own => v1::AccountCause::Own,
            Cause::Organisation(id) => v1::AccountCause::Organisation(id.to_string()),
        }),
    }
}
