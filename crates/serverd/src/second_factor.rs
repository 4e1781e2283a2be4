//! `strongroom-server second-factor`

use anyhow::Result;
use strongroom_server::app::{first_start, second_factor};

use crate::arguments::{Arguments, SecondFactor};
use crate::{open, output};

pub(crate) fn run(arguments: &Arguments, command: &SecondFactor) -> Result<()> {
    open::beside(arguments, async |app| {
        first_start::check(&app).await?;
        match command {
            SecondFactor::Remove { user } => {
                let taken = second_factor::remove_beside(&app, user).await?;
                output::line(&format!(
                    "taken away: authenticator apps {}, passkeys {}, and all recovery codes",
                    u8::from(taken.app),
                    taken.passkeys
                ));
                output::line("the password alone signs in now, until another one is set up");
                Ok(())
            }
        }
    })
}
