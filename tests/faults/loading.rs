//! The load generator beside a real service: its books balance, and notice what does not.

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;

use super::world::World;

/// Some of everything, mostly about the same few pets.
const MIX: &str =
    "--owners 30 --rate 300 --for 3s --movement 0.3 --spawns 0.2 --tricks 0.1 --zipf 1";

fn command(world: &mut World, arguments: &str) -> Command {
    let url = world.process().game();
    let mut command = Command::new(env!("CARGO_BIN_EXE_menagerie"));
    command
        .arg("load")
        .args(arguments.split_whitespace())
        .args(["--json", "--url", &url])
        .envs(world.ground.env.iter().cloned())
        .stderr(Stdio::inherit());
    command
}

/// A service's token, "open-sesame", by its SHA-256.
const TOKENS: &str =
    "shop:service:d7ecdf25eaf3deba0f2628771dbdd22d4138ab6cf38f91ed02a2ca0dec7c8ab7";

/// A load that runs by itself.
fn start_load(world: &mut World, arguments: &str) -> JoinHandle<Output> {
    let mut command = command(world, arguments);
    tokio::task::spawn_blocking(move || command.output().unwrap())
}

async fn load(world: &mut World, arguments: &str) -> Output {
    start_load(world, arguments).await.unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_mixed_loads_at_once_balance_their_books() {
    let Some(mut world) = World::new().await else { return };
    let beside = start_load(&mut world, "--owners 20 --rate 100 --for 3s --movement 0.5");
    let output = load(&mut world, MIX).await;
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["is_balanced"], true);
    for kind in ["awards", "spawns", "tricks", "steps"] {
        assert!(report[kind].as_u64().unwrap() > 0, "{kind}: {report:#}");
    }
    let beside = beside.await.unwrap();
    assert_eq!(beside.status.code(), Some(0), "{:#}", self::report(&beside));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_of_a_mix_balances_its_books_and_can_be_had_again() {
    let Some(mut world) = World::new().await else { return };
    let mix = "--owners 30 --backlog 3000 --movement 0.3 --spawns 0.2 --tricks 0.1";
    let mut counts = Vec::new();
    for seed in [7, 7, 8] {
        let output = load(&mut world, &format!("{mix} --seed {seed}")).await;
        let report = report(&output);
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        assert_eq!(report["plan"]["seed"], seed);
        assert_eq!(report["plan"]["movement"], 0.3);
        counts.push(["awards", "spawns", "tricks", "steps"].map(|kind| report[kind].as_u64()));
    }
    assert_eq!(counts[0], counts[1]);
    assert_ne!(counts[0], counts[2]);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_plays_by_other_rules_upsets_the_books() {
    let rule = ("MENAGERIE_PETS__CLOSENESS_ON_FAILED_COMMAND", "false");
    let Some(mut world) = World::with(&[rule]).await else { return };
    let output = load(&mut world, MIX).await;
    let report = report(&output);
    assert_eq!(output.status.code(), Some(70), "{report:#}");
    assert!(!report["wrong_pets"].as_array().unwrap().is_empty(), "{report:#}");
    world.close().await;
}

/// As the kernel tells it: T is stopped.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().starts_with('T')
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_is_interrupted_leaves_nobody_stopped() {
    let Some(mut world) = World::new().await else { return };
    let pid = world.process().id();
    let arguments = format!("--owners 10 --backlog 100000000 --hold {pid}");
    let mut load = command(&mut world, &arguments).stdout(Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_stopped(pid) {
        assert!(Instant::now() < deadline, "it holds nobody");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let interrupted =
        Command::new("kill").args(["-TERM", &load.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(load.wait().unwrap().code(), Some(128 + 15));
    assert!(!is_stopped(pid));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_shows_the_token_that_a_service_asks_for() {
    let tokens = ("MENAGERIE_AUTH__TOKENS", TOKENS);
    let Some(mut world) = World::with(&[tokens]).await else { return };
    let arguments = "--owners 3 --rate 50 --for 1s";
    assert_eq!(load(&mut world, arguments).await.status.code(), Some(70));
    let output = load(&mut world, &format!("{arguments} --token open-sesame")).await;
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    world.close().await;
}
