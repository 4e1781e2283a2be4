//! What was measured, and the values of the table's rows that follow from it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::measure::Sample;

/// Everything that was measured, as it is written to the file of raw results.
#[derive(Default, Serialize)]
pub(crate) struct Results {
    /// What every tool calls itself.
    pub(crate) versions: BTreeMap<String, String>,
    /// One entry per measured command, in order.
    pub(crate) records: Vec<Record>,
}

/// One measured command.
#[derive(Serialize)]
pub(crate) struct Record {
    pub(crate) set: String,
    pub(crate) tool: &'static str,
    pub(crate) run: u32,
    pub(crate) step: Step,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// What a command was run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    First,
    Unchanged,
    Changed,
    Restore,
    Three,
}

/// What came of a command.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Measured {
        #[serde(flatten)]
        sample: Sample,
        /// Length of all files of the repository afterwards.
        stored_bytes: u64,
    },
    Failed {
        error: String,
    },
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    First,
    StoredFirst,
    Unchanged,
    Changed,
    StoredByChange,
    Restore,
    ThreeToOne,
    PeakMemory,
}

/// What a row's values are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Seconds,
    Bytes,
    Factor,
}

impl Row {
    /// Every row, in the order of the table.
    pub(crate) const ALL: [Self; 8] = [
        Self::First,
        Self::StoredFirst,
        Self::Unchanged,
        Self::Changed,
        Self::StoredByChange,
        Self::Restore,
        Self::ThreeToOne,
        Self::PeakMemory,
    ];

    /// The row's name in the table.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::First => "first backup",
            Self::StoredFirst => "stored by it",
            Self::Unchanged => "again, unchanged",
            Self::Changed => "after the changes",
            Self::StoredByChange => "stored by the changes",
            Self::Restore => "restore",
            Self::ThreeToOne => "CPU of three destinations against one",
            Self::PeakMemory => "peak memory",
        }
    }

    /// The step without which the row has no value.
    pub(crate) fn step(self) -> Step {
        match self {
            Self::First | Self::StoredFirst | Self::PeakMemory => Step::First,
            Self::Unchanged => Step::Unchanged,
            Self::Changed | Self::StoredByChange => Step::Changed,
            Self::Restore => Step::Restore,
            Self::ThreeToOne => Step::Three,
        }
    }

    /// What the row's values are.
    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::First | Self::Unchanged | Self::Changed | Self::Restore => Unit::Seconds,
            Self::StoredFirst | Self::StoredByChange | Self::PeakMemory => Unit::Bytes,
            Self::ThreeToOne => Unit::Factor,
        }
    }
}

impl Results {
    /// The sets, in the order they were measured.
    pub(crate) fn sets(&self) -> Vec<&str> {
        distinct(self.records.iter().map(|record| record.set.as_str()))
    }

    /// The tools, in the order they were measured.
    pub(crate) fn tools(&self) -> Vec<&'static str> {
        distinct(self.records.iter().map(|record| record.tool))
    }

    /// Whether a tool's step failed in any run.
    pub(crate) fn failed(&self, set: &str, tool: &str, step: Step) -> bool {
        self.of(set, tool)
            .any(|record| record.step == step && matches!(record.outcome, Outcome::Failed { .. }))
    }

    /// A row's value in every run that has one.
    pub(crate) fn values(&self, set: &str, tool: &str, row: Row) -> BTreeMap<u32, f64> {
        let runs = distinct(self.of(set, tool).map(|record| record.run));
        runs.into_iter()
            .filter_map(|run| Some((run, self.value(set, tool, run, row)?)))
            .collect()
    }

    fn of(&self, set: &str, tool: &str) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.set == set && record.tool == tool)
    }

    fn value(&self, set: &str, tool: &str, run: u32, row: Row) -> Option<f64> {
        let measured = |step| {
            self.of(set, tool).find_map(|record| match &record.outcome {
                Outcome::Measured {
                    sample,
                    stored_bytes,
                } if record.run == run && record.step == step => Some((sample, *stored_bytes)),
                _ => None,
            })
        };
        let (sample, stored) = measured(row.step())?;
        match row {
            Row::First | Row::Unchanged | Row::Changed | Row::Restore => Some(sample.wall_seconds),
            Row::StoredFirst => Some(float(stored)),
            Row::StoredByChange => {
                let (_, before) = measured(Step::Unchanged).or_else(|| measured(Step::First))?;
                Some(float(stored) - float(before))
            }
            Row::ThreeToOne => Some(sample.cpu_seconds() / measured(Step::First)?.0.cpu_seconds()),
            Row::PeakMemory => {
                let steps = [Step::First, Step::Unchanged, Step::Changed, Step::Restore];
                steps
                    .into_iter()
                    .filter_map(measured)
                    .map(|(sample, _)| sample.peak_rss_bytes)
                    .max()
                    .map(float)
            }
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "sizes are shown with four digits"
)]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

/// The items without repetitions, in their first order.
fn distinct<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}
