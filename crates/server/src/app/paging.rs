//! Pages of lists: where one ends is said by the keys of its last item.

use strongroom_api::v1::Page;
use strongroom_base::ids::to_hex;

use super::Fault;
use super::words::bytes;

/// How many items are given where nobody says, and how many at most.
const LIMIT: u16 = 100;
const LIMIT_MAX: u16 = 1000;

/// Most bytes of what says where a page begins.
const CURSOR_LEN_MAX: usize = 4096;

/// Between the keys of a cursor; no key has it.
const BETWEEN: char = '\0';

/// Which part of a list was asked for.
pub(crate) struct Asked {
    after: Vec<String>,
    limit: u16,
}

/// Says where a page ends.
pub(crate) fn cursor(keys: &[&str]) -> String {
    to_hex(keys.join(&BETWEEN.to_string()).as_bytes())
}

impl Asked {
    /// Takes what was asked for.
    pub(crate) fn new(after: Option<&str>, limit: Option<u16>) -> Result<Self, Fault> {
        let limit = limit.unwrap_or(LIMIT);
        if limit == 0 || limit > LIMIT_MAX {
            let detail = format!("a page has from 1 to {LIMIT_MAX} items");
            return Err(Fault::invalid("limit", detail));
        }
        let keys = |text: &str| -> Option<Vec<String>> {
            let found = (text.len() <= CURSOR_LEN_MAX).then(|| bytes(text))??;
            let text = String::from_utf8(found).ok()?;
            Some(text.split(BETWEEN).map(str::to_owned).collect())
        };
        let after = match after {
            None => Vec::new(),
            Some(text) => {
                keys(text).ok_or_else(|| Fault::invalid("after", "no page ends like this"))?
            }
        };
        Ok(Self { after, limit })
    }

    /// Returns how many items to look for: one more tells whether there is another page.
    pub(crate) fn limit_and_one(&self) -> u64 {
        u64::from(self.limit) + 1
    }

    /// Returns the key after which the page begins, in a list with one key.
    pub(crate) fn after_one(&self) -> Result<Option<&str>, Fault> {
        match self.after.as_slice() {
            [] => Ok(None),
            [key] => Ok(Some(key)),
            _ => Err(Fault::invalid(
                "after",
                "no page of this list ends like this",
            )),
        }
    }

    /// Returns the keys after which the page begins, in a list with two.
    pub(crate) fn after_two(&self) -> Result<Option<(String, String)>, Fault> {
        match self.after.as_slice() {
            [] => Ok(None),
            [key, other] => Ok(Some((key.clone(), other.clone()))),
            _ => Err(Fault::invalid(
                "after",
                "no page of this list ends like this",
            )),
        }
    }

    /// Makes the page of what was found.
    pub(crate) fn page<T, U>(
        &self,
        mut found: Vec<T>,
        cursor: impl FnOnce(&T) -> String,
        shown: impl FnMut(T) -> U,
    ) -> Page<U> {
        let is_more = found.len() > usize::from(self.limit);
        found.truncate(usize::from(self.limit));
        let next = found.last().filter(|_| is_more).map(cursor);
        Page {
            items: found.into_iter().map(shown).collect(),
            next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_where_the_next_begins() {
        let asked = Asked::new(None, Some(2)).unwrap();
        assert_eq!(asked.limit_and_one(), 3);
        let page = asked.page(vec!["a", "ü", "c"], |last| cursor(&[last, "id"]), |x| x);
        assert_eq!(page.items, ["a", "ü"]);
        let next = Asked::new(page.next.as_deref(), None).unwrap();
        let expected = ("ü".to_owned(), "id".to_owned());
        assert_eq!(next.after_two().unwrap(), Some(expected));
        assert!(next.after_one().is_err());
        let last = next.page(vec!["c"], |last| cursor(&[last]), |x| x);
        assert_eq!(last.next, None);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for after in ["x", "abc", "ü", "ff", &"00".repeat(5000)] {
            assert!(Asked::new(Some(after), None).is_err(), "{after}");
        }
        for limit in [0, 1001] {
            assert!(Asked::new(None, Some(limit)).is_err());
        }
    }
}
