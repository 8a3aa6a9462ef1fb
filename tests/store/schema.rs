//! Migrations.

use menagerie::store::{SchemaState, Store};
use sea_orm::ConnectionTrait;

use super::harness::{Fresh, on_both_backends, on_postgres_only};
use super::samples::*;

on_both_backends!(
    an_empty_database_is_behind,
    migrations_go_up_and_down_and_up,
    migrating_twice_changes_nothing,
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
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    let silent = fresh.stranger().await.query_all_raw(statement).await.unwrap();

    let silent: Vec<String> = silent.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(silent, [""; 0]);
}

async fn applied(store: &Store) -> Vec<String> {
    let states = store.migrate_status().await.unwrap();
    states.into_iter().filter(|state| state.applied).map(|state| state.name).collect()
}
