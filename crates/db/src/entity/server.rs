//! The table `server`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "server")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: i64,
    pub(crate) server_id: String,
    pub(crate) epoch: i64,
    pub(crate) tree_version: i64,
    pub(crate) audit_log: String,
    pub(crate) audit_seq: i64,
    pub(crate) audit_hash: Vec<u8>,
    pub(crate) made: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
