//! A round on the database, and what the same changes cost a consumer that somebody writes by
//! hand with the same library: a transaction for each command.
//!
//! SQLite in a temporary folder; PostgreSQL too when `MENAGERIE_TEST_POSTGRES` names a server
//! to make a database on.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use tokio::runtime::Runtime;
use uuid::Uuid;

use holder::Holder;
use plain::Plain;

mod holder;
mod plain;
#[path = "../samples/mod.rs"]
mod samples;

/// Pets in the database, and in the largest round.
const NUM_PETS: u32 = 8_000;

fn commits(c: &mut Criterion) {
    // One thread for the statements and for who waits for them: a wake-up across threads for
    // each statement would count against the yardstick, which has more of them.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // On the disk of the build: /tmp may be memory, where a commit waits for nothing.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let url = format!("sqlite:{}", folder.path().join("menagerie.db").display());
    on(c, &runtime, "commit on sqlite", &url);

    let Ok(server) = std::env::var("MENAGERIE_TEST_POSTGRES") else {
        eprintln!("commit on postgres: left out, MENAGERIE_TEST_POSTGRES names no server");
        return;
    };
    let name = format!("bench_{}", Uuid::new_v4().simple());
    runtime.block_on(execute(&server, &format!("create database {name}")));
    let (base, _) = server.rsplit_once('/').unwrap();
    on(c, &runtime, "commit on postgres", &format!("{base}/{name}"));
    runtime.block_on(execute(&server, &format!("drop database {name} with (force)")));
}

async fn execute(server: &str, sql: &str) {
    let mut options = ConnectOptions::new(server);
    options.max_connections(1).sqlx_logging(false);
    let admin = Database::connect(options).await.unwrap();
    admin.execute_unprepared(sql).await.unwrap();
    admin.close().await.unwrap();
}

fn on(c: &mut Criterion, runtime: &Runtime, name: &str, url: &str) {
    let mut group = c.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    let mut holder = runtime.block_on(Holder::take(url));
    for num_pets in [1, 1_000, NUM_PETS] {
        rounds(&mut group, runtime, &mut holder, num_pets);
    }
    let mut plain = runtime.block_on(Plain::connect(url));
    group.throughput(Throughput::Elements(1));
    group.bench_function("yardstick: a transaction a command", |b| {
        b.iter_custom(|num_commands| {
            runtime.block_on(async {
                let spent = timed(num_commands, async || plain.apply().await).await;
                plain.check(&holder, num_commands).await;
                spent
            })
        });
    });
    group.bench_function("yardstick: an update a command, nothing else", |b| {
        b.iter_custom(|num_commands| {
            runtime.block_on(async {
                let spent = timed(num_commands, async || plain.update().await).await;
                plain.check(&holder, 0).await;
                spent
            })
        });
    });
    group.finish();
}

fn rounds(
    group: &mut BenchmarkGroup<'_, WallTime>,
    runtime: &Runtime,
    holder: &mut Holder,
    num_pets: u32,
) {
    let rounds = holder::alternating(num_pets);
    group.throughput(Throughput::Elements(num_pets.into()));
    group.bench_function(BenchmarkId::new("round", num_pets), |b| {
        b.iter_custom(|num_rounds| {
            runtime.block_on(async {
                let spent = timed(num_rounds, async || holder.commit(&rounds).await).await;
                holder.check(num_pets, num_rounds).await;
                spent
            })
        });
    });
}

/// What is done around the work, between two samples, is not in it.
async fn timed(times: u64, mut work: impl AsyncFnMut()) -> Duration {
    let began = Instant::now();
    for _ in 0..times {
        work().await;
    }
    began.elapsed()
}

criterion_group! {
    name = benches;
    config = samples::measured_for(4).sample_size(10);
    targets = commits
}
criterion_main!(benches);
