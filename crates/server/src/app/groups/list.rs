//! Lists the groups of an organisation.

use strongroom_api::v1;
use strongroom_db::groups;

use super::shown;
use crate::app::paging::{self, Asked};
use crate::app::{Fault, View};

/// Returns the groups of the organisation of the path, by name.
pub async fn list(view: &View, query: &v1::PageQuery) -> Result<v1::Page<v1::Group>, Fault> {
    let organisation = view.organisation()?.id;
    let asked = Asked::new(query.after.as_deref(), query.limit)?;
    let after = asked.after_one()?;
    let found = groups::list(&view.reading, organisation, after, asked.limit_and_one()).await?;
    Ok(asked.page(
        found,
        |last| paging::cursor(&[last.group.name.key()]),
        |stored| shown(&stored),
    ))
}
