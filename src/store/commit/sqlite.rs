//! A round on SQLite: a handful of statements in one immediate transaction.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait, Value,
};

use super::spend_numbers;
use crate::store::Backend;
use crate::store::keys::{Keys, any_of, numbers};
use crate::store::lease::{Fence, FenceSql, lease_end, lease_value};
use crate::store::rows;
use crate::store::table::Table;
use crate::store::work::{VitalsColumns, Work};

pub(super) async fn attempt(
    connection: &DatabaseConnection,
    fence: &Fence,
    round: i64,
    work: &Work,
) -> Result<bool, DbErr> {
    let statements = statements(fence, round, work);
    let transaction = connection
        .begin_with_options(TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        })
        .await?;
    let outcome = write(&transaction, fence, round, statements).await;
    match outcome {
        Ok(true) => transaction.commit().await?,
        Ok(false) => transaction.rollback().await?,
        // The first error says more than one of the rollback, which dropping repeats.
        Err(_) => drop(transaction.rollback().await),
    }
    outcome
}

async fn write(
    transaction: &DatabaseTransaction,
    fence: &Fence,
    round: i64,
    statements: Vec<Statement>,
) -> Result<bool, DbErr> {
    let is_ours = pass(transaction, fence, round).await?;
    if is_ours {
        for statement in statements {
            transaction.execute_raw(statement).await?;
        }
    }
    Ok(is_ours)
}

/// The fence.
async fn pass(transaction: &DatabaseTransaction, fence: &Fence, round: i64) -> Result<bool, DbErr> {
    let FenceSql { round: number, condition } = FenceSql::of(Backend::Sqlite);
    let sql = format!(
        "update shards set round = {number}, lease_until = {} where id = $1 and {condition}",
        lease_end(Backend::Sqlite, 4)
    );
    let values = [
        (&*fence.shard).into(),
        fence.epoch.into(),
        round.into(),
        lease_value(Backend::Sqlite, fence.lease),
    ];
    let fenced = transaction.execute_raw(statement(sql, values)).await?;
    Ok(fenced.rows_affected() == 1)
}

fn statements(fence: &Fence, round: i64, work: &Work) -> Vec<Statement> {
    let shard = || Value::from(&*fence.shard);
    let mut statements = Vec::new();
    // Before the histories that begin in their place.
    if !work.forgotten.is_empty() {
        statements.push(remove("character_events", "character", Keys::of_uuids(&work.forgotten)));
    }
    let mut insert = |table: &Table, json: String| {
        let sql = table.insert(Backend::Sqlite, 2, "true");
        statements.push(statement(sql, [shard(), json.into()]));
    };
    if !work.pets.is_empty() {
        insert(&rows::PETS, rows::pets(&work.pets));
    }
    for (table, characters) in
        [(&rows::CHARACTERS, &work.characters), (&rows::NEW_CHARACTERS, &work.created)]
    {
        if !characters.is_empty() {
            insert(table, rows::characters(characters, work.decided_at));
        }
    }
    if !work.tenants.is_empty() {
        insert(&rows::TENANTS, rows::tenants(work.tenants.iter().map(AsRef::as_ref)));
    }
    if !work.sources.is_empty() {
        insert(&rows::SOURCES, rows::sources(&work.sources));
    }
    if !work.dead_letters.is_empty() {
        insert(&rows::DEAD_LETTERS, rows::dead_letters(&work.dead_letters));
    }
    if !work.history.is_empty() {
        insert(&rows::HISTORY, rows::history(&work.history));
    }
    if !work.answers.is_empty() {
        insert(&rows::ANSWERS, rows::answers(&work.answers));
    }
    if !work.vitals.is_empty() {
        statements.push(vitals(&work.vitals));
    }
    if !work.removed_pets.is_empty() {
        statements.push(remove("pets", "id", Keys::of_pets(&work.removed_pets)));
    }
    if !work.removed_characters.is_empty() {
        statements.push(remove("characters", "id", Keys::of_characters(&work.removed_characters)));
        let keys = Keys::of_characters(&work.removed_characters);
        let sql = spend_numbers(Backend::Sqlite, &keys, 1, "true");
        statements.push(statement(sql, keys.into_values(Backend::Sqlite)));
    }
    if !work.redelivered.is_empty() {
        let ids = any_of(Backend::Sqlite, 1);
        let sql = format!("delete from dead_letters where id {ids}");
        statements.push(statement(sql, [numbers(Backend::Sqlite, &work.redelivered)]));
    }
    for row in &work.outbox {
        let sql = "insert into outbox (shard, round, sink, num_events, body, decided_at) \
                   values ($1, $2, $3, $4, $5, $6)";
        let values = [
            shard(),
            round.into(),
            row.sink.name().into(),
            row.num_events.into(),
            row.body.clone().into(),
            rows::instant(work.decided_at).into(),
        ];
        statements.push(statement(sql.to_owned(), values));
    }
    statements
}

fn vitals(vitals: &VitalsColumns) -> Statement {
    let rows: Vec<_> = (0..vitals.len())
        .map(|i| {
            (
                vitals.tenants[i].simple().to_string(),
                vitals.pets[i],
                vitals.levels[i],
                vitals.closeness[i],
                vitals.fullness[i],
                vitals.slots[i],
            )
        })
        .collect();
    let json = serde_json::to_string(&rows).expect("text and numbers always have a JSON form");
    let sql = "update pets set level = v.value ->> 2, closeness = v.value ->> 3, \
                   fullness = v.value ->> 4, slot = v.value ->> 5 \
               from json_each($1) as v \
               where pets.tenant = unhex(v.value ->> 0) and pets.id = v.value ->> 1";
    statement(sql.to_owned(), [json.into()])
}

fn remove(table: &str, id: &str, keys: Keys) -> Statement {
    let relation = keys.relation(Backend::Sqlite, 1);
    let sql = format!(
        "delete from {table} where (tenant, {id}) in (select k.tenant, k.id from {relation})"
    );
    statement(sql, keys.into_values(Backend::Sqlite))
}

fn statement(sql: String, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}
