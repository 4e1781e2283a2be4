//! Hours in which a destination may be used: `22:00-06:00`.

use std::fmt;
use std::str::FromStr;

use jiff::Zoned;

/// The minutes of a day.
const DAY: u16 = 24 * 60;

/// From one minute of the day to another one, which may be of the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    from: u16,
    to: u16,
}

/// The text is not a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a schedule is two different times of the day, as 22:00-06:00")]
pub struct NotASchedule;

impl Schedule {
    /// Returns how many minutes it is until the hours begin; `None` where it is one of them.
    fn minutes_until(self, now: u16) -> Option<u16> {
        let is_open = if self.from < self.to {
            (self.from..self.to).contains(&now)
        } else {
            now >= self.from || now < self.to
        };
        (!is_open).then_some((self.from + DAY - now) % DAY)
    }

    /// Returns when the hours begin, in seconds since 1970; `None` where `now` is one of them.
    pub(crate) fn opens_at(self, now: &Zoned) -> Option<i64> {
        let minute = i64::from(now.hour()) * 60 + i64::from(now.minute());
        let until = self.minutes_until(u16::try_from(minute).unwrap_or(0))?;
        let seconds = i64::from(until) * 60 - i64::from(now.second());
        Some(now.timestamp().as_second() + seconds)
    }
}

impl FromStr for Schedule {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let is_two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            if !is_two(hour) || !is_two(minute) {
                return None;
            }
            let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let (from, to) = text.split_once('-').ok_or(NotASchedule)?;
        let both = minute(from).zip(minute(to)).filter(|(from, to)| from != to);
        both.map(|(from, to)| Self { from, to }).ok_or(NotASchedule)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            from / 60,
            from % 60,
            to / 60,
            to % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_and_written() {
        for text in ["22:00-06:00", "00:00-23:59", "08:30-12:05"] {
            let read = text.parse::<Schedule>().map(|read| read.to_string());
            assert_eq!(read, Ok(text.to_owned()));
        }
        for text in [
            "",
            "22-6",
            "22:00",
            "24:00-01:00",
            "10:60-11:00",
            "1:00-2:00",
            "05:00-05:00",
        ] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }

    #[test]
    fn hours_begin_and_end_also_over_midnight() {
        let night: Schedule = "22:00-06:00".parse().unwrap();
        let at = |hour: u16, minute: u16| night.minutes_until(hour * 60 + minute);
        assert_eq!(
            (at(22, 0), at(23, 59), at(0, 0), at(5, 59)),
            (None, None, None, None)
        );
        assert_eq!((at(6, 0), at(21, 59)), (Some(16 * 60), Some(1)));
        let day: Schedule = "08:00-17:00".parse().unwrap();
        assert_eq!(day.minutes_until(16 * 60 + 59), None);
        assert_eq!(day.minutes_until(17 * 60), Some(15 * 60));
        let now: Zoned = "2026-03-01T21:30:20+01:00[Europe/Berlin]".parse().unwrap();
        assert_eq!(
            night.opens_at(&now),
            Some(now.timestamp().as_second() + 30 * 60 - 20)
        );
    }
}
