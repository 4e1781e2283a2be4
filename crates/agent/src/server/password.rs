//! What a new password of an account must be. It is checked here, because it does not leave this computer.

use strongroom_domain::password::{Context, check};
use strongroom_domain::policy::{Chain, PasswordSettings, Settings as _};

use super::ServerError;
use crate::custody::account_password::{AccountPassword, AccountPasswordError};

/// Fails where a new password is short or easy to guess for somebody who knows the user and the server.
pub fn check_new_password(
    password: &AccountPassword,
    user: &str,
    server: &str,
) -> Result<(), ServerError> {
    let text = std::str::from_utf8(password.expose_bytes());
    let text = text.map_err(|_never| AccountPasswordError::NotText)?;
    let context = Context::new([user, server]);
    // What holds where nobody decided: the server has no settings of its own yet.
    let policy = PasswordSettings::policy(&Chain {
        server: &PasswordSettings::default(),
        below: &[],
    });
    check(text, &policy, &context).map_err(ServerError::WeakPassword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_easy_to_guess_is_refused() {
        let check = |text: &str| {
            let password = AccountPassword::from_typed(text.as_bytes()).unwrap();
            check_new_password(&password, "ada.lovelace", "backup.example.org").is_ok()
        };
        assert!(check("correct horse battery staple"));
        for wrong in ["short", "password1234", "ada.lovelace.backup"] {
            assert!(!check(wrong), "{wrong}");
        }
    }
}
