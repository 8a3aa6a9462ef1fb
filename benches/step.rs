//! The rules: what an actor does with its share of a full round, 8 inputs, for an owner with
//! three pets out.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use chrono::TimeDelta;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use uuid::Uuid;

use menagerie::domain::owner::Movement;
use menagerie::domain::pet::Order;
use menagerie::domain::{Effects, Input, Outcome, Owner};

use samples::{MAP, PETS_EACH, Timed, World, award, command, pet_of};

mod samples;

const OWNER: u32 = 12_345;
/// 8,192 inputs over 1,000 owners.
const NUM_INPUTS: u32 = 8;
const LAST_SLOT: u32 = PETS_EACH - 1;

/// Inputs that are all applied, and what they lead to.
struct Case {
    name: &'static str,
    inputs: Vec<Timed>,
    num_events: usize,
    num_changed_pets: usize,
}

fn case(
    name: &'static str,
    num_events: usize,
    num_changed_pets: usize,
    input: impl Fn(u32) -> Timed,
) -> Case {
    Case { name, inputs: (0..NUM_INPUTS).map(input).collect(), num_events, num_changed_pets }
}

fn cases() -> [Case; 5] {
    let order = |slot, order| Timed::soon(command(OWNER, pet_of(OWNER, slot), order));
    // The last slot goes and comes back; nobody else moves.
    let in_and_out = move |i: u32| match i % 2 {
        0 => order(LAST_SLOT, Order::Despawn),
        _ => order(LAST_SLOT, Order::Spawn { lead: false }),
    };
    // One goes and comes back in front, so all three move.
    let as_lead = move |i: u32| {
        let slot = if i % 4 < 2 { LAST_SLOT } else { 0 };
        match i % 2 {
            0 => order(slot, Order::Despawn),
            _ => order(slot, Order::Spawn { lead: true }),
        }
    };
    let tick = |i: u32| {
        let soon = Timed::soon(Input::Tick);
        Timed { now: soon.now + TimeDelta::minutes(3) * (i32::try_from(i).unwrap() + 1), ..soon }
    };
    [
        case("AWARD_CLOSENESS", 8, 3, |i| Timed::soon(award(pet_of(OWNER, i % PETS_EACH)))),
        case("ATTEMPT_COMMAND", 16, 3, |i| order(i % PETS_EACH, Order::Attempt { command: 0 })),
        case("DESPAWN and SPAWN", 16, 1, in_and_out),
        case("DESPAWN and SPAWN as lead", 27, 3, as_lead),
        case("hunger tick", 24, 3, tick),
    ]
}

fn play(world: &World, owner: &mut Owner, inputs: &[Timed]) -> Effects {
    let mut effects = Effects::default();
    for input in inputs {
        black_box(world.step(owner, input, &mut effects));
    }
    effects
}

fn steps(c: &mut Criterion) {
    let world = World::default();
    let rested = samples::owner(OWNER);
    let mut group = c.benchmark_group("step");
    group.throughput(Throughput::Elements(NUM_INPUTS.into()));
    for case in cases() {
        case.check(&world, &rested);
        group.bench_function(case.name, |b| {
            b.iter_batched_ref(
                || rested.clone(),
                |owner| play(&world, owner, black_box(&case.inputs)),
                BatchSize::SmallInput,
            );
        });
    }
    movement(&mut group, &world, &rested);
    group.finish();
}

impl Case {
    fn check(&self, world: &World, rested: &Owner) {
        let mut owner = rested.clone();
        let mut effects = Effects::default();
        for input in &self.inputs {
            let outcome = world.step(&mut owner, input, &mut effects);
            assert_eq!(outcome, Outcome::Applied, "{}", self.name);
        }
        assert_eq!(effects.events.len(), self.num_events, "{}", self.name);
        assert_eq!(owner.take_changes().vitals.len(), self.num_changed_pets, "{}", self.name);
    }
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn movement(group: &mut Group<'_>, world: &World, rested: &Owner) {
    let walk: Vec<_> = (0..NUM_INPUTS).map(stride).collect();
    let mut owner = rested.clone();
    for movement in &walk {
        assert_eq!(owner.movement(movement, &world.catalog), Ok(()));
    }
    let standing = owner.pet(walk[7].pet).unwrap().position.unwrap();
    assert_eq!((standing.x, standing.fh), (walk[7].x, 99));
    group.bench_function("movement", |b| {
        b.iter(|| {
            for movement in black_box(&walk) {
                black_box(owner.movement(movement, &world.catalog)).unwrap();
            }
        });
    });
}

/// Along the ground of the town, which is foothold 99.
fn stride(i: u32) -> Movement {
    Movement {
        pet: pet_of(OWNER, i % PETS_EACH),
        world: 0,
        channel: 1,
        map: MAP,
        instance: Uuid::nil(),
        x: -80 + 20 * i16::try_from(i).unwrap(),
        y: 90,
        stance: 2,
        fh: None,
    }
}

fn changes(c: &mut Criterion) {
    let world = World::default();
    let mut touched = samples::owner(OWNER);
    for slot in 0..PETS_EACH {
        let input = Timed::soon(award(pet_of(OWNER, slot)));
        world.step(&mut touched, &input, &mut Effects::default());
    }
    assert_eq!(touched.clone().take_changes().vitals.len(), 3);
    let mut group = c.benchmark_group("take_changes");
    group.throughput(Throughput::Elements(1));
    group.bench_function("3 pets", |b| {
        b.iter_batched_ref(|| touched.clone(), Owner::take_changes, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = samples::measured_for(2);
    targets = steps, changes
}
criterion_main!(benches);
