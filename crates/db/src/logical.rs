//! Everything that is stored, as lines of JSON that both databases give and take: what a backup of the server is made of.
//!
//! Which tables and columns there are is read from the steps of the schema, so none is forgotten. Of each table there is
//! a line with its name and its columns, and then one for each row; bytes are hexadecimal digits.

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order, Query};
use sea_orm::{ConnectionTrait as _, QueryResult};
use serde_json::{Value, json};

use crate::error::damaged;
use crate::{DbError, Reading, Writing, migrations};

/// What is under way only, and is left out.
const PASSING: [&str; 5] = [
    "attempts",
    "second_attempts",
    "challenges",
    "acme_challenges",
    "jobs",
];

/// How many rows are read and written at once.
const PART: u64 = 1_000;
const INSERTED: usize = 200;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Table {
    name: String,
    columns: Vec<(String, Kind)>,
}

/// Returns the tables in the order in which they were made: what a row refers to stands before it.
fn tables() -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    for line in migrations::texts().flat_map(str::lines) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            let name = rest.split([' ', '(']).next().unwrap_or_default();
            tables.push(Table {
                name: name.to_owned(),
                columns: Vec::new(),
            });
        }
        let mut words = line.split_whitespace();
        let mut pair = (words.next().unwrap_or_default(), words.next());
        let mut at = tables.len().checked_sub(1);
        if pair.0 == "ALTER" {
            // ALTER TABLE name ADD COLUMN column $TYPE
            let name = words.next().unwrap_or_default();
            at = tables.iter().position(|table| table.name == name);
            let mut rest = words.skip(2);
            pair = (rest.next().unwrap_or_default(), rest.next());
        }
        let kind = match pair.1.map(|word| word.trim_end_matches([',', ';'])) {
            Some("$TEXT") => Kind::Text,
            Some("$BIGINT") => Kind::Number,
            Some("$BYTES") => Kind::Bytes,
            _ => continue,
        };
        if let Some(table) = at.and_then(|at| tables.get_mut(at)) {
            table.columns.push((pair.0.to_owned(), kind));
        }
    }
    tables.retain(|table| !PASSING.contains(&table.name.as_str()));
    tables
}

/// Gives every row to `take`, a line at a time; returns how many rows there were. The transaction must be one in which
/// everything is of one moment.
pub async fn dump(
    reading: &Reading,
    take: &mut (dyn FnMut(String) + Send),
) -> Result<u64, DbError> {
    let mut n_rows = 0;
    for table in tables() {
        let columns: Vec<&str> = table
            .columns
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        take(json!({ "table": table.name, "columns": columns }).to_string());
        let mut last = None;
        loop {
            let rows = table.part(reading, last).await?;
            let n_read = rows.len();
            last = rows
                .last()
                .and_then(|row| row.first())
                .and_then(Value::as_i64);
            for row in table.in_order(rows) {
                take(Value::Array(row).to_string());
                n_rows += 1;
            }
            if !table.is_long() || u64::try_from(n_read).unwrap_or(0) < PART {
                break;
            }
        }
    }
    take(json!({ "rows": n_rows }).to_string());
    Ok(n_rows)
}

/// Stores every row in the place of all that is there. The last line must be that of [`dump`].
pub async fn load<'a>(
    writing: &Writing,
    lines: impl Iterator<Item = &'a str>,
) -> Result<u64, DbError> {
    let known = tables();
    for name in PASSING
        .into_iter()
        .chain(known.iter().rev().map(|table| table.name.as_str()))
    {
        let delete = format!("DELETE FROM {name}");
        writing.transaction.execute_unprepared(&delete).await?;
    }
    let (mut n_rows, mut of, mut rows_read) = (0_u64, None::<Table>, Vec::new());
    for line in lines {
        let value: Value = serde_json::from_str(line).map_err(wrong)?;
        if let Value::Array(row) = value {
            let table = of.as_ref().ok_or_else(|| wrong("a row of no table"))?;
            rows_read.push(row);
            n_rows += 1;
            if rows_read.len() >= INSERTED {
                table.insert(writing, &mut rows_read).await?;
            }
            continue;
        }
        if let Some(table) = &of {
            table.insert(writing, &mut rows_read).await?;
        }
        if let Some(rows) = value["rows"].as_u64() {
            return if rows == n_rows {
                Ok(n_rows)
            } else {
                Err(wrong("rows are missing"))
            };
        }
        of = Some(Table::known(&known, &value)?);
    }
    Err(wrong("its end is missing"))
}

fn wrong(what: impl std::fmt::Display) -> DbError {
    damaged("backup", what)
}

