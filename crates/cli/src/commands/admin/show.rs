//! How answers look: a table, lines, or comma-separated values.

use std::io::Write as _;

use serde_json::Value;
use strongroom_agent::client::ClientError;

use super::formula::defused;
use super::names::Names;
use super::table::{Column, Shows};
use crate::failure::Failure;
use crate::output::{Output, escaped};

/// The least space between columns.
const GAP: usize = 2;

/// Prints a list as a table; columns in which nothing stands are left out.
pub(super) fn table(
    output: &Output,
    names: &Names<'_>,
    columns: &[Column],
    items: impl Iterator<Item = Result<Value, ClientError>>,
) -> Result<(), Failure> {
    let columns: Vec<&Column> = columns
        .iter()
        .filter(|column| is_for_people(column))
        .collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for item in items {
        let item = item?;
        let cells = columns.iter().map(|column| cell(names, column, &item));
        rows.push(cells.collect());
    }
    let has_any = |at: &usize| rows.iter().any(|row| !row[*at].is_empty());
    let shown: Vec<usize> = (0..columns.len()).filter(has_any).collect();
    if rows.is_empty() {
        output.note("There is nothing of that kind that you may see.");
        return Ok(());
    }
    let title = |at: &usize| columns[*at].title.to_owned();
    let mut lines = vec![shown.iter().map(title).collect::<Vec<_>>()];
    lines.extend(rows.into_iter().map(|mut row| {
        let take = |at: &usize| std::mem::take(&mut row[*at]);
        shown.iter().map(take).collect()
    }));
    for line in aligned(&lines) {
        output.line(&line)?;
    }
    Ok(())
}

/// Prints one thing, a line for each of its values.
pub(super) fn one(
    output: &Output,
    names: &Names<'_>,
    columns: &[Column],
    item: &Value,
) -> Result<(), Failure> {
    for column in columns.iter().filter(|column| is_for_people(column)) {
        let text = cell(names, column, item);
        if !text.is_empty() {
            output.line(&format!("{}: {text}", column.title))?;
        }
    }
    Ok(())
}

/// Prints a list as comma-separated values (RFC 4180), with the names of the API. No value is taken for a formula.
pub(super) fn csv(
    output: &Output,
    columns: &[Column],
    items: impl Iterator<Item = Result<Value, ClientError>>,
) -> Result<(), Failure> {
    let mut fields: Vec<&str> = Vec::new();
    for column in columns {
        if !fields.contains(&column.field) {
            fields.push(column.field);
        }
    }
    let mut writer = ::csv::Writer::from_writer(output.writer());
    writer.write_record(&fields).map_err(failed)?;
    for item in items {
        let item = item?;
        let record = fields.iter().map(|field| defused(plain(at(&item, field))));
        writer.write_record(record).map_err(failed)?;
    }
    writer.flush()?;
    output.writer().flush()?;
    Ok(())
}

fn failed(error: ::csv::Error) -> Failure {
    match error.into_kind() {
        ::csv::ErrorKind::Io(error) => error.into(),
        other => std::io::Error::other(format!("{other:?}")).into(),
    }
}

fn is_for_people(column: &Column) -> bool {
    column.shows != Shows::Data
}

/// Returns lines with their cells below each other.
fn aligned(lines: &[Vec<String>]) -> Vec<String> {
    let n_columns = lines.first().map_or(0, Vec::len);
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max();
    let widths: Vec<usize> = (0..n_columns).map(|at| width(at).unwrap_or(0)).collect();
    let text = |line: &Vec<String>| {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            text.push_str(cell);
            let n_spaces = width + GAP - cell.chars().count();
            text.extend(std::iter::repeat_n(' ', n_spaces));
        }
        text.trim_end().to_owned()
    };
    lines.iter().map(text).collect()
}

fn cell(names: &Names<'_>, column: &Column, item: &Value) -> String {
    let text = plain(at(item, column.field));
    if text.is_empty() {
        return text;
    }
    escaped(&match column.shows {
        Shows::Plain | Shows::Data => text,
        Shows::Time => time(&text),
        Shows::Organisation => names.of_organisation(&text),
        Shows::User => names.of_user(&text),
    })
}

fn at<'a>(item: &'a Value, field: &str) -> &'a Value {
    let parts = field.split('.');
    parts.fold(item, |value, part| value.get(part).unwrap_or(&Value::Null))
}

/// A value as text: lists with commas, objects as names and values.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            let pair = |(name, value): (&String, &Value)| format!("{name}={}", plain(value));
            fields.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
    }
}

/// A time of the API to the second.
fn time(text: &str) -> String {
    let text = text.split('.').next().unwrap_or(text);
    text.trim_end_matches('Z').replace('T', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_stand_below_each_other() {
        let line = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let lines = [line(["name", "id"]), line(["Größe", "1"]), line(["", "22"])];
        assert_eq!(aligned(&lines), ["name   id", "Größe  1", "       22"]);
    }

    #[test]
    fn values_are_text() {
        let item = json!({"a": {"b": [1, true, null]}, "c": {"x": "y", "z": 1}});
        assert_eq!(plain(at(&item, "a.b")), "1, yes, ");
        assert_eq!(plain(at(&item, "c")), "x=y, z=1");
        assert_eq!(plain(at(&item, "a.nothing")), "");
        assert_eq!(time("2026-11-29T01:02:03.5Z"), "2026-11-29 01:02:03");
    }
}
