//! The second factors that accounts have in a database which is replaced by an older one. They stay as they are: what was
//! taken away since does not come back, and who has one since is not without it.

use std::collections::BTreeSet;

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _,
};

use crate::entity::{passkeys, totp, users};
use crate::{DbError, Reading, Writing};

/// How many rows are changed at once.
const PART: usize = 500;

/// What accounts have. Nothing of it is read more closely: a row that is damaged is kept as it is.
#[derive(Default)]
pub struct ReplacedFactors {
    /// Every account, also those that have none.
    accounts: BTreeSet<String>,
    passkeys: Vec<passkeys::Model>,
    apps: Vec<totp::Model>,
}

/// Reads it. An app whose first code was not given yet is none.
pub async fn read(reading: &Reading) -> Result<ReplacedFactors, DbError> {
    let transaction = &reading.transaction;
    Ok(ReplacedFactors {
        accounts: accounts(reading).await?,
        passkeys: passkeys::Entity::find().all(transaction).await?,
        apps: totp::Entity::find()
            .filter(totp::Column::Confirmed.is_not_null())
            .all(transaction)
            .await?,
    })
}

impl ReplacedFactors {
    /// Returns the secrets of the apps, as values of the key ring, each with the text of its user's id.
    pub fn secrets(&mut self) -> impl Iterator<Item = (&str, &mut Vec<u8>)> {
        let apps = self.apps.iter_mut();
        apps.map(|app| (app.user_id.as_str(), &mut app.secret))
    }

    /// Puts it into what was restored, in the place of what the same accounts have there; returns how many that were. What
    /// accounts have that were not in the replaced database stays.
    pub async fn put(self, writing: &Writing) -> Result<u64, DbError> {
        let restored = accounts(writing).await?;
        let transaction = &writing.transaction;
        let known: Vec<&String> = restored.intersection(&self.accounts).collect();
        for part in known.chunks(PART) {
            let part = part.iter().copied().cloned();
            passkeys::Entity::delete_many()
                .filter(passkeys::Column::UserId.is_in(part.clone()))
                .exec(transaction)
                .await?;
            totp::Entity::delete_many()
                .filter(totp::Column::UserId.is_in(part))
                .exec(transaction)
                .await?;
        }
        let mut n_put = 0;
        for app in self.apps {
            if restored.contains(&app.user_id) {
                let app = app.into_active_model().reset_all();
                app.insert(transaction).await?;
                n_put += 1;
            }
        }
        for passkey in self.passkeys {
            if restored.contains(&passkey.user_id) {
                let passkey = passkey.into_active_model().reset_all();
                passkey.insert(transaction).await?;
                n_put += 1;
            }
        }
        Ok(n_put)
    }
}

async fn accounts(reading: &Reading) -> Result<BTreeSet<String>, DbError> {
    let ids = users::Entity::find()
        .select_only()
        .column(users::Column::Id)
        .into_tuple::<String>()
        .all(&reading.transaction)
        .await?;
    Ok(ids.into_iter().collect())
}
