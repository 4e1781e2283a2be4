//! Times for people and times from people.

use std::time::Duration;

use jiff::Zoned;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use strongroom_base::clock::Timestamp;

/// Reads an RFC 3339 time, or a date with or without a time in the local time zone, as the end of what it names: a day,
/// a minute, a second.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    parse_in(text, &TimeZone::system())
}

fn parse_in(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let wrong =
        || "a time looks like 2026-01-31, 2026-01-31 14:05 or 2026-01-31T14:05:00Z".to_owned();
    let Some((_, time)) = text.split_once(['T', 't', ' ']) else {
        let end = text
            .parse::<Date>()
            .and_then(|date| date.to_datetime(Time::MAX).to_zoned(zone.clone()));
        let end = end.map_err(|_| wrong())?;
        return Ok(Timestamp(end.timestamp().as_nanosecond()));
    };
    let begin = if text.contains('[') {
        text.parse::<Zoned>().map(|zoned| zoned.timestamp())
    } else {
        text.parse::<jiff::Timestamp>().or_else(|_| {
            let local = text.parse::<DateTime>();
            local
                .and_then(|local| local.to_zoned(zone.clone()))
                .map(|zoned| zoned.timestamp())
        })
    };
    let begin = begin.map_err(|_| wrong())?.as_nanosecond();
    Ok(Timestamp(begin + nanoseconds_named(time) - 1))
}

/// Returns how long the smallest part of a time of day is that was written: an hour, a minute, a second or less.
fn nanoseconds_named(time: &str) -> i128 {
    let time = time.split(['Z', 'z', '+', '-', '[']).next().unwrap_or(time);
    let (whole, fraction) = time.split_once(['.', ',']).unwrap_or((time, ""));
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let second = 1_000_000_000;
    match digits(whole) {
        0..=2 => 3_600 * second,
        3..=4 => 60 * second,
        _ => (0..digits(fraction))
            .fold(second, |unit, _| unit / 10)
            .max(1),
    }
}

/// Reads a span of time: a number and one of s, m, h, d, w, y.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "a time looks like 90m, 12h, 30d, 8w or 1y".to_owned();
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(wrong)
}

/// Writes a span of time in the largest unit that has a whole number of it, as 15 min.
pub(crate) fn spoken(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min")];
    let whole = units
        .iter()
        .find(|(unit, _)| seconds >= *unit && seconds.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{} {name}", seconds / unit),
        None => format!("{seconds} s"),
    }
}

/// Writes a time to the second in the local time zone.
pub(crate) fn local(time: Timestamp) -> String {
    match jiff::Timestamp::from_nanosecond(time.0) {
        Ok(time) => time
            .to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => "?".to_owned(),
    }
}

/// Writes a time as RFC 3339 in UTC.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(time.0)
        .map_or_else(|_| "?".to_owned(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        parse_in(text, &zone).map(rfc3339)
    }

    #[test]
    fn spans_are_a_number_and_a_unit() {
        assert_eq!(span("90m"), Ok(Duration::from_mins(90)));
        assert_eq!(span("2w"), Ok(Duration::from_hours(336)));
        for text in ["", "d", "1", "-1d", "1.5h", "99999999999999999999d", "1é"] {
            assert!(span(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spans_are_spoken_in_whole_units() {
        let spans = [900, 86_400, 3_600, 90, 0].map(spoken);
        assert_eq!(spans, ["15 min", "1 d", "1 h", "90 s", "0 s"]);
    }

    #[test]
    fn times_are_understood_in_the_local_zone() {
        let expected = [
            ("2026-01-31T14:05:00Z", "2026-01-31T14:05:00.999999999Z"),
            (
                "2026-01-31T14:05:00+05:00",
                "2026-01-31T09:05:00.999999999Z",
            ),
            ("2026-01-31T14:05:00.25Z", "2026-01-31T14:05:00.259999999Z"),
            (
                "2026-01-31T14:05:00.123456789Z",
                "2026-01-31T14:05:00.123456789Z",
            ),
            (
                "2026-01-31T09:05[Etc/GMT+5]",
                "2026-01-31T14:05:59.999999999Z",
            ),
            ("2026-01-31 14:05", "2026-01-31T12:05:59.999999999Z"),
            ("2026-01-31T14:05:06", "2026-01-31T12:05:06.999999999Z"),
            ("2026-01-31", "2026-01-31T21:59:59.999999999Z"),
            ("20260131", "2026-01-31T21:59:59.999999999Z"),
        ];
        for (text, time) in expected {
            assert_eq!(parsed(text), Ok(time.to_owned()), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-02-30",
            "14:05",
            "2026-01-31T14:05[No/Such]",
        ] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }
}
