//! What a new password of an account must be. It is checked here, because it does not leave this computer.

use strongroom_domain::password::{Context, PasswordLength, check};
use strongroom_domain::policy::{Chain, PasswordSettings, Setting, Settings as _};

use super::ServerError;
use crate::custody::account_password::{AccountPassword, AccountPasswordError};

/// Fails where a new password is short or easy to guess for somebody who knows the user and the server. The server says how many
/// characters it must have; what no server may ask for counts as the floor, or the most.
pub fn check_new_password(
    password: &AccountPassword,
    length_min: u8,
    user: &str,
    server: &str,
) -> Result<(), ServerError> {
    let text = std::str::from_utf8(password.expose_bytes());
    let text = text.map_err(|_never| AccountPasswordError::NotText)?;
    let context = Context::new([user, server]);
    let least = length_min.clamp(PasswordLength::FLOOR.get(), PasswordLength::MOST.get());
    let least = PasswordLength::new(least).map_err(ServerError::WeakPassword)?;
    let server = PasswordSettings {
        length_min: Setting::open(least),
    };
    let policy = PasswordSettings::policy(&Chain {
        server: &server,
        below: &[],
    });
    check(text, &policy, &context).map_err(ServerError::WeakPassword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_easy_to_guess_is_refused() {
        let check = |text: &str, least: u8| {
            let password = AccountPassword::from_typed(text.as_bytes()).unwrap();
            check_new_password(&password, least, "ada.lovelace", "backup.example.org").is_ok()
        };
        assert!(check("correct horse battery staple", 12));
        for wrong in ["short", "password1234", "ada.lovelace.backup"] {
            assert!(!check(wrong, 12), "{wrong}");
        }
        // What the server asks for counts, down to the floor.
        assert!(!check("correct horse battery staple", 30));
        assert!(check("x7!Kq2", 6));
        assert!(!check("x7!Kq", 0));
    }
}
