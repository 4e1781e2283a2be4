//! Lists computers.

use strongroom_api::v1;
use strongroom_db::computers::{self, Filter};
use strongroom_domain::access::Action;

use super::shown;
use crate::app::paging::{self, Asked};
use crate::app::words::{parse_optional, search};
use crate::app::{Fault, View, visible};

/// Returns the computers that the caller sees and asks for, by name.
pub async fn list(view: &View, query: &v1::ComputerQuery) -> Result<v1::Page<v1::Computer>, Fault> {
    let asked = Asked::new(query.after.as_deref(), query.limit)?;
    let reach = visible::accounts(view, Action::ComputerRead);
    let within = parse_optional("organisation", query.organisation.as_deref())?
        .map(|top| view.tree.within(top));
    let filter = Filter {
        among: reach.organisations,
        or_user: reach.own,
        user: parse_optional("user", query.user.as_deref())?,
        within,
        search: search(query.search.as_deref())?,
        after: asked.after_two()?,
        limit: asked.limit_and_one(),
    };
    let found = computers::list(&view.reading, &filter).await?;
    Ok(asked.page(
        found,
        |last| paging::cursor(&[last.name.key(), &last.computer.id.to_string()]),
        |stored| shown(&stored),
    ))
}
