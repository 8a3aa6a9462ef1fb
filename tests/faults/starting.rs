//! Processes that cannot start yet, or at all.

use std::io::Write;
use std::process::Command;

use super::ground::Ground;
use super::process::{Process, free_port, until};
use super::services::Service;
use super::world::World;

/// The code a process ends with that has this environment, and what it has to say.
async fn refusal(env: &[(String, String)]) -> (Option<i32>, String) {
    let mut process = Process::start(env, "");
    let code = process.wait_for_end().await.code();
    (code, process.log())
}

async fn refusal_of(variable: &str, value: &str) -> (Option<i32>, String) {
    refusal(&[(variable.to_owned(), value.to_owned())]).await
}

#[tokio::test]
async fn an_unknown_variable_is_named_beside_the_nearest_that_is_known() {
    let (code, text) = refusal_of("MENAGERIE_KAFKA__GRUOP", "zoo").await;
    let expected = "menagerie: unknown key `MENAGERIE_KAFKA__GRUOP` (MENAGERIE_KAFKA__GRUOP), \
        the nearest valid key is `kafka.group` (MENAGERIE_KAFKA__GROUP)\n";
    assert_eq!((code, text.as_str()), (Some(64), expected));
}

#[tokio::test]
async fn an_unknown_key_in_a_file_is_named_with_its_line() {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    file.write_all(b"[shutdown]\ngracee = \"5s\"\n").unwrap();
    let path = file.path().to_str().unwrap();
    let (code, text) = refusal_of("MENAGERIE_CONFIG", path).await;
    let expected = format!(
        "menagerie: unknown key `shutdown.gracee` ({path}:2), \
         the nearest valid key is `shutdown.grace`\n"
    );
    assert_eq!((code, text), (Some(64), expected));
}

#[tokio::test]
async fn a_value_out_of_range_is_refused_with_its_key_and_source() {
    let (code, text) = refusal_of("MENAGERIE_KAFKA__MAX_IN_FLIGHT", "0").await;
    assert_eq!(code, Some(64));
    let named = "menagerie: `kafka.max_in_flight` (MENAGERIE_KAFKA__MAX_IN_FLIGHT): ";
    assert!(text.starts_with(named), "{text}");
}

/// With `variable` set to a port of loopback at which nobody listens.
async fn gives_up_without(service: &str, variable: &str, scheme: &str) {
    let Some(mut ground) = Ground::new().await else { return };
    ground.set("MENAGERIE_DATABASE__MIGRATE_ON_START", "true");
    ground.set("MENAGERIE_STARTUP__TIMEOUT", "2s");
    ground.set(variable, &format!("{scheme}127.0.0.1:{}", free_port()));
    let (code, text) = refusal(&ground.env).await;
    assert_eq!(code, Some(69), "{text}");
    assert!(text.contains(&format!("menagerie: {service} is not available: ")), "{text}");
    ground.close().await;
}

#[tokio::test]
async fn a_database_that_never_comes_up_ends_the_start() {
    gives_up_without("the database", "MENAGERIE_DATABASE__URL", "postgres://menagerie@").await;
}

#[tokio::test]
async fn a_kafka_that_never_comes_up_ends_the_start() {
    gives_up_without("Kafka", "MENAGERIE_KAFKA__BOOTSTRAP_SERVERS", "").await;
}

#[tokio::test]
async fn a_nats_that_never_comes_up_ends_the_start() {
    gives_up_without("NATS", "MENAGERIE_NATS__URL", "nats://").await;
}

#[tokio::test]
async fn an_older_schema_is_refused_and_left_as_it_is() {
    let Some(ground) = Ground::new().await else { return };
    for arguments in [&["migrate", "up"][..], &["migrate", "down", "--steps", "1", "--yes"]] {
        let mut migrate = Command::new(env!("CARGO_BIN_EXE_menagerie"));
        let done = migrate.args(arguments).envs(ground.env.iter().cloned()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let num_applied = "select count(*) from seaql_migrations";
    let before = ground.count(num_applied).await;
    let (code, text) = refusal(&ground.env).await;
    assert_eq!(code, Some(64), "{text}");
    let newest = menagerie_migrations::names().pop().unwrap();
    assert!(
        text.contains(&format!("the schema misses {newest}: run `menagerie migrate up`")),
        "{text}"
    );
    assert_eq!(ground.count(num_applied).await, before);
    ground.close().await;
}

async fn waits_for(service: Service, name: &str) {
    let Some(mut world) = World::new().await else { return };
    world.populate().await;
    world.kill();
    let outage = service.kill().await;
    let mut process = Process::start(&world.ground.env, "");
    let waiting = format!("waiting for {name}");
    until(&waiting, async || process.log().contains(&waiting)).await;
    assert_eq!(process.ask("/livez").await, Some((200, "ok\n".into())));
    assert_eq!(process.ask("/startupz").await, Some((503, "connecting\n".into())));
    outage.end().await;
    process.await_ready().await;
    world.serve_by(process);
    world.award(300).await;
    assert_eq!(world.differences().await, Vec::<String>::new());
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_comes_up_late_is_waited_for() {
    waits_for(Service::Postgres, "the database").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_that_comes_up_late_is_waited_for() {
    waits_for(Service::Kafka, "Kafka").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nats_that_comes_up_late_is_waited_for() {
    waits_for(Service::Nats, "NATS").await;
}
