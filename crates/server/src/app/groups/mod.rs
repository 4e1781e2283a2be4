//! Groups, and who is in one.

mod create;
mod list;
mod members;
mod remove;
mod rename;

use strongroom_api::v1;
use strongroom_db::groups::Stored;

use super::words::moment;
use super::{Fault, View};

pub use create::create;
pub use list::list;
pub use members::{add_member, members, remove_member};
pub use remove::remove;
pub use rename::rename;

/// Returns the group that was asked for.
pub fn read(view: &View) -> Result<v1::Group, Fault> {
    Ok(shown(&view.group()?))
}

fn shown(stored: &Stored) -> v1::Group {
    v1::Group {
        id: stored.group.id.to_string(),
        organisation: stored.group.organisation.to_string(),
        name: stored.group.name.as_str().to_owned(),
        made: moment(stored.made),
        version: stored.version,
    }
}
