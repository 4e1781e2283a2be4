//! The table `sessions`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) user_id: String,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) signed_in: i64,
    pub(crate) began: i64,
    pub(crate) last_used: i64,
    pub(crate) epoch: i64,
    pub(crate) ended: Option<i64>,
    pub(crate) address: String,
    pub(crate) program: String,
    pub(crate) second_factor: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
