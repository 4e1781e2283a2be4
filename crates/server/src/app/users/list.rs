//! Lists users.

use strongroom_api::v1;
use strongroom_db::users::{self, Filter, State};
use strongroom_domain::access::Action;

use super::shown;
use crate::app::paging::{self, Asked};
use crate::app::words::{parse_optional, search};
use crate::app::{Fault, View, visible};

/// Returns the users whom the caller sees and asks for, by name.
pub async fn list(view: &View, query: &v1::UserQuery) -> Result<v1::Page<v1::User>, Fault> {
    let asked = Asked::new(query.after.as_deref(), query.limit)?;
    let reach = visible::accounts(view, Action::AccountRead);
    let within = parse_optional("organisation", query.organisation.as_deref())?
        .map(|top| view.tree.within(top));
    let filter = Filter {
        among: reach.organisations,
        or_user: reach.own,
        within,
        state: query.state.map(state),
        search: search(query.search.as_deref())?,
        after: asked.after_one()?.map(str::to_owned),
        limit: asked.limit_and_one(),
    };
    let found = users::list(&view.reading, &filter).await?;
    Ok(asked.page(
        found,
        |last| paging::cursor(&[last.name.key()]),
        |user| shown(&user, &view.tree),
    ))
}

fn state(state: v1::UserStateFilter) -> State {
    match state {
        v1::UserStateFilter::Active => State::Active,
        v1::UserStateFilter::Inactive => State::Inactive,
        v1::UserStateFilter::Blocked => State::Blocked,
        v1::UserStateFilter::Suspended => State::Suspended,
    }
}
