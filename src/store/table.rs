//! Statements made from a table's columns: rows travel as one JSON array, or as one array a
//! column, so that the text of a statement does not depend on their number.

use std::fmt::Write as _;

use sea_orm::Value;

use super::Backend;

/// A table that rounds write whole rows of.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [(&'static str, Kind)],
    pub(super) conflict: Conflict,
}

/// How a column is read from a row's JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// 32 hexadecimal digits.
    Uuid,
    Text,
    BigInt,
    Int,
    SmallInt,
    Double,
    /// RFC 3339.
    Instant,
    /// An array or object, kept as it is.
    Json,
    /// An object whose fields keep their order.
    Ordered,
    /// Hexadecimal.
    Bytes,
    /// Not in the row: the statement's first parameter.
    Shard,
    /// The same in all rows of a statement that sends them by column, which sends this once; of
    /// this type on PostgreSQL.
    Shared(&'static str),
}

/// What becomes of a row whose key is stored already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    Overwrite,
    Keep,
    /// The statement fails, and so the round.
    Refuse,
}

impl Table {
    /// `insert … select …`, from the JSON array in parameter `parameter`, as far as `guard`
    /// holds.
    pub(super) fn insert(&self, backend: Backend, parameter: usize, guard: &str) -> String {
        let is_shared = |(_, kind): &(_, Kind)| matches!(kind, Kind::Shared(_));
        debug_assert!(!self.columns.iter().any(is_shared), "a row's JSON has nothing shared");
        self.insert_from(&self.source(backend, parameter), backend, guard, parameter + 1)
    }

    /// The same on PostgreSQL, from one array for each column of the rows, in the parameters
    /// from number `first` on, and behind them what the rows share.
    pub(super) fn insert_columns(&self, first: usize, guard: &str) -> String {
        let kinds = self.sent().map(|(_, kind)| kind);
        let mut source = format!("{} as r(", unnest(first, kinds));
        list(&mut source, self.sent(), |sql, (name, _)| quote(sql, name));
        source.push(')');
        self.insert_from(&source, Backend::Postgres, guard, first + self.sent().count())
    }

    fn insert_from(
        &self,
        source: &str,
        backend: Backend,
        guard: &str,
        first_shared: usize,
    ) -> String {
        let mut next_shared = first_shared;
        let names = || self.columns.iter().map(|(name, _)| *name);
        let mut sql = format!("insert into {} (", self.name);
        list(&mut sql, names(), quote);
        sql.push_str(") select ");
        list(&mut sql, self.columns, |sql, (name, kind)| match kind {
            Kind::Shared(of) => {
                let _ = write!(sql, "${next_shared}::{of}");
                next_shared += 1;
            }
            _ => kind.value(sql, backend, name),
        });
        let _ = write!(sql, " from {source} where {guard}");
        if self.conflict == Conflict::Refuse {
            return sql;
        }
        sql.push_str(" on conflict (");
        list(&mut sql, self.key, |sql, name| quote(sql, name));
        if self.conflict == Conflict::Keep {
            sql.push_str(") do nothing");
            return sql;
        }
        sql.push_str(") do update set ");
        list(&mut sql, names().filter(|name| !self.key.contains(name)), |sql, name| {
            quote(sql, name);
            sql.push_str(" = excluded.");
            quote(sql, name);
        });
        sql
    }

    fn source(&self, backend: Backend, parameter: usize) -> String {
        match backend {
            Backend::Postgres => {
                let mut sql = format!("json_to_recordset(${parameter}::json) as r(");
                list(&mut sql, self.sent(), |sql, (name, kind)| {
                    quote(sql, name);
                    sql.push(' ');
                    sql.push_str(kind);
                });
                sql.push(')');
                sql
            }
            Backend::Sqlite => format!("json_each(${parameter}) as r"),
        }
    }

    /// The columns that stand in the rows, each with its type on PostgreSQL.
    fn sent(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.iter().filter_map(|(name, kind)| Some((*name, kind.postgres_type()?)))
    }
}

/// A column of rows as one array.
pub(super) fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Value
where
    Vec<T>: Into<Value>,
{
    rows.iter().map(value).collect::<Vec<T>>().into()
}

/// PostgreSQL's relation of arrays of these types, in the parameters from number `first` on.
pub(super) fn unnest(first: usize, kinds: impl IntoIterator<Item = &'static str>) -> String {
    let mut sql = "unnest(".to_owned();
    list(&mut sql, (first..).zip(kinds), |sql, (parameter, kind)| {
        let _ = write!(sql, "${parameter}::{kind}[]");
    });
    sql.push(')');
    sql
}

impl Kind {
    fn postgres_type(self) -> Option<&'static str> {
        match self {
            Self::Uuid => Some("uuid"),
            Self::Text | Self::Bytes => Some("text"),
            Self::BigInt => Some("bigint"),
            Self::Int => Some("integer"),
            Self::SmallInt => Some("smallint"),
            Self::Double => Some("double precision"),
            Self::Instant => Some("timestamptz"),
            Self::Json => Some("jsonb"),
            Self::Ordered => Some("json"),
            Self::Shard | Self::Shared(_) => None,
        }
    }

    /// Writes the expression that reads a column.
    fn value(self, sql: &mut String, backend: Backend, name: &str) {
        if self == Self::Shard {
            sql.push_str("$1");
            return;
        }
        let (before, after) = match (backend, self) {
            (Backend::Postgres, Self::Bytes) => ("decode(r.\"", "\", 'hex')"),
            (Backend::Postgres, _) => ("r.\"", "\""),
            (Backend::Sqlite, Self::Uuid | Self::Bytes) => ("unhex(r.value ->> '", "')"),
            (Backend::Sqlite, _) => ("r.value ->> '", "'"),
        };
        for part in [before, name, after] {
            sql.push_str(part);
        }
    }
}

fn quote(sql: &mut String, name: &str) {
    for part in ["\"", name, "\""] {
        sql.push_str(part);
    }
}

/// Writes items with commas between them; into one string, as each round has its statement made.
fn list<T>(
    sql: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    for (position, item) in items.into_iter().enumerate() {
        if position > 0 {
            sql.push_str(", ");
        }
        write(sql, item);
    }
}
