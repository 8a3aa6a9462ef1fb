//! A round on PostgreSQL: one statement, and so one round trip and one transaction.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};

use super::spend_numbers;
use crate::store::Backend;
use crate::store::connection::Connection;
use crate::store::keys::{Keys, any_of, numbers};
use crate::store::lease::{Fence, FenceSql, lease_end, lease_value};
use crate::store::rows;
use crate::store::table::{Table, column, unnest};
use crate::store::work::{HistoryRow, OutboxRow, VitalsColumns, Work};

/// Every section depends on it, so none has an effect unless the fence hit.
const GUARD: &str = "exists (select from fence)";

pub(super) async fn attempt(
    connection: &Connection,
    fence: &Fence,
    round: i64,
    work: &Work,
) -> Result<bool, DbErr> {
    let (sql, values) = compose(fence, round, work);
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    Ok(connection.query_one_raw(statement).await?.is_some())
}

/// The statement of one round. Its text depends on which sections are present and on nothing
/// else, so the session prepares each combination once.
fn compose(fence: &Fence, round: i64, work: &Work) -> (String, Vec<Value>) {
    let mut round = Round::behind(fence, round);
    if !work.vitals.is_empty() {
        round.vitals(work.vitals.sorted());
    }
    if !work.pets.is_empty() {
        round.insert(&rows::PETS, rows::pets(&work.pets));
    }
    if !work.removed_pets.is_empty() {
        round.remove("pets", "id", Keys::of_pets(&work.removed_pets));
    }
    if !work.characters.is_empty() {
        let json = rows::characters(&work.characters, work.decided_at);
        round.insert(&rows::CHARACTERS, json);
    }
    let (created, others) = rows::created(&work.created);
    if !created.is_empty() {
        let sql = rows::CREATED.insert_columns(round.next(), GUARD);
        round.section(&sql, rows::created_columns(&created, work.decided_at));
    }
    if !others.is_empty() {
        round.insert(&rows::NEW_CHARACTERS, rows::characters(others, work.decided_at));
    }
    if !work.removed_characters.is_empty() {
        round.remove("characters", "id", Keys::of_characters(&work.removed_characters));
        let keys = Keys::of_characters(&work.removed_characters);
        let sql = spend_numbers(Backend::Postgres, &keys, round.next(), GUARD);
        round.section(&sql, keys.into_values(Backend::Postgres));
    }
    if !work.tenants.is_empty() {
        round.insert(&rows::TENANTS, rows::tenants(work.tenants.iter().map(AsRef::as_ref)));
    }
    if !work.sources.is_empty() {
        round.insert(&rows::SOURCES, rows::sources(&work.sources));
    }
    if !work.dead_letters.is_empty() {
        round.insert(&rows::DEAD_LETTERS, rows::dead_letters(&work.dead_letters));
    }
    if !work.redelivered.is_empty() {
        let ids = any_of(Backend::Postgres, round.next());
        let sql = format!("delete from dead_letters where id {ids} and {GUARD}");
        round.section(&sql, [numbers(Backend::Postgres, &work.redelivered)]);
    }
    let guard = match &work.forgotten[..] {
        [] => GUARD.to_owned(),
        forgotten => round.forget(Keys::of_uuids(forgotten)),
    };
    if !work.history.is_empty() {
        round.history(&work.history, &guard);
    }
    if !work.answers.is_empty() {
        round.insert(&rows::ANSWERS, rows::answers(&work.answers));
    }
    if !work.outbox.is_empty() {
        round.outbox(&work.outbox, work);
    }
    round.finish()
}

struct Round {
    sql: String,
    num_sections: usize,
    values: Vec<Value>,
}

impl Round {
    /// Parameters 1 to 4 are the shard, the epoch, the round and the lease.
    fn behind(fence: &Fence, round: i64) -> Self {
        let FenceSql { round: number, condition } = FenceSql::of(Backend::Postgres);
        let sql = format!(
            "with fence as (update shards set round = {number}, lease_until = {} \
             where id = $1 and {condition} returning 1)",
            lease_end(Backend::Postgres, 4)
        );
        let values = vec![
            (&*fence.shard).into(),
            fence.epoch.into(),
            round.into(),
            lease_value(Backend::Postgres, fence.lease),
        ];
        Self { sql, num_sections: 0, values }
    }

