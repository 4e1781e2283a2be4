//! The table `certificates`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "certificates")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) name: String,
    pub(crate) directory: String,
    pub(crate) domains: String,
    pub(crate) chain: String,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) failures: i64,
    pub(crate) next_try: Option<i64>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
