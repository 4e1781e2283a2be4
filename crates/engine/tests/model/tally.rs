//! What was done, counted.

use std::collections::BTreeMap;
use std::fmt;

use crate::step::Deed;

/// Counts of a run, or of many.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) operations: BTreeMap<Deed, u64>,
    pub(crate) counts: BTreeMap<String, u64>,
}

impl Tally {
    pub(crate) fn operation(&mut self, deed: Deed) {
        *self.operations.entry(deed).or_default() += 1;
    }

    pub(crate) fn count(&mut self, what: &str) {
        self.note(what, 1);
    }

    pub(crate) fn note(&mut self, what: &str, count: usize) {
        if count > 0 {
            *self.counts.entry(what.to_owned()).or_default() += count as u64;
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.operations.values().sum()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (deed, count) in &other.operations {
            *self.operations.entry(*deed).or_default() += count;
        }
        for (what, count) in &other.counts {
            *self.counts.entry(what.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} operations", self.total())?;
        for (deed, count) in &self.operations {
            writeln!(f, "  {count:7} {deed:?}")?;
        }
        for (what, count) in &self.counts {
            writeln!(f, "  {count:7} {what}")?;
        }
        Ok(())
    }
}
