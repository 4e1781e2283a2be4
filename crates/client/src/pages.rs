//! Lists, part by part: nothing but the part at hand is in memory.

use std::collections::VecDeque;

use serde_json::Value;

use crate::{Client, ClientError, Request, Sort};

/// How many items one part has.
const PART: &str = "500";

/// The items of a list, fetched as they are wanted.
pub struct Pages<'a> {
    client: &'a Client,
    request: Request,
    items: VecDeque<Value>,
    after: Option<String>,
    is_over: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(client: &'a Client, request: Request) -> Self {
        Self {
            client,
            request,
            items: VecDeque::new(),
            after: None,
            is_over: false,
        }
    }

    fn fetch(&mut self) -> Result<(), ClientError> {
        let mut query = self.request.query.clone();
        // Short lists are not given in parts, and take no such words.
        if self.request.sort == Sort::List {
            query.push(("limit".to_owned(), PART.to_owned()));
            query.extend(self.after.take().map(|after| ("after".to_owned(), after)));
        }
        let reply = self.client.send(&Request {
            verb: self.request.verb,
            path: self.request.path.clone(),
            sort: self.request.sort,
            query,
            body: None,
            version: None,
        })?;
        let page: strongroom_api::v1::Page<Value> =
            reply.read(&self.client.server().to_string())?;
        self.is_over = page.next.is_none() || page.items.is_empty();
        self.after = page.next;
        self.items = page.items.into();
        Ok(())
    }
}

impl Iterator for Pages<'_> {
    type Item = Result<Value, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.items.is_empty() {
            if self.is_over {
                return None;
            }
            if let Err(error) = self.fetch() {
                self.is_over = true;
                return Some(Err(error));
            }
        }
        self.items.pop_front().map(Ok)
    }
}
