//! Another program on a process's PostgreSQL, in the way of whoever reads.

use sea_orm::{ConnectOptions, ConnectionTrait as _, Database, DatabaseConnection};

/// A table that nobody else can read, until this leaves.
pub struct Stranger(DatabaseConnection);

impl Stranger {
    pub async fn lock(url: &str, table: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1);
        let connection = Database::connect(options).await.unwrap();
        let sql = format!("begin; lock table {table} in access exclusive mode");
        connection.execute_unprepared(&sql).await.unwrap();
        Self(connection)
    }

    pub async fn leave(self) {
        self.0.execute_unprepared("rollback").await.unwrap();
    }
}
