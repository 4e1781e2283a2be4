//! The table `computers`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "computers")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) name: String,
    pub(crate) name_key: String,
    pub(crate) life: String,
    pub(crate) life_since: Option<i64>,
    pub(crate) credential: String,
    pub(crate) credential_since: Option<i64>,
    pub(crate) operating_system: String,
    pub(crate) program_version: String,
    pub(crate) last_seen: Option<i64>,
    pub(crate) made: i64,
    pub(crate) version: i64,
    pub(crate) policy: Option<String>,
    pub(crate) epoch: Option<i64>,
    pub(crate) backup_state: Option<String>,
    pub(crate) backed_up: Option<i64>,
    pub(crate) heads_hash: Option<Vec<u8>>,
    pub(crate) heads_behind: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
