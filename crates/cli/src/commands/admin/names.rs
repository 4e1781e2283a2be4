//! Between names, which people use, and ids, which the API uses.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::Value;
use strongroom_agent::client::{Client, endpoints};
use strongroom_base::ids::from_hex;

use super::table::Sort;
use crate::failure::Failure;

/// Looks up names and ids at a server; what is needed often is asked for once.
pub(super) struct Names<'a> {
    client: &'a Client,
    organisations: OnceCell<BTreeMap<String, String>>,
    users: OnceCell<BTreeMap<String, String>>,
}

impl<'a> Names<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self {
            client,
            organisations: OnceCell::new(),
            users: OnceCell::new(),
        }
    }

    /// Returns what the API takes for what was typed.
    pub(super) fn id(&self, sort: Sort, text: &str) -> Result<String, Failure> {
        let is_id = from_hex::<16>(text).is_some();
        match sort {
            _ if is_id => Ok(text.to_owned()),
            Sort::Organisation => self.organisation(text),
            Sort::User => self.user(text),
            Sort::Group => self.group(text),
            Sort::Computer => self.computer(text),
            _ => Ok(text.to_owned()),
        }
    }

    /// Returns the path of an organisation for people; the id where it is not seen.
    pub(super) fn of_organisation(&self, id: &str) -> String {
        let paths = self.organisations.get_or_init(|| paths(self.client));
        paths.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// Returns the name of a user; the id where they are not seen.
    pub(super) fn of_user(&self, id: &str) -> String {
        let names = self.users.get_or_init(|| {
            let pages = self.client.pages(endpoints::USERS.request(&[]));
            let pair = |item: Value| Some((text(&item, "id")?, text(&item, "name")?));
            pages.map_while(Result::ok).filter_map(pair).collect()
        });
        names.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// A name, or names from the top with `/` between.
    fn organisation(&self, typed: &str) -> Result<String, Failure> {
        let mut parts: Vec<&str> = typed.split('/').filter(|part| !part.is_empty()).collect();
        let Some(last) = parts.pop() else {
            return Err(Failure::Named("an organisation has a name".to_owned()));
        };
        let request = endpoints::ORGANISATIONS.request(&[]).query("search", last);
        let found = self.matching(request, "name", last)?;
        if parts.is_empty() && !typed.starts_with('/') {
            return only("organisation", typed, &found);
        }
        let mut above = None;
        for part in parts {
            let request = endpoints::ORGANISATIONS.request(&[]).query("search", part);
            let here = below(self.matching(request, "name", part)?, above.as_deref());
            above = Some(only("organisation", typed, &here)?);
        }
        only("organisation", typed, &below(found, above.as_deref()))
    }

    fn user(&self, typed: &str) -> Result<String, Failure> {
        if typed == "me" {
            return Ok(self.client.ask(&endpoints::ME, &[])?.user.id);
        }
        let request = endpoints::USERS.request(&[]).query("search", typed);
        let found = self.matching(request, "name", typed)?;
        only("user", typed, &found)
    }

    fn group(&self, typed: &str) -> Result<String, Failure> {
        let Some((organisation, name)) = typed.rsplit_once('/') else {
            let message = format!("name a group with its organisation: ORGANISATION/{typed}");
            return Err(Failure::Named(message));
        };
        let organisation = self.id(Sort::Organisation, organisation)?;
        let request = endpoints::GROUPS.request(&[&organisation]);
        only("group", typed, &self.matching(request, "name", name)?)
    }

    fn computer(&self, typed: &str) -> Result<String, Failure> {
        let request = endpoints::COMPUTERS.request(&[]).query("search", typed);
        only("computer", typed, &self.matching(request, "name", typed)?)
    }

    /// Returns what has this name; upper and lower case matter only where both are there.
    fn matching(
        &self,
        request: strongroom_agent::client::Request,
        field: &str,
        name: &str,
    ) -> Result<Vec<Value>, Failure> {
        let mut found = Vec::new();
        let lower = name.to_lowercase();
        for item in self.client.pages(request) {
            let item = item?;
            if text(&item, field).is_some_and(|text| text.to_lowercase() == lower) {
                found.push(item);
            }
        }
        let exact = |item: &Value| text(item, field).as_deref() == Some(name);
        if found.iter().any(exact) {
            found.retain(exact);
        }
        Ok(found)
    }
}

/// Returns those right below an organisation, or at the top.
fn below(found: Vec<Value>, above: Option<&str>) -> Vec<Value> {
    let is_below = |item: &Value| text(item, "parent").as_deref() == above;
    found.into_iter().filter(is_below).collect()
}

/// Returns the id of the only one; says so where there is none or more.
fn only(what: &str, typed: &str, found: &[Value]) -> Result<String, Failure> {
    let ids: Vec<String> = found.iter().filter_map(|item| text(item, "id")).collect();
    match ids.as_slice() {
        [id] => Ok(id.clone()),
        [] => Err(Failure::Named(format!("you see no {what} called {typed}"))),
        several => Err(Failure::Named(format!(
            "there are {} of the name {typed}; name the {what} by its id: {}",
            several.len(),
            several.join(", ")
        ))),
    }
}

/// The paths of all organisations that are seen. What is above the highest that is seen has no name here.
fn paths(client: &Client) -> BTreeMap<String, String> {
    let pages = client.pages(endpoints::ORGANISATIONS.request(&[]));
    let items = pages.map_while(Result::ok);
    let entry = |item: Value| {
        Some((
            text(&item, "id")?,
            (text(&item, "name")?, text(&item, "parent")),
        ))
    };
    let all: BTreeMap<String, (String, Option<String>)> = items.filter_map(entry).collect();
    let path = |(name, parent): &(String, Option<String>)| {
        let mut path = name.clone();
        let mut above = parent.as_ref();
        // A tree has at most eight levels; what says otherwise ends here.
        for _ in 0..16 {
            let Some((name, next)) = above.and_then(|id| all.get(id)) else {
                break;
            };
            path = format!("{name}/{path}");
            above = next.as_ref();
        }
        path
    };
    all.iter()
        .map(|(id, entry)| (id.clone(), path(entry)))
        .collect()
}

fn text(item: &Value, field: &str) -> Option<String> {
    Some(item.get(field)?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_is_meant_or_it_is_said_why_not() {
        let items = [json!({"id": "a", "parent": "p"}), json!({"id": "b"})];
        assert_eq!(only("user", "x", &items[..1]).unwrap(), "a");
        let none = only("user", "x", &[]).unwrap_err().to_string();
        assert_eq!(none, "you see no user called x");
        let two = only("user", "x", &items).unwrap_err().to_string();
        assert!(two.ends_with("name the user by its id: a, b"), "{two}");
        assert_eq!(below(items.to_vec(), Some("p")), items[..1]);
        assert_eq!(below(items.to_vec(), None), items[1..]);
    }
}
