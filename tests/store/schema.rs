//! Migrations.

use std::sync::Arc;

use menagerie::domain::character::{Name, Profile};
use menagerie::store::{SchemaState, Store, Work};
use menagerie_migrations::Migrator;
use menagerie_migrations::sea_orm_migration::MigratorTrait as _;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use uuid::Uuid;

use super::harness::{Fresh, on_both_backends, on_postgres_only};
use super::samples::*;

on_both_backends!(
    an_empty_database_is_behind,
    migrations_go_up_and_down_and_up,
    migrating_twice_changes_nothing,
    characters_of_the_schema_before_requests_are_taken_over,
    the_schema_before_requests_can_be_gone_back_to,
    a_schema_from_the_future_is_ahead,
    looking_at_the_schema_changes_nothing,
);

on_postgres_only!(two_that_migrate_at_once_do_not_collide, tables_explain_themselves);

async fn an_empty_database_is_behind(fresh: &Fresh) {
    let store = fresh.unmigrated().await;

    let SchemaState::Behind { missing } = store.schema().await.unwrap() else { panic!() };

    assert_eq!(missing, menagerie_migrations::names());
    store.migrate_up().await.unwrap();
    assert_eq!(store.schema().await.unwrap(), SchemaState::Current);
}

async fn migrations_go_up_and_down_and_up(fresh: &Fresh) {
    let store = fresh.store().await;
    let names = menagerie_migrations::names();
    assert_eq!(applied(&store).await, names);

    store.migrate_down(2).await.unwrap();
    assert_eq!(applied(&store).await, names[..names.len() - 2]);
    assert!(
        matches!(store.schema().await.unwrap(), SchemaState::Behind { missing } if missing.len() == 2)
    );
    store.migrate_down(u32::MAX).await.unwrap();
    assert_eq!(applied(&store).await, [""; 0]);

    store.migrate_up().await.unwrap();
    let (fence, _) = take(&store).await;
    store.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap();
}

async fn characters_of_the_schema_before_requests_are_taken_over(fresh: &Fresh) {
    let store = before_requests(fresh).await;

    store.migrate_up().await.unwrap();

    let stored = store.load(&[owner(1), owner(2)]).await.unwrap();
    let mut characters: Vec<_> = stored.into_iter().map(|stored| stored.character).collect();
    characters.sort_by_key(|character| character.as_ref().map(|character| character.uuid));
    let mut away = offline(1).character;
    away.uuid = Uuid::from_u128(1);
    away.profile = Profile::unset(at(3));
    let mut there = away.clone();
    there.uuid = Uuid::from_u128(2);
    there.name = Name::provisional(2);
    there.session = online(2).character.session;
    assert_eq!(characters, [Some(away), Some(there)]);

    // The tables are as good as those of a schema that was never anything else.
    let (fence, _) = take(&store).await;
    let work = Work {
        characters: vec![online(1), owned(3, Uuid::from_u128(9), 1)],
        history: vec![event(Uuid::from_u128(1), 1, at(0))],
        answers: vec![answer("a", at(0))],
        ..empty()
    };
    store.commit(&fence, 1, Arc::new(work)).await.unwrap();
    assert_eq!(store.load(&[owner(1)]).await.unwrap()[0].character, Some(online(1).character));
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await.unwrap(), 4..5);
}

async fn the_schema_before_requests_can_be_gone_back_to(fresh: &Fresh) {
    let store = before_requests(fresh).await;
    let stranger = fresh.stranger().await;
    let before = shape(fresh, &stranger).await;
    store.migrate_up().await.unwrap();
    let after = shape(fresh, &stranger).await;
    let (fence, _) = take(&store).await;
    let mut full = online(2);
    full.character.profile = profile();
    let work = Work {
        characters: vec![full],
        history: vec![event(Uuid::from_u128(1), 1, at(0))],
        answers: vec![answer("a", at(0))],
        ..empty()
    };
    store.commit(&fence, 1, Arc::new(work)).await.unwrap();
    store.reserve_character_numbers(TENANT, 1, None).await.unwrap();

    store.migrate_down(num_since(REQUESTS)).await.unwrap();
    assert_eq!(shape(fresh, &stranger).await, before);

    store.migrate_up().await.unwrap();
    assert_eq!(shape(fresh, &stranger).await, after);
    let stored = store.load(&[owner(2)]).await.unwrap();
    let character = stored[0].character.as_ref().unwrap();
    assert_eq!(character.session, online(2).character.session);
    assert_eq!((&character.profile, character.version), (&Profile::unset(at(0)), 1));
    let key = (TENANT, "a".into());
    assert_eq!(store.answers(&[key]).await.unwrap(), [], "another form of them is forgotten");
}

async fn migrating_twice_changes_nothing(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    store.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap();

    store.migrate_up().await.unwrap();

    assert!(store.pet(pet_key(1)).await.unwrap().is_some());
}

