//! A database for tests that are not about it.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{Options, Store};

/// A new one, SQLite in this folder.
pub async fn new_store(directory: &tempfile::TempDir) -> Store {
    let store = Store::connect(Options {
        url: format!("sqlite:{}", directory.path().join("zoo.db").display()),
        max_connections: 2,
        connect_timeout: Duration::from_secs(10),
        commit_timeout: Duration::from_secs(10),
    })
    .await
    .unwrap();
    store.migrate_up().await.unwrap();
    store
}
