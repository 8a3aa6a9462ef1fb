//! The codec's hot path: one record in, one event out.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

use menagerie::domain::owner::Movement;
use menagerie::domain::pet::{Body, Command, Event, Order};
use menagerie::domain::{CharacterId, PetId};
use menagerie::wire::kafka::movement::MovementRecord;
use menagerie::wire::kafka::{command, movement, status};

const TRANSACTION: Uuid = Uuid::from_u128(0x6f1c_1c4e_6f2b_4b7e_9d55_0c2f_5a9b_7c11);

fn codec(c: &mut Criterion) {
    let award = command::encode(&Command {
        transaction: TRANSACTION,
        actor: CharacterId(0),
        pet: PetId(4_711),
        order: Order::AwardCloseness { amount: 5 },
    });
    let step = movement::encode(&MovementRecord {
        observer: CharacterId(12_345),
        movement: Movement {
            pet: PetId(4_711),
            world: 0,
            channel: 1,
            map: 100_000_000,
            instance: Uuid::nil(),
            x: -321,
            y: 200,
            stance: 2,
            fh: None,
        },
    });
    let changed = Event {
        pet: PetId(4_711),
        owner: CharacterId(12_345),
        body: Body::ClosenessChanged {
            slot: 0,
            closeness: 1_234,
            amount: 5,
            transaction: TRANSACTION,
        },
    };

    let mut group = c.benchmark_group("codec");
    group.throughput(Throughput::Elements(1));
    group.bench_function("decode AWARD_CLOSENESS", |b| {
        b.iter(|| command::decode(black_box(&award)));
    });
    group.bench_function("decode movement", |b| b.iter(|| movement::decode(black_box(&step))));
    let mut out = Vec::with_capacity(256);
    group.bench_function("encode CLOSENESS_CHANGED", |b| {
        b.iter(|| {
            out.clear();
            status::encode(black_box(&changed), &mut out);
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
