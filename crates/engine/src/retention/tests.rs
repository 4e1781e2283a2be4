use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const HOUR: i128 = 3_600 * 1_000_000_000;

fn at(text: &str) -> Candidate {
    let time: jiff::Timestamp = text.parse().unwrap();
    Candidate {
        time: Timestamp(time.as_nanosecond()),
        tags: Vec::new(),
    }
}

/// The numbers of the snapshots that a policy keeps.
fn kept(policy: &Policy, snapshots: &[Candidate], zone: &TimeZone) -> Vec<usize> {
    let reasons = policy.reasons(snapshots, zone).unwrap();
    let kept = reasons.iter().enumerate();
    kept.filter(|(_, why)| !why.is_empty())
        .map(|(number, _)| number)
        .collect()
}

fn every(period: Period, count: Count) -> Policy {
    Policy {
        periods: vec![(period, count)],
        ..Policy::default()
    }
}

#[test]
fn the_newest_of_each_period_is_kept() {
    let snapshots = [
        at("2025-12-28T10:00:00Z"),
        at("2025-12-28T12:00:00Z"),
        at("2025-12-31T12:00:00Z"),
        at("2026-01-01T00:00:00Z"),
        at("2026-01-05T09:10:00Z"),
        at("2026-01-05T09:50:00Z"),
    ];
    let check = |period, count, expected: &[usize]| {
        let policy = every(period, count);
        assert_eq!(kept(&policy, &snapshots, &TimeZone::UTC), expected);
    };
    check(Period::Hour, 2, &[3, 5]);
    check(Period::Day, 3, &[2, 3, 5]);
    // 29 December to 4 January is one week.
    check(Period::Week, 9, &[1, 3, 5]);
    check(Period::Month, 9, &[2, 5]);
    check(Period::Year, 1, &[5]);
    let last = Policy {
        last: 2,
        ..Policy::default()
    };
    assert_eq!(kept(&last, &snapshots, &TimeZone::UTC), [4, 5]);
}

#[test]
fn periods_are_those_of_the_time_zone() {
    let snapshots = [at("2026-01-31T22:30:00Z"), at("2026-01-31T23:30:00Z")];
    let east = TimeZone::fixed(jiff::tz::offset(1));
    let policy = every(Period::Month, 9);
    assert_eq!(kept(&policy, &snapshots, &TimeZone::UTC), [1]);
    assert_eq!(kept(&policy, &snapshots, &east), [0, 1]);
    // Clocks are put back at 01:00 UTC: the same hour comes twice.
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let twice = [at("2025-10-26T00:30:00Z"), at("2025-10-26T01:30:00Z")];
    assert_eq!(kept(&every(Period::Hour, 9), &twice, &berlin), [0, 1]);
    assert_eq!(kept(&every(Period::Day, 9), &twice, &berlin), [1]);
}

#[test]
fn within_counts_from_the_newest() {
    let snapshots = [
        at("2026-01-28T11:00:00Z"),
        at("2026-01-31T12:00:00Z"),
        at("2026-02-28T11:00:00Z"),
        at("2026-02-28T12:00:00Z"),
    ];
    let within = |age: &str| Policy {
        within: Some(age.parse().unwrap()),
        ..Policy::default()
    };
    assert_eq!(kept(&within("1h"), &snapshots, &TimeZone::UTC), [2, 3]);
    assert_eq!(kept(&within("1m"), &snapshots, &TimeZone::UTC), [1, 2, 3]);
    let daily = Policy {
        periods_within: vec![(Period::Day, "1m".parse().unwrap())],
        ..Policy::default()
    };
    assert_eq!(kept(&daily, &snapshots, &TimeZone::UTC), [1, 3]);
}