    fn finish(mut self) -> (String, Vec<Value>) {
        self.sql.push_str(" select 1 from fence");
        (self.sql, self.values)
    }

    /// Adds a statement whose own parameters are `values`, numbered from [`Self::next`] on.
    fn section(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.num_sections += 1;
        self.sql.push_str(&format!(", s{} as ({sql})", self.num_sections));
        self.values.extend(values);
    }

    fn next(&self) -> usize {
        self.values.len() + 1
    }

    fn vitals(&mut self, vitals: VitalsColumns) {
        let kinds = ["uuid", "bigint", "smallint", "integer", "smallint", "smallint"];
        let sql = format!(
            "update pets as p set level = v.level, closeness = v.closeness, \
                 fullness = v.fullness, slot = v.slot \
             from {} as v(tenant, id, level, closeness, fullness, slot) \
             where p.tenant = v.tenant and p.id = v.id and {GUARD}",
            unnest(self.next(), kinds)
        );
        let values = [
            vitals.tenants.into(),
            vitals.pets.into(),
            vitals.levels.into(),
            vitals.closeness.into(),
            vitals.fullness.into(),
            vitals.slots.into(),
        ];
        self.section(&sql, values);
    }

    fn insert(&mut self, table: &Table, json: String) {
        let sql = table.insert(Backend::Postgres, self.next(), GUARD);
        self.section(&sql, [json.into()]);
    }

    /// As columns: a body is JSON, which in a JSON array would be written and read once more.
    fn history(&mut self, rows: &[HistoryRow], guard: &str) {
        let sql = rows::HISTORY.insert_columns(self.next(), guard);
        let values = [
            column(rows, |row| row.tenant.0),
            column(rows, |row| row.character),
            column(rows, |row| row.seq.cast_signed()),
            column(rows, |row| row.event_id),
            column(rows, |row| row.kind.to_owned()),
            column(rows, |row| row.at),
            column(rows, |row| String::from_utf8_lossy(&row.body).into_owned()),
        ];
        self.section(&sql, values);
    }

    fn remove(&mut self, table: &str, id: &str, keys: Keys) {
        let sql = self.removal(table, id, &keys);
        self.section(&sql, keys.into_values(Backend::Postgres));
    }

    /// Removes histories; gives the guard for what comes in their place. Sections have no order
    /// unless one asks what another has done.
    fn forget(&mut self, keys: Keys) -> String {
        let sql = self.removal("character_events", "character", &keys);
        self.section(&format!("{sql} returning 1"), keys.into_values(Backend::Postgres));
        format!("{GUARD} and (select count(*) from s{}) >= 0", self.num_sections)
    }

    fn removal(&self, table: &str, id: &str, keys: &Keys) -> String {
        let relation = keys.relation(Backend::Postgres, self.next());
        format!(
            "delete from {table} as t using {relation} \
             where t.tenant = k.tenant and t.{id} = k.id and {GUARD}"
        )
    }

    fn outbox(&mut self, outbox: &[OutboxRow], work: &Work) {
        let first = self.next();
        let sql = format!(
            "insert into outbox (shard, round, sink, num_events, body, decided_at) \
             select $1, $3, o.sink, o.num_events, o.body, ${} \
             from {} as o(sink, num_events, body) where {GUARD}",
            first + 3,
            unnest(first, ["text", "integer", "bytea"]),
        );
        let sinks: Vec<_> = outbox.iter().map(|row| row.sink.name().to_owned()).collect();
        let counts: Vec<_> = outbox.iter().map(|row| row.num_events.cast_signed()).collect();
        let bodies: Vec<_> = outbox.iter().map(|row| row.body.clone()).collect();
        let values = [sinks.into(), counts.into(), bodies.into(), work.decided_at.into()];
        self.section(&sql, values);
    }
}
