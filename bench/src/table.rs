//! The Markdown table: medians, ratios of Strongroom to each peer, goals and whether they are met.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::goals::{self, Limit};
use crate::ours;
use crate::results::{Results, Row, Unit};

/// The values of one tool in one row, by run.
struct Series {
    by_run: BTreeMap<u32, f64>,
    /// Whether they were not measured but follow from those of another tool.
    derived: bool,
}

/// Strongroom's values against those of a peer.
struct Ratio {
    /// Of the medians.
    median: f64,
    /// The smallest of one run.
    low: f64,
    /// The largest of one run.
    high: f64,
}

/// One table for all sets.
pub(crate) fn render(results: &Results) -> String {
    let tools = columns(results);
    let mut text = format!("| set | work | {} | goal | reached |\n", tools.join(" | "));
    writeln!(text, "|---|---|{}---|---|", "---|".repeat(tools.len()))
        .expect("a string takes any text");
    for set in results.sets() {
        for row in Row::ALL {
            if tools
                .iter()
                .all(|tool| cell(results, set, tool, row) == "–")
            {
                continue;
            }
            let cells: Vec<String> = tools
                .iter()
                .map(|tool| cell(results, set, tool, row))
                .collect();
            let (goal, reached) = verdict(results, set, row);
            let line = format!(
                "| {set} | {} | {} | {goal} | {reached} |",
                row.label(),
                cells.join(" | ")
            );
            writeln!(text, "{line}").expect("a string takes any text");
        }
    }
    text
}

/// The measured tools, and the derived one where something can be derived.
fn columns(results: &Results) -> Vec<&'static str> {
    let mut tools = results.tools();
    let derived = |set: &&str| {
        Row::ALL
            .iter()
            .any(|row| goals::derivation(set, *row).is_some())
    };
    let can_derive = tools.contains(&goals::DERIVED_FROM) && results.sets().iter().any(derived);
    if can_derive && !tools.contains(&goals::DERIVED) {
        tools.push(goals::DERIVED);
    }
    tools
}

fn series(results: &Results, set: &str, tool: &str, row: Row) -> Option<Series> {
    let by_run = results.values(set, tool, row);
    if !by_run.is_empty() {
        return Some(Series {
            by_run,
            derived: false,
        });
    }
    let may_derive = tool == goals::DERIVED && !results.tools().contains(&goals::DERIVED);
    let factor = goals::derivation(set, row).filter(|_| may_derive)?;
    let mut by_run = results.values(set, goals::DERIVED_FROM, row);
    for value in by_run.values_mut() {
        *value *= factor;
    }
    (!by_run.is_empty()).then_some(Series {
        by_run,
        derived: true,
    })
}

fn cell(results: &Results, set: &str, tool: &str, row: Row) -> String {
    let Some(series) = series(results, set, tool, row) else {
        let failed = results.failed(set, tool, row.step());
        return if failed { "failed" } else { "–" }.to_owned();
    };
    let mut text = shown(median(&series.by_run), row.unit());
    if series.derived {
        text.push_str(" derived");
    }
    if let Some(ratio) = ratio(results, set, row, &series).filter(|_| tool != ours::NAME) {
        write!(
            text,
            " ({:.2}, {:.2}–{:.2})",
            ratio.median, ratio.low, ratio.high
        )
        .expect("a string takes any text");
    }
    text
}

/// Strongroom against a peer, over the runs both have.
fn ratio(results: &Results, set: &str, row: Row, peer: &Series) -> Option<Ratio> {
    let ours = series(results, set, ours::NAME, row)?;
    let both = ours
        .by_run
        .iter()
        .filter_map(|(run, value)| Some(value / peer.by_run.get(run)?));
    let (low, high) = both.fold((f64::INFINITY, 0.0_f64), |(low, high), ratio| {
        (low.min(ratio), high.max(ratio))
    });
    let median = median(&ours.by_run) / median(&peer.by_run);
    low.is_finite().then_some(Ratio { median, low, high })
}

/// The goal of a row and whether it is met, in words.
fn verdict(results: &Results, set: &str, row: Row) -> (String, String) {
    let Some(limit) = goals::limit(set, row) else {
        return ("–".to_owned(), "–".to_owned());
    };
    let ours = series(results, set, ours::NAME, row);
    let ours = ours.map(|series| median(&series.by_run));
    match limit {
        Limit::Times(most, peer) => {
            let series = series(results, set, peer, row);
            let reached = series
                .as_ref()
                .and_then(|series| ratio(results, set, row, series))
                .map(|ratio| ratio.median);
            let against = if series.is_some_and(|series| series.derived) {
                ", against a derived value"
            } else {
                ""
            };
            (format!("≤ {most} × {peer}"), met(reached, most, against))
        }
        Limit::Megabytes(most) => (
            format!("≤ {}", shown(most * 1e6, Unit::Bytes)),
            met(ours.map(|bytes| bytes / 1e6), most, " MB"),
        ),
        Limit::Factor(most) => (format!("≤ {most} ×"), met(ours, most, "")),
    }
}

