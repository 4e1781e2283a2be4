//! Between values and what the API says.

use std::str::FromStr;

use jiff::Timestamp as Moment;
use strongroom_base::clock::Timestamp;
use strongroom_domain::name::{NAME_CHARS_MAX, NameError};

use super::Fault;

/// A time in words of RFC 3339, in UTC.
pub(crate) fn moment(time: Timestamp) -> String {
    let moment = Moment::from_nanosecond(time.0);
    moment
        .unwrap_or(if time.0 < 0 { Moment::MIN } else { Moment::MAX })
        .to_string()
}

/// Reads a time of a request.
pub(crate) fn parse_moment(at: &'static str, text: &str) -> Result<Timestamp, Fault> {
    let moment: Moment = text.parse().map_err(|error| Fault::invalid(at, error))?;
    Ok(Timestamp(moment.as_nanosecond()))
}

/// Reads bytes in hexadecimal.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(pair).collect()
}

/// Reads an identifier of a request.
pub(crate) fn parse_id<T>(at: &'static str, text: &str) -> Result<T, Fault>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| Fault::invalid(at, error))
}

/// Reads an identifier of a request that may be missing.
pub(crate) fn parse_optional<T>(at: &'static str, text: Option<&str>) -> Result<Option<T>, Fault>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.map(|text| parse_id(at, text)).transpose()
}

/// Takes a name of a request.
pub(crate) fn named<T>(
    at: &'static str,
    text: &str,
    new: impl FnOnce(&str) -> Result<T, NameError>,
) -> Result<T, Fault> {
    new(text).map_err(|error| Fault::invalid(at, error))
}

/// Takes what a list is to be searched for, as it is compared.
pub(crate) fn search(text: Option<&str>) -> Result<Option<String>, Fault> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    if text.is_some_and(|text| text.chars().count() > NAME_CHARS_MAX) {
        let detail = format!("at most {NAME_CHARS_MAX} characters can be searched for");
        return Err(Fault::invalid("search", detail));
    }
    Ok(text.map(strongroom_domain::name::search_key))
}

/// Checks that the name of what is destroyed or stopped was typed.
pub(crate) fn confirmed(name: &str, typed: &str) -> Result<(), Fault> {
    if name == typed.trim() {
        return Ok(());
    }
    Err(Fault::invalid(
        "confirm",
        format!("type the name to confirm this: {name}"),
    ))
}
