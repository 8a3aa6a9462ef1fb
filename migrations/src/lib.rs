//! The schema of Menagerie, for PostgreSQL and for SQLite.
//!
//! Columns are plain, so that an operator can query them; on PostgreSQL every table and
//! the columns that need it carry a comment. Numbers that are unsigned 32-bit on the wire
//! are `bigint`; `pets.cash_id` is unsigned 64-bit there and wraps to negative from 2^63 on.

mod comments;
mod m0001_shards;
mod m0002_game;
mod m0003_outbox;
mod m0004_dead_letters;
mod m0005_idempotency_keys;
mod m0006_characters;
mod m0007_audit_log;

use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

pub use sea_orm_migration;

/// The migrations, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_shards::Migration),
            Box::new(m0002_game::Migration),
            Box::new(m0003_outbox::Migration),
            Box::new(m0004_dead_letters::Migration),
            Box::new(m0005_idempotency_keys::Migration),
            Box::new(m0006_characters::Migration),
            Box::new(m0007_audit_log::Migration),
        ]
    }
}

/// The names of all migrations, oldest first, as they stand in `seaql_migrations.version`.
pub fn names() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}