#[test]
fn tags_and_reasons() {
    let mut snapshots = [at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z")];
    snapshots[0].tags = vec!["release".to_owned(), "x".to_owned()];
    let policy = Policy {
        last: 1,
        periods: vec![(Period::Day, 1)],
        tags: vec!["release".to_owned()],
        ..Policy::default()
    };
    let reasons = policy.reasons(&snapshots, &TimeZone::UTC).unwrap();
    assert_eq!(reasons, [vec!["tag release"], vec!["last", "daily"]]);
    assert_eq!(
        Policy::default().reasons(&snapshots, &TimeZone::UTC),
        Err(PolicyError::Empty)
    );
    assert!(every(Period::Day, 0).is_empty());
}

#[test]
fn ages_are_read_strictly() {
    for text in ["2y6m", "1w", "7d", "1y2m3w4d5h", "36h"] {
        assert_eq!(text.parse::<Age>().unwrap().to_string(), text);
    }
    for text in [
        "", "7", "d", "7d7d", "1d2y", "1.5d", "-1d", "1s", "99999d", "7\u{e4}",
    ] {
        assert!(text.parse::<Age>().is_err(), "{text}");
    }
}

fn snapshots() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (0..20_000_i128, any::<bool>()).prop_map(|(hours, tagged)| Candidate {
        time: Timestamp(1_700_000_000_000_000_000 + hours * HOUR / 3),
        tags: if tagged { vec!["t".to_owned()] } else { vec![] },
    });
    proptest::collection::vec(one, 0..60)
}

fn period() -> impl Strategy<Value = Period> {
    proptest::sample::select(Period::ALL.to_vec())
}

proptest! {
    /// A rule is what it says: of the newest `count` periods that have a snapshot, the newest of each.
    #[test]
    fn a_rule_keeps_the_newest_of_the_newest_periods(
        snapshots in snapshots(), period in period(), count in 1..12_u64
    ) {
        let zone = TimeZone::get("America/New_York").unwrap();
        let found = kept(&every(period, count), &snapshots, &zone);
        let mut newest: BTreeMap<[i64; 3], (Timestamp, usize)> = BTreeMap::new();
        for (number, snapshot) in snapshots.iter().enumerate() {
            let time = jiff::Timestamp::from_nanosecond(snapshot.time.0).unwrap();
            let of = period.of(&time.to_zoned(zone.clone()));
            let this = (snapshot.time, number);
            let best = newest.entry(of).or_insert(this);
            *best = this.max(*best);
        }
        let mut expected: Vec<usize> = newest
            .values()
            .rev()
            .take(usize::try_from(count).unwrap())
            .map(|(_, number)| *number)
            .collect();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }

    /// Rules are united, and forgetting again forgets nothing more.
    #[test]
    fn rules_are_united_and_stable(
        snapshots in snapshots(), last in 0..4_u64, counts in proptest::collection::vec((period(), 0..5_u64), 1..4),
        within in proptest::option::of(1..900_u16), tag in any::<bool>(),
    ) {
        let policy = Policy {
            last,
            periods: counts.clone(),
            within: within.map(|hours| Age { hours, ..Age::default() }),
            periods_within: vec![(Period::Week, Age { months: 2, ..Age::default() })],
            tags: if tag { vec!["t".to_owned()] } else { vec![] },
        };
        let zone = TimeZone::UTC;
        let found: BTreeSet<usize> = kept(&policy, &snapshots, &zone).into_iter().collect();
        let mut alone = BTreeSet::new();
        let parts = counts.iter().map(|(period, count)| every(*period, *count)).chain([
            Policy { last, ..Policy::default() },
            Policy { within: policy.within, ..Policy::default() },
            Policy { periods_within: policy.periods_within.clone(), ..Policy::default() },
            Policy { tags: policy.tags.clone(), ..Policy::default() },
        ]);
        for part in parts.filter(|part| !part.is_empty()) {
            alone.extend(kept(&part, &snapshots, &zone));
        }
        prop_assert_eq!(&found, &alone);
        // The newest is always kept.
        let newest = (0..snapshots.len()).max_by_key(|at| (snapshots[*at].time, *at));
        prop_assert!(newest.is_none_or(|newest| found.contains(&newest)));
        let left: Vec<Candidate> = found.iter().map(|at| snapshots[*at].clone()).collect();
        prop_assert_eq!(kept(&policy, &left, &zone).len(), left.len());
    }
}
