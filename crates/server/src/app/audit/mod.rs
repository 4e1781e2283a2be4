//! The audit log: what goes in, and who sees what of it.

mod checkpoint;
mod export;
mod list;
pub mod sinks;

use std::collections::BTreeMap;

use serde_json::Value;
use strongroom_base::ids::{OrganisationId, UserId};
use strongroom_custody::audit;
use strongroom_db::groups;
use strongroom_db::organisations::Organisation;
use strongroom_db::users::User;

pub use checkpoint::{public_key, sign_if_due};
pub use export::{Export, export};
pub use list::list;

/// What was done, to what. Who did it, when and from where the deed knows.
pub(crate) struct Event {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) shown: String,
    pub(super) organisation: Option<OrganisationId>,
    pub(super) user: Option<UserId>,
    pub(super) details: BTreeMap<String, String>,
}

impl Event {
    /// Makes the event of something done to an organisation.
    pub(crate) fn of_organisation(name: &'static str, organisation: &Organisation) -> Self {
        Self {
            name,
            kind: "organisation",
            id: organisation.id.to_string(),
            shown: organisation.name.as_str().to_owned(),
            organisation: Some(organisation.id),
            user: None,
            details: BTreeMap::new(),
        }
    }

    /// Makes the event of something done to a user.
    pub(crate) fn of_user(name: &'static str, user: &User) -> Self {
        Self {
            name,
            kind: "user",
            id: user.account.user.to_string(),
            shown: user.name.as_str().to_owned(),
            organisation: Some(user.organisation),
            user: Some(user.account.user),
            details: BTreeMap::new(),
        }
    }

    /// Makes the event of something done to what belongs to a user.
    pub(crate) fn of_thing(
        name: &'static str,
        kind: &'static str,
        id: impl std::fmt::Display,
        shown: &str,
        owner: &User,
    ) -> Self {
        Self {
            kind,
            id: id.to_string(),
            shown: shown.to_owned(),
            ..Self::of_user(name, owner)
        }
    }

    /// Makes the event of something done to a group.
    pub(crate) fn of_group(name: &'static str, stored: &groups::Stored) -> Self {
        Self {
            name,
            kind: "group",
            id: stored.group.id.to_string(),
            shown: stored.group.name.as_str().to_owned(),
            organisation: Some(stored.group.organisation),
            user: None,
            details: BTreeMap::new(),
        }
    }

    /// Adds a value; one that is missing is not added.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(text) = text(&value.into()) {
            self.details.insert(name.to_owned(), text);
        }
        self
    }

    /// Adds what a value was, and what it is; nothing where it is the same.
    pub(crate) fn changed<T: Into<Value>>(mut self, name: &str, was: T, is: T) -> Self {
        let (was, is) = (was.into(), is.into());
        if was == is {
            return self;
        }
        for (when, value) in [("before", was), ("after", is)] {
            let text = text(&value).unwrap_or_default();
            self.details.insert(format!("{when}.{name}"), text);
        }
        self
    }

    /// Says which user it is about too.
    pub(crate) fn about(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Makes what goes into the log of it.
    pub(crate) fn by(self, actor: audit::Actor, address: String) -> audit::Event {
        audit::Event {
            actor,
            action: self.name.to_owned(),
            outcome: audit::Outcome::Done,
            organisation: self.organisation,
            subject: Some(audit::Subject {
                kind: self.kind.to_owned(),
                id: self.id,
                name: self.shown,
            }),
            address,
            reason: String::new(),
            details: self.details,
        }
    }
}

/// A value as the log has it.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
