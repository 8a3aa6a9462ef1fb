//! Sets of keys as a relation `k(tenant, id)` in a statement.

use std::fmt::Write as _;

use sea_orm::Value;
use uuid::Uuid;

use super::Backend;
use crate::domain::{CharacterKey, PetKey};

/// Keys bound to a statement.
pub(super) struct Keys {
    tenants: Vec<Uuid>,
    ids: Vec<i64>,
}

impl Keys {
    pub(super) fn of_pets<'a>(keys: impl IntoIterator<Item = &'a PetKey>) -> Self {
        keys.into_iter().map(|key| (key.tenant.0, i64::from(key.pet.0))).collect()
    }

    pub(super) fn of_characters<'a>(keys: impl IntoIterator<Item = &'a CharacterKey>) -> Self {
        keys.into_iter().map(|key| (key.tenant.0, i64::from(key.character.0))).collect()
    }

    /// The relation for a `from` clause, its parameters from number `first` on.
    pub(super) fn relation(backend: Backend, first: usize) -> String {
        match backend {
            Backend::Postgres => {
                format!("unnest(${first}::uuid[], ${}::bigint[]) as k(tenant, id)", first + 1)
            }
            Backend::Sqlite => format!(
                "(select unhex(value ->> 0) as tenant, value ->> 1 as id \
                 from json_each(${first})) as k"
            ),
        }
    }

    /// The parameters of [`relation`](Self::relation).
    pub(super) fn into_values(self, backend: Backend) -> Vec<Value> {
        match backend {
            Backend::Postgres => vec![self.tenants.into(), self.ids.into()],
            Backend::Sqlite => {
                let mut json = String::with_capacity(2 + 48 * self.ids.len());
                let mut separator = '[';
                for (tenant, id) in self.tenants.iter().zip(&self.ids) {
                    // Writing to a string cannot fail.
                    let _ = write!(json, "{separator}[\"{}\",{id}]", tenant.simple());
                    separator = ',';
                }
                json.push_str(if separator == '[' { "[]" } else { "]" });
                vec![json.into()]
            }
        }
    }
}

impl FromIterator<(Uuid, i64)> for Keys {
    fn from_iter<I: IntoIterator<Item = (Uuid, i64)>>(keys: I) -> Self {
        let (tenants, ids) = keys.into_iter().unzip();
        Self { tenants, ids }
    }
}

/// `in (…)` for a list of numbers in parameter `parameter`.
pub(super) fn any_of(backend: Backend, parameter: usize) -> String {
    match backend {
        Backend::Postgres => format!("in (select unnest(${parameter}::bigint[]))"),
        Backend::Sqlite => format!("in (select value from json_each(${parameter}))"),
    }
}

/// The parameter of [`any_of`].
pub(super) fn numbers(backend: Backend, numbers: &[i64]) -> Value {
    match backend {
        Backend::Postgres => numbers.to_vec().into(),
        Backend::Sqlite => serde_json::Value::from(numbers).to_string().into(),
    }
}

/// A limit or an offset; nothing has more rows than an `i64` counts.
pub(super) fn bound(number: u64) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
