//! From the actors' answers to what one transaction writes: the committer's own work, which
//! holds up the next round. One AWARD_CLOSENESS an input.

#![allow(clippy::unwrap_used)]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

use menagerie::engine::committer::prepare;

use stage::{Stage, check};

mod samples;
#[path = "samples/stage.rs"]
mod stage;

fn rounds(c: &mut Criterion) {
    let stage = Stage::new();
    let mut group = c.benchmark_group("round");
    for num_inputs in [1, 1_000, 8_192] {
        check(&prepare(stage.stepped(num_inputs)), num_inputs);
        group.throughput(Throughput::Elements(num_inputs.into()));
        group.bench_function(BenchmarkId::from_parameter(num_inputs), |b| {
            b.iter_batched(|| stage.stepped(num_inputs), prepare, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = samples::measured_for(3);
    targets = rounds
}
criterion_main!(benches);
