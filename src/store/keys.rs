//! Sets of keys as a relation `k(tenant, id)` in a statement.

use chrono::{DateTime, Utc};
use sea_orm::Value;
use serde::Serialize;
use uuid::Uuid;

use super::Backend;
use super::rows::instant;
use super::table::unnest;
use crate::domain::{CharacterKey, PetKey, TenantId};

/// Keys bound to a statement.
pub(super) struct Keys {
    tenants: Vec<Uuid>,
    ids: Ids,
}

/// What is unique within a tenant.
enum Ids {
    Numbers(Vec<i64>),
    Uuids(Vec<Uuid>),
    Texts(Vec<String>),
}

impl Keys {
    pub(super) fn of_pets<'a>(keys: impl IntoIterator<Item = &'a PetKey>) -> Self {
        let keys = keys.into_iter().map(|key| (key.tenant.0, i64::from(key.pet.0)));
        let (tenants, ids) = keys.unzip();
        Self { tenants, ids: Ids::Numbers(ids) }
    }

    pub(super) fn of_characters<'a>(keys: impl IntoIterator<Item = &'a CharacterKey>) -> Self {
        let keys = keys.into_iter().map(|key| (key.tenant.0, i64::from(key.character.0)));
        let (tenants, ids) = keys.unzip();
        Self { tenants, ids: Ids::Numbers(ids) }
    }

    pub(super) fn of_uuids(keys: &[(TenantId, Uuid)]) -> Self {
        let (tenants, ids) = keys.iter().map(|(tenant, id)| (tenant.0, *id)).unzip();
        Self { tenants, ids: Ids::Uuids(ids) }
    }

    pub(super) fn of_texts(keys: &[(TenantId, Box<str>)]) -> Self {
        let (tenants, ids) = keys.iter().map(|(tenant, id)| (tenant.0, id.to_string())).unzip();
        Self { tenants, ids: Ids::Texts(ids) }
    }

    /// The relation for a `from` clause, its parameters from number `first` on.
    pub(super) fn relation(&self, backend: Backend, first: usize) -> String {
        match backend {
            Backend::Postgres => {
                let kind = match self.ids {
                    Ids::Numbers(_) => "bigint",
                    Ids::Uuids(_) => "uuid",
                    Ids::Texts(_) => "text",
                };
                format!("{} as k(tenant, id)", unnest(first, ["uuid", kind]))
            }
            Backend::Sqlite => {
                let id = match self.ids {
                    Ids::Numbers(_) | Ids::Texts(_) => "value ->> 1",
                    Ids::Uuids(_) => "unhex(value ->> 1)",
                };
                format!(
                    "(select unhex(value ->> 0) as tenant, {id} as id \
                     from json_each(${first})) as k"
                )
            }
        }
    }

    /// The parameters of [`relation`](Self::relation).
    pub(super) fn into_values(self, backend: Backend) -> Vec<Value> {
        let Self { tenants, ids } = self;
        match (backend, ids) {
            (Backend::Postgres, Ids::Numbers(ids)) => vec![tenants.into(), ids.into()],
            (Backend::Postgres, Ids::Uuids(ids)) => vec![tenants.into(), ids.into()],
            (Backend::Postgres, Ids::Texts(ids)) => vec![tenants.into(), ids.into()],
            (Backend::Sqlite, Ids::Numbers(ids)) => vec![pairs(&tenants, ids)],
            (Backend::Sqlite, Ids::Uuids(ids)) => {
                vec![pairs(&tenants, ids.iter().map(Uuid::as_simple))]
            }
            (Backend::Sqlite, Ids::Texts(ids)) => vec![pairs(&tenants, ids)],
        }
    }
}

/// `[[tenant, id], …]`.
fn pairs<T: Serialize>(tenants: &[Uuid], ids: impl IntoIterator<Item = T>) -> Value {
    let pairs: Vec<_> = tenants.iter().map(Uuid::as_simple).zip(ids).collect();
    serde_json::to_string(&pairs).expect("text and numbers always have a JSON form").into()
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

/// An instant to compare stored ones with.
pub(super) fn moment(backend: Backend, at: DateTime<Utc>) -> Value {
    match backend {
        Backend::Postgres => at.into(),
        // Stored as text of one length, so that its order is that of time.
        Backend::Sqlite => instant(at).into(),
    }
}
