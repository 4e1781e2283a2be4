//! Which snapshots a policy keeps, and why.
//!
//! A rule keeps the newest snapshot of each of the newest periods that have one; what any rule keeps, stays.
//! Periods are those of the calendar in a time zone.

use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use strongroom_base::clock::Timestamp;
use strongroom_base::{Class, Classified};

/// A kind of period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// An hour of the clock.
    Hour,
    /// A day of the calendar.
    Day,
    /// A week from Monday to Sunday.
    Week,
    /// A month of the calendar.
    Month,
    /// A year of the calendar.
    Year,
}

impl Period {
    /// All of them, the shortest first.
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    /// Returns the word of rules, such as `hourly`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        }
    }

    /// Returns what is equal for two times exactly when they lie in one period.
    fn of(self, time: &Zoned) -> [i64; 3] {
        let date = time.date();
        let (year, month, day) = (
            i64::from(date.year()),
            i64::from(date.month()),
            i64::from(date.day()),
        );
        match self {
            // Where clocks are put back, an hour comes twice; those are two.
            Self::Hour => [time.timestamp().as_second().div_euclid(3_600), 0, 0],
            Self::Day => [year, month, day],
            Self::Week => {
                let week = date.iso_week_date();
                [i64::from(week.year()), i64::from(week.week()), 0]
            }
            Self::Month => [year, month, 0],
            Self::Year => [year, 0, 0],
        }
    }
}

/// A length of time of the calendar, such as `1y6m`: years, months, weeks, days and hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Age {
    years: u16,
    months: u16,
    weeks: u16,
    days: u16,
    hours: u16,
}

/// The text is not an [`Age`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a length of time such as 2y6m, 3w, 7d or 12h")]
pub struct NotAnAge {
    text: String,
}

impl std::str::FromStr for Age {
    type Err = NotAnAge;

    fn from_str(text: &str) -> Result<Self, NotAnAge> {
        let wrong = || NotAnAge {
            text: text.to_owned(),
        };
        let (mut age, mut rest, mut rank) = (Self::default(), text, 0);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: u16 = rest[..digits].parse().map_err(|_| wrong())?;
            let unit = rest[digits..].chars().next().ok_or_else(wrong)?;
            let (field, its_rank) = match unit {
                'y' => (&mut age.years, 1),
                'm' => (&mut age.months, 2),
                'w' => (&mut age.weeks, 3),
                'd' => (&mut age.days, 4),
                'h' => (&mut age.hours, 5),
                _ => return Err(wrong()),
            };
            if its_rank <= rank || number > 10_000 {
                return Err(wrong());
            }
            (*field, rank) = (number, its_rank);
            rest = &rest[digits + unit.len_utf8()..];
        }
        if rank == 0 { Err(wrong()) } else { Ok(age) }
    }
}

impl std::fmt::Display for Age {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fields = [
            (self.years, 'y'),
            (self.months, 'm'),
            (self.weeks, 'w'),
            (self.days, 'd'),
            (self.hours, 'h'),
        ];
        if fields.iter().all(|(number, _)| *number == 0) {
            return f.write_str("0h");
        }
        for (number, unit) in fields.into_iter().filter(|(number, _)| *number > 0) {
            write!(f, "{number}{unit}")?;
        }
        Ok(())
    }
}

impl Age {
    /// Returns the length, where a month has 30 days and a year 365.
    pub fn to_duration(self) -> std::time::Duration {
        let days = u64::from(self.years) * 365
            + u64::from(self.months) * 30
            + u64::from(self.weeks) * 7
            + u64::from(self.days);
        std::time::Duration::from_hours(days * 24 + u64::from(self.hours))
    }

    /// Returns the time so long before another one; the earliest there is where that is too early.
    fn before(&self, time: &Zoned) -> Timestamp {
        let span = Span::new()
            .years(self.years)
            .months(self.months)
            .weeks(self.weeks)
            .days(self.days)
            .hours(self.hours);
        time.checked_sub(span).map_or(Timestamp(i128::MIN), |time| {
            Timestamp(time.timestamp().as_nanosecond())
        })
    }
}

