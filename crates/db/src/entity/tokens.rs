//! The table `tokens`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "tokens")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) name: String,
    pub(crate) actions: String,
    pub(crate) organisation_id: Option<String>,
    pub(crate) made: i64,
    pub(crate) expires: i64,
    pub(crate) last_used: Option<i64>,
    pub(crate) epoch: i64,
    pub(crate) revoked: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
