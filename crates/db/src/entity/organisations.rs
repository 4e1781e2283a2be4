//! The table `organisations`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "organisations")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) parent_id: Option<String>,
    pub(crate) place: String,
    pub(crate) name: String,
    pub(crate) name_key: String,
    pub(crate) state: String,
    pub(crate) state_since: Option<i64>,
    pub(crate) made: i64,
    pub(crate) version: i64,
    pub(crate) second_factor: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
