//! From when until when a certificate is good (RFC 5280, section 4.1.2.5): all that is read of certificates here. Whoever takes
//! one verifies it by other means.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use strongroom_base::clock::Timestamp;

/// The tags of DER that are met on the way.
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// Two digits of a year below this are of this century.
const CENTURY_TURNS: i16 = 50;

/// Returns when a certificate (DER) begins and ends; `None` where it is none.
pub fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let mut whole = certificate;
    let mut outer = take(&mut whole, SEQUENCE)?;
    let mut fields = take(&mut outer, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        take(&mut fields, VERSION)?;
    }
    take(&mut fields, INTEGER)?;
    // What it is signed with, and by whom.
    take(&mut fields, SEQUENCE)?;
    take(&mut fields, SEQUENCE)?;
    let mut validity = take(&mut fields, SEQUENCE)?;
    Some((time(&mut validity)?, time(&mut validity)?))
}

/// Takes a value of a tag from the front.
fn take<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, rest) = bytes.split_first()?;
    let (first, mut rest) = rest.split_first()?;
    let len = match first {
        0..=0x7f => usize::from(*first),
        0x81..=0x83 => {
            let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
            rest = after;
            digits
                .iter()
                .fold(0, |len, digit| len << 8 | usize::from(*digit))
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    (*found == tag).then_some(value)
}

fn time(bytes: &mut &[u8]) -> Option<Timestamp> {
    let tag = *bytes.first()?;
    let text = std::str::from_utf8(take(bytes, tag)?).ok()?;
    let text = text.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            let century = if year < CENTURY_TURNS { 2000 } else { 1900 };
            (century + year, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let mut numbers = (0..5).map(|at| rest.get(at * 2..at * 2 + 2)?.parse::<i8>().ok());
    let mut next = || numbers.next().flatten();
    let (month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?);
    if rest.len() != 10 {
        return None;
    }
    let moment = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let moment = TimeZone::UTC.to_timestamp(moment).ok()?;
    Some(Timestamp(moment.as_nanosecond()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn made(from: (i32, u8, u8), until: (i32, u8, u8)) -> Vec<u8> {
        let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn both_forms_of_times_are_read() {
        let day = |text: &str| {
            let moment: jiff::Timestamp = format!("{text}T00:00:00Z").parse().unwrap();
            Timestamp(moment.as_nanosecond())
        };
        for (from, until, expected) in [
            ((2026, 11, 29), (2027, 2, 27), ("2026-11-29", "2027-02-27")),
            ((1999, 12, 31), (2049, 12, 31), ("1999-12-31", "2049-12-31")),
            ((2050, 1, 1), (2120, 1, 1), ("2050-01-01", "2120-01-01")),
        ] {
            let found = validity(&made(from, until));
            assert_eq!(found, Some((day(expected.0), day(expected.1))));
        }
    }

    #[test]
    fn what_is_cut_or_changed_never_panics() {
        let good = made((2026, 1, 1), (2027, 1, 1));
        for len in 0..good.len() {
            assert!(validity(&good[..len]).is_none(), "{len}");
        }
        for at in 0..120.min(good.len()) {
            for value in [0x00, 0x7f, 0x80, 0x84, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let _any = validity(&bad);
            }
        }
        assert!(validity(b"").is_none());
    }
}
