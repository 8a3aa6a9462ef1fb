//! Documentation that lives in the database.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Comments on a table (`"pets"`) or a column (`"pets.slot"`); nothing on SQLite, which has none.
pub(crate) async fn comment(
    manager: &SchemaManager<'_>,
    comments: &[(&str, &str)],
) -> Result<(), DbErr> {
    for (subject, text) in comments {
        let kind = if subject.contains('.') { "column" } else { "table" };
        let text = text.replace('\'', "''");
        on_postgres(manager, &format!("comment on {kind} {subject} is '{text}'")).await?;
    }
    Ok(())
}

/// Runs a statement that only PostgreSQL knows.
pub(crate) async fn on_postgres(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}