impl Table {
    /// Finds what a line names, with the columns in its order.
    fn known(known: &[Self], line: &Value) -> Result<Self, DbError> {
        let name = line["table"].as_str().unwrap_or_default();
        let newer = |what: &str| wrong(format!("`{what}` is of a newer program"));
        let table = known.iter().find(|table| table.name == name);
        let table = table.ok_or_else(|| newer(name))?;
        let columns = line["columns"].as_array().cloned().unwrap_or_default();
        let columns: Result<Vec<_>, DbError> = columns
            .iter()
            .map(|column| {
                let name = column.as_str().unwrap_or_default();
                let found = table.columns.iter().find(|(known, _)| known == name);
                found.cloned().ok_or_else(|| newer(name))
            })
            .collect();
        Ok(Self {
            name: table.name.clone(),
            columns: columns?,
        })
    }

    /// One that only grows is read in parts.
    fn is_long(&self) -> bool {
        self.columns.first().is_some_and(|(name, _)| name == "seq")
    }

    async fn part(
        &self,
        reading: &Reading,
        after: Option<i64>,
    ) -> Result<Vec<Vec<Value>>, DbError> {
        let mut select = Query::select();
        select.from(Alias::new(&self.name));
        for (name, _) in &self.columns {
            select.column(Alias::new(name));
        }
        if let Some((first, _)) = self.columns.first() {
            select.order_by(Alias::new(first), Order::Asc);
            if self.is_long() {
                select.limit(PART);
                if let Some(after) = after {
                    select.and_where(Expr::col(Alias::new(first)).gt(after));
                }
            }
        }
        let rows = reading.transaction.query_all(&select).await?;
        rows.iter().map(|row| self.read(row)).collect()
    }

    fn read(&self, row: &QueryResult) -> Result<Vec<Value>, DbError> {
        let read = self.columns.iter().map(|(name, kind)| {
            Ok(match kind {
                Kind::Text => row.try_get::<Option<String>>("", name)?.into(),
                Kind::Number => row.try_get::<Option<i64>>("", name)?.into(),
                Kind::Bytes => {
                    let bytes = row.try_get::<Option<Vec<u8>>>("", name)?;
                    bytes
                        .map(|bytes| strongroom_base::ids::to_hex(&bytes))
                        .into()
                }
            })
        });
        read.collect()
    }

    /// Puts what a row refers to in its own table before it.
    fn in_order(&self, rows: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
        let parent = self
            .columns
            .iter()
            .position(|(name, _)| name == "parent_id");
        let Some(parent) = parent else {
            return rows;
        };
        let mut known = std::collections::BTreeSet::new();
        let (mut left, mut ordered) = (rows, Vec::new());
        loop {
            let is_next = |row: &Vec<Value>| match row[parent].as_str() {
                None => true,
                Some(above) => known.contains(above),
            };
            let (next, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(is_next);
            if next.is_empty() {
                ordered.extend(rest);
                return ordered;
            }
            known.extend(
                next.iter()
                    .filter_map(|row| row[0].as_str().map(str::to_owned)),
            );
            ordered.extend(next);
            left = rest;
        }
    }

    async fn insert(&self, writing: &Writing, rows: &mut Vec<Vec<Value>>) -> Result<(), DbError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = Query::insert();
        insert.into_table(Alias::new(&self.name));
        insert.columns(self.columns.iter().map(|(name, _)| Alias::new(name)));
        for row in rows.drain(..) {
            if row.len() != self.columns.len() {
                return Err(wrong("a row has another length"));
            }
            let values: Result<Vec<Expr>, DbError> = row
                .into_iter()
                .zip(&self.columns)
                .map(|(value, (_, kind))| stored(value, *kind))
                .collect();
            insert.values(values?).map_err(wrong)?;
        }
        writing.transaction.execute(&insert).await?;
        Ok(())
    }
}

fn stored(value: Value, kind: Kind) -> Result<Expr, DbError> {
    Ok(match (kind, value) {
        (Kind::Text, Value::Null) => Expr::value(None::<String>),
        (Kind::Number, Value::Null) => Expr::value(None::<i64>),
        (Kind::Bytes, Value::Null) => Expr::value(None::<Vec<u8>>),
        (Kind::Text, Value::String(text)) => Expr::value(text),
        (Kind::Number, Value::Number(number)) => Expr::value(
            number
                .as_i64()
                .ok_or_else(|| wrong("a number is too large"))?,
        ),
        (Kind::Bytes, Value::String(digits)) => Expr::value(bytes(&digits)?),
        _ => return Err(wrong("a value is of another kind")),
    })
}

fn bytes(digits: &str) -> Result<Vec<u8>, DbError> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let text = std::str::from_utf8(pair).map_err(wrong)?;
            u8::from_str_radix(text, 16).map_err(wrong)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_column_is_known() {
        let tables = tables();
        assert!(tables.len() >= 20, "{}", tables.len());
        let users = tables.iter().find(|table| table.name == "users").unwrap();
        assert_eq!(users.columns.len(), 14);
        assert_eq!(users.columns[0], ("id".to_owned(), Kind::Text));
        assert!(tables.iter().all(|table| !table.columns.is_empty()));
        let made = migrations::texts().map(|text| text.matches("CREATE TABLE ").count());
        assert_eq!(made.sum::<usize>(), tables.len() + PASSING.len());
    }
}
