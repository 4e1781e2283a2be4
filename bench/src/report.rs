//! What was measured, each figure beside its goal, as one table or as JSON.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

/// What a figure must be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) part: &'static str,
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) goal: Option<Goal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_met: Option<bool>,
}

/// All figures, in the order they were measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
        }
    }
}

impl Report {
    /// Adds a figure that has a goal.
    pub(crate) fn judged(
        &mut self,
        part: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        goal: Goal,
    ) {
        self.figures.push(Figure {
            part,
            what: what.into(),
            value,
            unit,
            goal: Some(goal),
            is_met: Some(goal.is_met(value)),
        });
    }

    /// Adds a figure that has none.
    pub(crate) fn told(
        &mut self,
        part: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) {
        self.figures.push(Figure {
            part,
            what: what.into(),
            value,
            unit,
            goal: None,
            is_met: None,
        });
    }

    /// Tells whether every goal is met.
    pub(crate) fn is_good(&self) -> bool {
        self.figures
            .iter()
            .all(|figure| figure.is_met != Some(false))
    }

    /// Returns the table.
    pub(crate) fn table(&self) -> String {
        let mut text = "| part | what | measured | goal | |\n|---|---|--:|--:|---|\n".to_owned();
        for figure in &self.figures {
            let goal = figure.goal.map_or(String::new(), |goal| match goal {
                Goal::AtLeast(bound) => format!("≥ {}", shown(bound)),
                Goal::AtMost(bound) => format!("≤ {}", shown(bound)),
            });
            let judged = match figure.is_met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            let _ = writeln!(
                text,
                "| {} | {} | {} {} | {goal} | {judged} |",
                figure.part,
                figure.what,
                shown(figure.value),
                figure.unit
            );
        }
        text
    }
}

/// A number with as many digits as say something.
fn shown(value: f64) -> String {
    if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// Times that something took.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    /// Adds one, in milliseconds.
    pub(crate) fn add(&mut self, milliseconds: f64) {
        self.0.push(milliseconds);
    }

    /// Adds those of another.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns how many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the time within which so many of a hundred were over.
    pub(crate) fn within(&mut self, percent: usize) -> f64 {
        self.0.sort_by(f64::total_cmp);
        let at = (self.0.len() * percent).div_ceil(100);
        let found = self.0.get(at.saturating_sub(1));
        found.copied().unwrap_or(f64::NAN)
    }
}

/// A time in milliseconds.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// A count as a number that may have a fraction.
#[expect(
    clippy::cast_precision_loss,
    reason = "nothing is counted here that comes near 2^52"
)]
pub(crate) fn number(n: usize) -> f64 {
    n as f64
}

/// A number of bytes or the like, of which the first digits are told.
#[expect(clippy::cast_precision_loss, reason = "the first digits are enough")]
pub(crate) fn amount(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_that_is_missed_shows() {
        let mut report = Report::default();
        report.judged("load", "lists", 12.34, "ms", Goal::AtMost(200.0));
        assert!(report.is_good());
        report.judged(
            "load",
            "check-ins",
            999.0,
            "a second",
            Goal::AtLeast(1000.0),
        );
        report.told("load", "sign-ins", 7.0, "a second");
        assert!(!report.is_good());
        let table = report.table();
        let lines: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "| load | lists | 12.3 ms | ≤ 200 | met |",
                "| load | check-ins | 999 a second | ≥ 1000 | **missed** |",
                "| load | sign-ins | 7 a second |  |  |",
            ]
        );
    }

    #[test]
    fn of_a_hundred_times_the_99th_is_within_99_percent() {
        let mut times = Times::default();
        for n in (1..=100).rev() {
            times.add(f64::from(n));
        }
        assert!((times.within(99) - 99.0).abs() < 0.001);
        assert!((times.within(50) - 50.0).abs() < 0.001);
        assert!((times.within(100) - 100.0).abs() < 0.001);
        assert!(Times::default().within(99).is_nan());
    }
}
