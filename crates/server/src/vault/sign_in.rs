//! What every sign-in needs: all nodes have the same, sealed under the master key. Without it nobody signs in with a
//! password any more.

use strongroom_base::random::RandomSource;
use strongroom_crypto::opaque::ServerSetup;
use strongroom_db::Database;

use super::{Vault, VaultError};

const NAME: &str = "sign-in";

/// Returns it; it is made where there is none.
pub async fn setup(
    database: &Database,
    vault: &Vault,
    random: &dyn RandomSource,
) -> Result<ServerSetup, VaultError> {
    let writing = database.set_up().await?;
    let make = || ServerSetup::random(random).expose_bytes();
    let bytes = vault.under_master(&writing, NAME, random, make).await?;
    writing.commit().await?;
    let setup = ServerSetup::from_bytes(bytes.expose_bytes());
    setup.map_err(|_unreadable| VaultError::Unreadable("the set-up of sign-in"))
}