/// How many: a number, or all.
pub type Count = u64;

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The newest so many.
    pub last: Count,
    /// For each kind of period, the newest of each of so many periods.
    pub periods: Vec<(Period, Count)>,
    /// All that are not older than the newest by more than this.
    pub within: Option<Age>,
    /// For each kind of period, the newest of each period among those that are not older than this.
    pub periods_within: Vec<(Period, Age)>,
    /// All that have one of these tags.
    pub tags: Vec<String>,
}

/// Why a policy cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// It says nothing.
    #[error("no rule says what to keep")]
    Empty,
    /// No snapshot would be left.
    #[error("nothing would be kept")]
    KeepsNothing,
}

impl Classified for PolicyError {
    fn class(&self) -> Class {
        Class::Caller
    }
}

/// A snapshot as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// When it was made.
    pub time: Timestamp,
    /// Its tags.
    pub tags: Vec<String>,
}

impl Policy {
    /// Says whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.last == 0
            && self.periods.iter().all(|(_, count)| *count == 0)
            && self.within.is_none()
            && self.periods_within.is_empty()
            && self.tags.is_empty()
    }

    /// Returns for each snapshot why it is kept; those without a reason go.
    ///
    /// `within` counts from the newest snapshot, so that a computer that was away for long keeps what it has.
    pub fn reasons(
        &self,
        snapshots: &[Candidate],
        zone: &TimeZone,
    ) -> Result<Vec<Vec<String>>, PolicyError> {
        if self.is_empty() {
            return Err(PolicyError::Empty);
        }
        let zoned = |time: Timestamp| {
            let time = jiff::Timestamp::from_nanosecond(time.0);
            let time = time.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
            time.to_zoned(zone.clone())
        };
        let mut order: Vec<usize> = (0..snapshots.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse((snapshots[*at].time, *at)));
        let times: Vec<Zoned> = order.iter().map(|at| zoned(snapshots[*at].time)).collect();
        let mut reasons = vec![Vec::new(); snapshots.len()];
        let mut rules = self.rules(times.first());
        for (at, time) in order.into_iter().zip(&times) {
            let snapshot = &snapshots[at];
            let tags = self.tags.iter().filter(|tag| snapshot.tags.contains(tag));
            reasons[at].extend(tags.map(|tag| format!("tag {tag}")));
            for rule in &mut rules {
                if rule.keeps(snapshot.time, time) {
                    reasons[at].push(rule.reason.clone());
                }
            }
        }
        Ok(reasons)
    }

    fn rules(&self, newest: Option<&Zoned>) -> Vec<Rule> {
        let since = |age: &Age| newest.map_or(Timestamp(i128::MIN), |newest| age.before(newest));
        let mut rules = Vec::new();
        if self.last > 0 {
            rules.push(Rule::new("last".to_owned(), None, self.last, None));
        }
        if let Some(age) = &self.within {
            let reason = format!("within {age}");
            rules.push(Rule::new(reason, None, Count::MAX, Some(since(age))));
        }
        for (period, age) in &self.periods_within {
            let reason = format!("{} within {age}", period.word());
            let since = Some(since(age));
            rules.push(Rule::new(reason, Some(*period), Count::MAX, since));
        }
        for (period, count) in self.periods.iter().filter(|(_, count)| *count > 0) {
            let reason = period.word().to_owned();
            rules.push(Rule::new(reason, Some(*period), *count, None));
        }
        rules
    }
}

/// A rule at work, on snapshots from the newest to the oldest.
struct Rule {
    reason: String,
    period: Option<Period>,
    left: Count,
    since: Option<Timestamp>,
    last: Option<[i64; 3]>,
}

impl Rule {
    fn new(reason: String, period: Option<Period>, left: Count, since: Option<Timestamp>) -> Self {
        Self {
            reason,
            period,
            left,
            since,
            last: None,
        }
    }

    fn keeps(&mut self, time: Timestamp, zoned: &Zoned) -> bool {
        if self.left == 0 || self.since.is_some_and(|since| time < since) {
            return false;
        }
        let period = self.period.map(|period| period.of(zoned));
        if period.is_some() && period == self.last {
            return false;
        }
        self.last = period;
        self.left -= 1;
        true
    }
}

#[cfg(test)]
mod tests;
