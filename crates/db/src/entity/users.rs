//! The table `users`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: String,
    pub(crate) organisation_id: String,
    pub(crate) name: String,
    pub(crate) name_key: String,
    pub(crate) person_name: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) search: String,
    pub(crate) origin: String,
    pub(crate) state: String,
    pub(crate) state_since: Option<i64>,
    pub(crate) state_by: Option<String>,
    pub(crate) suspended_since: Option<i64>,
    pub(crate) made: i64,
    pub(crate) version: i64,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
