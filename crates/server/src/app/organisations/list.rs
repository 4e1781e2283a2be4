//! Lists organisations.

use strongroom_api::v1;
use strongroom_db::organisations::{self, Filter};
use strongroom_domain::access::Action;

use super::shown;
use crate::app::paging::{self, Asked};
use crate::app::words::{parse_optional, search};
use crate::app::{Fault, View, visible};

/// Returns the organisations that the caller sees and asks for, by name.
pub async fn list(
    view: &View,
    query: &v1::OrganisationQuery,
) -> Result<v1::Page<v1::Organisation>, Fault> {
    let asked = Asked::new(query.after.as_deref(), query.limit)?;
    let filter = Filter {
        among: visible::organisations(view, Action::OrganisationRead),
        below: parse_optional("parent", query.parent.as_deref())?,
        search: search(query.search.as_deref())?,
        after: asked.after_two()?,
        limit: asked.limit_and_one(),
    };
    let found = organisations::list(&view.reading, &filter).await?;
    Ok(asked.page(
        found,
        |last| paging::cursor(&[last.name.key(), &last.id.to_string()]),
        |organisation| shown(&organisation, &view.tree),
    ))
}
