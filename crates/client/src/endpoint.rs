//! One endpoint as its users see it: what it takes, what it gives, and whether asking twice does harm.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
pub use strongroom_api::v1::Verb;

use crate::ClientError;

/// How an endpoint is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Reads one thing.
    Read,
    /// Reads a list, in parts.
    List,
    /// Reads a list that is short enough to come whole.
    Whole,
    /// Reads bytes.
    Download,
    /// Changes something.
    Change,
    /// Changes something of which the caller must say which version they have seen.
    Versioned,
    /// Makes something; a field of the answer is shown once.
    Secret(&'static str),
    /// Says something of oneself: said twice, it does no harm.
    Report,
    /// Is used by who has not signed in; never repeated by itself.
    Public,
}

/// What an endpoint takes or gives that has no body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing;

/// One endpoint. `T` is its body, or the query of a list; `G` what it gives, of a list each item.
pub struct Endpoint<T, G> {
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) sort: Sort,
    types: PhantomData<fn(T) -> G>,
}

/// An endpoint whose bodies are values: for programs that have a table of them.
#[derive(Clone, Copy)]
pub struct Operation {
    /// What is done.
    pub verb: Verb,
    /// Where, after the prefix of the version.
    pub path: &'static str,
    /// How it is used.
    pub sort: Sort,
    /// Checks a body.
    check: fn(&Value) -> Result<(), serde_json::Error>,
}

/// A request that is put together.
pub struct Request {
    pub(crate) verb: Verb,
    pub(crate) path: Vec<String>,
    pub(crate) sort: Sort,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Option<Value>,
    pub(crate) version: Option<String>,
}

impl<T, G> Endpoint<T, G> {
    pub(crate) const fn new(verb: Verb, path: &'static str, sort: Sort) -> Self {
        Self {
            verb,
            path,
            sort,
            types: PhantomData,
        }
    }

    /// Begins a request to it, with what the names in its path stand for.
    pub fn request(&self, names: &[&str]) -> Request {
        request(self.verb, self.path, self.sort, names)
    }
}

impl<T: DeserializeOwned, G> Endpoint<T, G> {
    /// Returns it for values.
    pub const fn operation(&self) -> Operation {
        Operation {
            verb: self.verb,
            path: self.path,
            sort: self.sort,
            check: check::<T>,
        }
    }
}

impl Operation {
    /// Begins a request to it, with what the names in its path stand for.
    pub fn request(&self, names: &[&str]) -> Request {
        request(self.verb, self.path, self.sort, names)
    }

    /// Begins a request that reads what it changes: what the first name in its path stands for.
    pub fn thing(&self, names: &[&str]) -> Request {
        let end = self.path.find('}').map_or(self.path.len(), |end| end + 1);
        request(Verb::Get, &self.path[..end], Sort::Read, names)
    }

    /// Returns the names of the parameters in the path.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        let parts = self.path.split('/');
        parts.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Fails where a body is not what the endpoint takes.
    pub fn check(&self, body: &Value) -> Result<(), ClientError> {
        (self.check)(body).map_err(ClientError::NotTaken)
    }
}

impl Request {
    /// Gives it a body.
    pub fn body<T: Serialize>(mut self, body: &T) -> Result<Self, ClientError> {
        let body = serde_json::to_value(body).map_err(ClientError::NotTaken)?;
        self.body = Some(body);
        Ok(self)
    }

    /// Adds to the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        self.query.push((name.to_owned(), value.into()));
        self
    }

    /// Says which version the caller has seen.
    #[must_use]
    pub fn version(mut self, version: i64) -> Self {
        self.version = Some(format!("\"{version}\""));
        self
    }

    /// Has everything undone at the end.
    #[must_use]
    pub fn dry_run(self) -> Self {
        self.query("dry-run", "true")
    }

    /// Tells whether a repeat does no harm: it reads, or the server knows a repeat by its key.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.verb == Verb::Get || self.sort == Sort::Report || self.has_key()
    }

    /// Tells whether it is given a name by which the server knows a repeat.
    pub(crate) fn has_key(&self) -> bool {
        self.verb != Verb::Get && !matches!(self.sort, Sort::Public | Sort::Report)
    }
}

fn request(verb: Verb, path: &str, sort: Sort, names: &[&str]) -> Request {
    let mut names = names.iter();
    let parts = path.split('/').filter(|part| !part.is_empty());
    let path = parts.map(|part| {
        if part.starts_with('{') {
            names.next().copied().unwrap_or_default().to_owned()
        } else {
            part.to_owned()
        }
    });
    Request {
        verb,
        path: path.collect(),
        sort,
        query: Vec::new(),
        body: None,
        version: None,
    }
}

fn check<T: DeserializeOwned>(body: &Value) -> Result<(), serde_json::Error> {
    T::deserialize(body).map(drop)
}
