//! Between stored values and types.

use std::str::FromStr;

use sea_orm::sea_query::LikeExpr;
use strongroom_base::clock::Timestamp;
use strongroom_base::ids::OrganisationId;

use crate::error::{DbError, damaged};

/// What stands where there is no organisation.
pub(crate) const NOWHERE: &str = "-";

/// A time as it is stored: nanoseconds, which reach to the year 2262.
pub(crate) fn nanos(time: Timestamp) -> i64 {
    i64::try_from(time.0).unwrap_or(if time.0 < 0 { i64::MIN } else { i64::MAX })
}

/// A time that was stored.
pub(crate) fn time(nanos: i64) -> Timestamp {
    Timestamp(i128::from(nanos))
}

/// Reads an identifier, or a name that is one of a few.
pub(crate) fn parse<T>(table: &'static str, text: &str) -> Result<T, DbError>
where
    T: FromStr,
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| damaged(table, error))
}

/// An organisation that may be none.
pub(crate) fn place(organisation: Option<OrganisationId>) -> String {
    organisation.map_or_else(|| NOWHERE.to_owned(), |id| id.to_string())
}

/// Reads an organisation that may be none.
pub(crate) fn organisation(
    table: &'static str,
    place: &str,
) -> Result<Option<OrganisationId>, DbError> {
    if place == NOWHERE {
        return Ok(None);
    }
    parse(table, place).map(Some)
}

/// Reads a number that cannot be negative.
pub(crate) fn count(table: &'static str, number: i64) -> Result<u32, DbError> {
    u32::try_from(number).map_err(|error| damaged(table, error))
}

/// Reads a hash.
pub(crate) fn hash(table: &'static str, bytes: &[u8]) -> Result<[u8; 32], DbError> {
    bytes
        .try_into()
        .map_err(|_another_length| damaged(table, "a hash of another length"))
}

/// Returns what a text must be like to have another one in it. Nothing in that one has a meaning.
pub(crate) fn having(search: &str) -> LikeExpr {
    let mut pattern = String::from("%");
    for c in search.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('\\')
}

/// Reads a large number that cannot be negative.
pub(crate) fn number(table: &'static str, number: i64) -> Result<u64, DbError> {
    u64::try_from(number).map_err(|error| damaged(table, error))
}

/// A large number as it is stored.
pub(crate) fn signed(table: &'static str, number: u64) -> Result<i64, DbError> {
    i64::try_from(number).map_err(|error| damaged(table, error))
}

/// A time as the audit log has it.
pub(crate) fn milliseconds(time: Timestamp) -> i64 {
    nanos(time).div_euclid(1_000_000)
}