fn met(reached: Option<f64>, most: f64, after: &str) -> String {
    match reached {
        None => "not measured".to_owned(),
        Some(value) if value <= most => format!("met: {value:.2}{after}"),
        Some(value) => format!("**not met**: {value:.2}{after}"),
    }
}

fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds => format!("{value:.2} s"),
        Unit::Bytes if value.abs() < 1e6 => format!("{:.1} kB", value / 1e3),
        Unit::Bytes => format!("{:.1} MB", value / 1e6),
        Unit::Factor => format!("{value:.2} ×"),
    }
}

fn median(by_run: &BTreeMap<u32, f64>) -> f64 {
    let mut values: Vec<f64> = by_run.values().copied().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Sample;
    use crate::results::{Outcome, Record, Step};

    fn record(tool: &'static str, run: u32, step: Step, seconds: f64, stored: u64) -> Record {
        let sample = Sample {
            wall_seconds: seconds,
            sync_seconds: 0.0,
            user_seconds: seconds,
            system_seconds: 0.0,
            peak_rss_bytes: 100_000_000,
        };
        let outcome = Outcome::Measured {
            sample,
            stored_bytes: stored,
        };
        Record {
            set: "linux".to_owned(),
            tool,
            run,
            step,
            outcome,
        }
    }

    fn line(results: &Results, work: &str) -> String {
        let text = render(results);
        let found = text
            .lines()
            .find(|line| line.contains(&format!("| {work} |")));
        found
            .unwrap_or_else(|| panic!("no row {work} in\n{text}"))
            .to_owned()
    }

    #[test]
    fn medians_ratios_and_goals_are_shown() {
        let mut results = Results::default();
        for (run, ours, peer) in [(1, 0.3, 1.0), (2, 0.4, 0.5), (3, 0.2, 1.0)] {
            results
                .records
                .push(record(ours::NAME, run, Step::First, 5.0, 1));
            results
                .records
                .push(record(ours::NAME, run, Step::Unchanged, ours, 1));
            results
                .records
                .push(record("bupstash", run, Step::First, 7.0, 1));
            results
                .records
                .push(record("bupstash", run, Step::Unchanged, peer, 1));
        }
        let line = line(&results, "again, unchanged");
        assert_eq!(
            line,
            "| linux | again, unchanged | 0.30 s | 1.00 s (0.30, 0.20–0.80) | ≤ 0.5 × bupstash | met: 0.30 |"
        );
    }

    #[test]
    fn a_missing_peer_is_derived_and_said_to_be() {
        let mut results = Results::default();
        results
            .records
            .push(record(ours::NAME, 1, Step::First, 6.1, 211_000_000));
        results
            .records
            .push(record("restic", 1, Step::First, 9.9, 264_000_000));
        let first = line(&results, "first backup");
        assert!(
            first.contains("| 6.10 s derived (1.00, 1.00–1.00) |"),
            "{first}"
        );
        assert!(
            first.ends_with("**not met**: 1.00, against a derived value |"),
            "{first}"
        );
        let stored = line(&results, "stored by it");
        assert!(
            stored.ends_with("| – | ≤ 210.0 MB | **not met**: 211.00 MB |"),
            "{stored}"
        );
    }

    #[test]
    fn a_measured_peer_is_not_derived() {
        let mut results = Results::default();
        results
            .records
            .push(record("restic", 1, Step::First, 9.9, 1));
        results
            .records
            .push(record("vykar", 1, Step::First, 5.0, 1));
        let first = line(&results, "first backup");
        assert!(
            first.contains("| 5.00 s | ≤ 0.62 × vykar | not measured |"),
            "{first}"
        );
    }

    #[test]
    fn a_failure_is_shown() {
        let mut results = Results::default();
        results.records.push(record("borg", 1, Step::First, 9.9, 1));
        let outcome = Outcome::Failed {
            error: "broke".to_owned(),
        };
        results.records.push(Record {
            set: "linux".to_owned(),
            tool: "borg",
            run: 1,
            step: Step::Restore,
            outcome,
        });
        assert!(line(&results, "restore").contains("| failed |"));
    }

    #[test]
    fn growth_is_against_the_state_before_and_three_against_the_first() {
        let mut results = Results::default();
        results
            .records
            .push(record(ours::NAME, 1, Step::First, 2.0, 100_000_000));
        results
            .records
            .push(record(ours::NAME, 1, Step::Unchanged, 1.0, 101_000_000));
        results
            .records
            .push(record(ours::NAME, 1, Step::Changed, 1.0, 131_000_000));
        results
            .records
            .push(record(ours::NAME, 1, Step::Three, 2.2, 0));
        assert!(
            line(&results, "stored by the changes")
                .ends_with("| 30.0 MB | ≤ 50.0 MB | met: 30.00 MB |")
        );
        assert!(
            line(&results, "CPU of three destinations against one")
                .ends_with("| 1.10 × | ≤ 1.15 × | met: 1.10 |")
        );
    }
}
