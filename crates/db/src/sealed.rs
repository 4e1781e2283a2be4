//! Every column that has values of the key ring, as one row of places that never changes its order.

use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order, Query};
use strongroom_custody::ring::{Place, Resealed};

use crate::error::damaged;
use crate::{DbError, Reading, Writing};

/// A column of values, and the column of text that names the row.
struct Sealed {
    table: &'static str,
    column: &'static str,
    key: &'static str,
}

/// All of them, in the order of their places.
const COLUMNS: [Sealed; 2] = [
    Sealed {
        table: "secrets",
        column: "value",
        key: "name",
    },
    Sealed {
        table: "totp",
        column: "secret",
        key: "user_id",
    },
];

/// Returns the values that follow a place, at most so many; from the first on where it is `None`.
pub async fn after(
    reading: &Reading,
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<(Place, Vec<u8>)>, DbError> {
    let mut found = Vec::new();
    for column in &COLUMNS {
        let missing = limit - found.len();
        if missing == 0 {
            break;
        }
        let here = (column.table, column.column);
        let from = match after.map(|place| ((place.table.as_str(), place.column.as_str()), place)) {
            Some((there, _)) if here < there => continue,
            Some((there, place)) if here == there => Some(row_of(column, place)?),
            _ => None,
        };
        found.extend(column.after(reading, from, missing).await?);
    }
    Ok(found)
}

/// Stores a value in the place of what was read there; one that is another by now stays.
pub async fn replace(writing: &Writing, resealed: &Resealed) -> Result<(), DbError> {
    let place = &resealed.place;
    let found = COLUMNS
        .iter()
        .find(|column| (column.table, column.column) == (&*place.table, &*place.column));
    let column = found.ok_or_else(|| damaged("key_ring", format!("no place {place}")))?;
    let name = Expr::col(Alias::new(column.column));
    let update = Query::update()
        .table(Alias::new(column.table))
        .value(Alias::new(column.column), resealed.after.clone())
        .and_where(Expr::col(Alias::new(column.key)).eq(row_of(column, place)?))
        .and_where(name.eq(resealed.before.clone()))
        .to_owned();
    writing.transaction.execute(&update).await?;
    Ok(())
}

fn row_of<'a>(column: &Sealed, place: &'a Place) -> Result<&'a str, DbError> {
    std::str::from_utf8(&place.row).map_err(|error| damaged(column.table, error))
}

impl Sealed {
    async fn after(
        &self,
        reading: &Reading,
        from: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Place, Vec<u8>)>, DbError> {
        let mut select = Query::select();
        select
            .column(Alias::new(self.key))
            .column(Alias::new(self.column))
            .from(Alias::new(self.table))
            .order_by(Alias::new(self.key), Order::Asc)
            .limit(u64::try_from(limit).unwrap_or(u64::MAX));
        if let Some(from) = from {
            select.and_where(Expr::col(Alias::new(self.key)).gt(from));
        }
        let rows = reading.transaction.query_all(&select).await?;
        let read = rows.into_iter().map(|row| {
            let key: String = row.try_get("", self.key)?;
            let value: Vec<u8> = row.try_get("", self.column)?;
            Ok((Place::new(self.table, self.column, key.as_bytes()), value))
        });
        read.collect()
    }
}
