//! The table `heads`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "heads")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) computer_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) archive_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) destination_id: String,
    pub(crate) generation: i64,
    pub(crate) seq: i64,
    pub(crate) hash: Vec<u8>,
    pub(crate) epoch: i64,
    pub(crate) since: i64,
    pub(crate) behind_generation: Option<i64>,
    pub(crate) behind_seq: Option<i64>,
    pub(crate) behind_hash: Option<Vec<u8>>,
    pub(crate) behind_since: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
