//! The yardstick: a hand-written consumer that changes the same columns of the same tables,
//! command by command, on a connection set up like that of the [`Store`].
//!
//! [`Store`]: menagerie::store::Store

use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
    TransactionTrait, Value,
};

use menagerie::domain::pet::MAX_LEVEL;
use menagerie::wire::kafka::status;

use crate::NUM_PETS;
use crate::holder::Holder;
use crate::samples;

const SHARD: &str = "yardstick";

const UPDATE: &str = "update pets set level = $1, closeness = $2, fullness = $3, slot = $4 \
    where tenant = $5 and id = $6";
const ANNOUNCE: &str = "insert into outbox (shard, sink, round, num_events, body, decided_at) \
    values ($1, 'kafka', $2, 1, $3, $4)";
const ADVANCE: &str = "insert into sources (shard, topic, partition, next_offset) \
    values ($1, 'COMMAND_TOPIC_PET', 0, $2) \
    on conflict (shard, topic, partition) do update set next_offset = excluded.next_offset";

pub struct Plain {
    connection: DatabaseConnection,
    /// Commands applied so far.
    num_applied: u32,
}

impl Plain {
    pub async fn connect(url: &str) -> Self {
        let mut options = ConnectOptions::new(url);
        options.max_connections(1).test_before_acquire(false).sqlx_logging(false);
        options.map_sqlx_sqlite_opts(|sqlite: SqliteConnectOptions| {
            sqlite
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(10))
        });
        let connection = Database::connect(options).await.unwrap();
        Self { connection, num_applied: 0 }
    }

    /// One command with what it needs to have its effect once and its event for certain: the
    /// pet, the event and the offset, together.
    pub async fn apply(&mut self) {
        let number = self.next();
        let mut event = Vec::with_capacity(256);
        status::encode(&samples::closeness_changed(number), &mut event);
        let transaction = self.connection.begin().await.unwrap();
        self.change(&transaction, number).await;
        let offset = i64::from(number);
        let announced = [SHARD.into(), offset.into(), event.into(), samples::start().into()];
        self.execute(&transaction, ANNOUNCE, announced).await;
        self.execute(&transaction, ADVANCE, [SHARD.into(), offset.into()]).await;
        transaction.commit().await.unwrap();
    }

    /// One command with nothing that keeps its event or its offset: the least there is.
    pub async fn update(&mut self) {
        let number = self.next();
        self.change(&self.connection, number).await;
    }

    fn next(&mut self) -> u32 {
        self.num_applied += 1;
        self.num_applied
    }

    async fn change(&self, connection: &impl ConnectionTrait, number: u32) {
        let values = [
            i16::from(MAX_LEVEL).into(),
            i32::from(closeness(number)).into(),
            100_i16.into(),
            0_i16.into(),
            samples::tenant().id.0.into(),
            i64::from(number % NUM_PETS).into(),
        ];
        self.execute(connection, UPDATE, values).await;
    }

    async fn execute<const N: usize>(
        &self,
        connection: &impl ConnectionTrait,
        sql: &str,
        values: [Value; N],
    ) {
        let statement = Statement::from_sql_and_values(self.backend(), sql, values);
        let done = connection.execute_raw(statement).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    }

    fn backend(&self) -> DbBackend {
        self.connection.get_database_backend()
    }

    /// That the last command stands and `num_events` events with it; then deletes those.
    pub async fn check(&self, holder: &Holder, num_events: u64) {
        let number = self.num_applied;
        assert_eq!(holder.closeness_of(number % NUM_PETS).await, closeness(number));
        let sql = "delete from outbox where shard = $1";
        let statement = Statement::from_sql_and_values(self.backend(), sql, [SHARD.into()]);
        let deleted = self.connection.execute_raw(statement).await.unwrap();
        assert_eq!(deleted.rows_affected(), num_events);
    }
}

/// Another one each time a pet comes round.
fn closeness(number: u32) -> u16 {
    2_000 + u16::try_from(number / NUM_PETS % 1_000).expect("below 1,000")
}
