//! The numbers to reach, and the one peer whose times can be derived where it is not installed.

use crate::results::Row;

/// What a row's value must not exceed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// This many times the value of a peer in the same run.
    Times(f64, &'static str),
    /// This many megabytes.
    Megabytes(f64),
    /// This factor.
    Factor(f64),
}

use Limit::{Factor, Megabytes, Times};

const MEASURED: &[(&str, Row, Limit)] = &[
    ("linux", Row::First, Times(0.62, "vykar")),
    ("linux", Row::StoredFirst, Megabytes(210.0)),
    ("linux", Row::Unchanged, Times(0.5, "bupstash")),
    ("linux", Row::Changed, Times(0.6, "vykar")),
    ("linux", Row::StoredByChange, Megabytes(50.0)),
    ("linux", Row::Restore, Times(0.6, "vykar")),
    ("linux", Row::PeakMemory, Megabytes(128.0)),
    ("image", Row::First, Times(0.65, "vykar")),
    ("image", Row::StoredFirst, Megabytes(1300.0)),
    ("image", Row::Changed, Times(0.35, "rustic")),
    ("image", Row::StoredByChange, Megabytes(65.0)),
    ("image", Row::Restore, Times(0.6, "rustic")),
    ("image", Row::PeakMemory, Megabytes(128.0)),
    ("files", Row::First, Times(0.5, "bupstash")),
    ("files", Row::StoredFirst, Megabytes(20.0)),
    ("files", Row::Unchanged, Times(0.5, "bupstash")),
    ("files", Row::Changed, Times(0.5, "bupstash")),
    ("files", Row::PeakMemory, Megabytes(200.0)),
];

/// The goal of every set, trees included.
const THREE_TO_ONE: Limit = Factor(1.15);

/// The peer that may be missing.
pub(crate) const DERIVED: &str = "vykar";

/// The peer it is derived from.
pub(crate) const DERIVED_FROM: &str = "restic";

/// Seconds of the two, measured together once.
const TOGETHER: &[(&str, Row, f64, f64)] = &[
    ("linux", Row::First, 6.1, 9.9),
    ("linux", Row::Changed, 4.7, 6.5),
    ("linux", Row::Restore, 4.5, 10.9),
    ("image", Row::First, 17.4, 29.1),
];

/// The goal of a row, if it has one.
pub(crate) fn limit(set: &str, row: Row) -> Option<Limit> {
    if row == Row::ThreeToOne {
        return Some(THREE_TO_ONE);
    }
    MEASURED
        .iter()
        .find(|(of, goal, _)| (*of, *goal) == (set, row))
        .map(|(_, _, limit)| *limit)
}

/// What the value of [`DERIVED_FROM`] is multiplied with to stand for [`DERIVED`].
pub(crate) fn derivation(set: &str, row: Row) -> Option<f64> {
    let together = TOGETHER
        .iter()
        .find(|(of, goal, ..)| (*of, *goal) == (set, row));
    together.map(|(_, _, derived, from)| derived / from)
}
