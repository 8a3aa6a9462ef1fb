//! Statements made from a table's columns: rows travel as one JSON array, or as one array a
//! column, so that the text of a statement does not depend on their number.

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
        self.insert_from(&self.source(backend, parameter), backend, guard)
    }

    /// The same on PostgreSQL, from one array for each column of the rows, in the parameters
    /// from number `first` on.
    pub(super) fn insert_columns(&self, first: usize, guard: &str) -> String {
        let (names, kinds): (Vec<_>, Vec<_>) = self.sent().unzip();
        let names = list(names.into_iter().map(|name| format!("\"{name}\"")));
        let source = format!("{} as r({names})", unnest(first, &kinds));
        self.insert_from(&source, Backend::Postgres, guard)
    }

    fn insert_from(&self, source: &str, backend: Backend, guard: &str) -> String {
        let names = list(self.columns.iter().map(|(name, _)| format!("\"{name}\"")));
        let values = list(self.columns.iter().map(|(name, kind)| kind.value(backend, name)));
        let key = list(self.key.iter().map(|name| format!("\"{name}\"")));
        let action = match self.conflict {
            Conflict::Refuse => String::new(),
            Conflict::Keep => format!(" on conflict ({key}) do nothing"),
            Conflict::Overwrite => {
                let columns = self.columns.iter().map(|(name, _)| name);
                let rest = columns.filter(|name| !self.key.contains(name));
                let set = list(rest.map(|c| format!("\"{c}\" = excluded.\"{c}\"")));
                format!(" on conflict ({key}) do update set {set}")
            }
        };
        format!(
            "insert into {} ({names}) select {values} from {source} where {guard}{action}",
            self.name,
        )
    }

    fn source(&self, backend: Backend, parameter: usize) -> String {
        match backend {
            Backend::Postgres => {
                let columns = self.sent().map(|(name, kind)| format!("\"{name}\" {kind}"));
                format!("json_to_recordset(${parameter}::json) as r({})", list(columns))
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
pub(super) fn unnest(first: usize, kinds: &[&str]) -> String {
    let arrays = kinds.iter().zip(first..);
    format!("unnest({})", list(arrays.map(|(kind, parameter)| format!("${parameter}::{kind}[]"))))
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
            Self::Shard => None,
        }
    }

    fn value(self, backend: Backend, name: &str) -> String {
        match (backend, self) {
            (_, Self::Shard) => "$1".to_owned(),
            (Backend::Postgres, Self::Bytes) => format!("decode(r.\"{name}\", 'hex')"),
            (Backend::Postgres, _) => format!("r.\"{name}\""),
            (Backend::Sqlite, Self::Uuid | Self::Bytes) => {
                format!("unhex(r.value ->> '{name}')")
            }
            (Backend::Sqlite, _) => format!("r.value ->> '{name}'"),
        }
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}
