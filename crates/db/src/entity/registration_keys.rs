//! The table `registration_keys`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "registration_keys")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) organisation_id: String,
    pub(crate) secret_hash: Vec<u8>,
    pub(crate) masked: String,
    pub(crate) made: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) uses_max: Option<i64>,
    pub(crate) uses: i64,
    pub(crate) last_seen: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