async fn a_schema_from_the_future_is_ahead(fresh: &Fresh) {
    let store = fresh.store().await;
    let sql = "insert into seaql_migrations (version, applied_at) values ('m9999_later', 0)";
    fresh.stranger().await.execute_unprepared(sql).await.unwrap();

    let unknown = vec!["m9999_later".to_owned()];
    assert_eq!(store.schema().await.unwrap(), SchemaState::Ahead { unknown });
    assert_eq!(applied(&store).await.last().unwrap(), "m9999_later");
}

async fn looking_at_the_schema_changes_nothing(fresh: &Fresh) {
    let store = fresh.unmigrated().await;
    store.schema().await.unwrap();
    assert!(store.migrate_status().await.unwrap().iter().all(|migration| !migration.applied));

    let query = "select count(*) from seaql_migrations";
    assert!(fresh.stranger().await.execute_unprepared(query).await.is_err(), "no such table");
}

async fn two_that_migrate_at_once_do_not_collide(fresh: &Fresh) {
    let (first, second) = (fresh.unmigrated().await, fresh.unmigrated().await);

    let (one, two) = tokio::join!(first.migrate_up(), second.migrate_up());

    one.unwrap();
    two.unwrap();
    assert_eq!(first.schema().await.unwrap(), SchemaState::Current);
}

async fn tables_explain_themselves(fresh: &Fresh) {
    fresh.store().await;
    let sql = "select relname from pg_class where relkind = 'r' \
               and relnamespace = 'public'::regnamespace and relname <> 'seaql_migrations' \
               and obj_description(oid, 'pg_class') is null";
    let statement = Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    let silent = fresh.stranger().await.query_all_raw(statement).await.unwrap();

    let silent: Vec<String> = silent.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(silent, [""; 0]);
}

async fn applied(store: &Store) -> Vec<String> {
    let states = store.migrate_status().await.unwrap();
    states.into_iter().filter(|state| state.applied).map(|state| state.name).collect()
}

/// The migration that brought what requests make of characters.
const REQUESTS: &str = "m0006_characters";

/// How many migrations there are from this one on.
fn num_since(name: &str) -> u32 {
    let names = menagerie_migrations::names();
    let position = names.iter().position(|known| known == name).unwrap();
    u32::try_from(names.len() - position).unwrap()
}

/// A store on the schema before [`REQUESTS`], with one character offline and one online.
async fn before_requests(fresh: &Fresh) -> Store {
    let store = fresh.unmigrated().await;
    let stranger = fresh.stranger().await;
    let num_before = u32::try_from(menagerie_migrations::names().len()).unwrap();
    Migrator::up(&stranger, Some(num_before - num_since(REQUESTS))).await.unwrap();
    let uuid = |uuid: Uuid| match fresh.is_postgres() {
        true => format!("'{uuid}'"),
        false => format!("x'{}'", uuid.simple()),
    };
    let instant = |seconds| format!("'{}'", at(seconds).format("%Y-%m-%dT%H:%M:%S%.6f+00:00"));
    let session = format!(
        "{}, 255, 19, 4294967295, {}, {}, {}",
        uuid(Uuid::from_u128(5)),
        uuid(Uuid::from_u128(6)),
        instant(-3600),
        instant(180)
    );
    let nowhere = "null, null, null, null, null, null, null".to_owned();
    for (number, session) in [(1, nowhere), (2, session)] {
        let sql = format!(
            "insert into characters (tenant, id, shard, uuid, user_uuid, name, session_id, world, \
             channel, map, instance, online_since, next_hunger_at, event_seq, updated_at) \
             values ({}, {number}, '{SHARD}', {}, {}, 'character-{number}', {session}, 0, {})",
            uuid(TENANT.0),
            uuid(Uuid::from_u128(number)),
            uuid(Uuid::nil()),
            instant(3),
        );
        stranger.execute_unprepared(&sql).await.unwrap();
    }
    store
}

/// Every column with its type, and every index, one a line.
async fn shape(fresh: &Fresh, connection: &DatabaseConnection) -> Vec<String> {
    let (dialect, sql) = match fresh.is_postgres() {
        true => (
            sea_orm::DbBackend::Postgres,
            "select concat_ws(' ', table_name, column_name, data_type, is_nullable, \
                 column_default) \
             from information_schema.columns where table_schema = 'public' \
             union all select indexdef from pg_indexes where schemaname = 'public' order by 1",
        ),
        // No default can be taken back there, so they may differ.
        false => (
            sea_orm::DbBackend::Sqlite,
            "select concat_ws(' ', m.name, c.name, c.type, c.\"notnull\") \
             from sqlite_master m, pragma_table_info(m.name) c where m.type = 'table' \
             union all select concat_ws(' ', name, sql) from sqlite_master where type = 'index' \
             order by 1",
        ),
    };
    let rows = connection.query_all_raw(Statement::from_string(dialect, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
