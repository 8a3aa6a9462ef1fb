//! The hottest operations, each done a given number of times and nothing else, for `scripts/counts`
//! to count the instructions of: `counts decode-award 1000`.

#![allow(clippy::unwrap_used)]

use std::hint::black_box;

use menagerie::domain::pet::{Command, Order};
use menagerie::domain::{CharacterId, Effects};
use menagerie::engine::committer::prepare;
use menagerie::wire::kafka::{command, movement};

use samples::{Timed, World, award, closeness_changed, pet_of, transaction};
use stage::{NUM_OWNERS, Stage, check};

mod samples;
#[path = "samples/stage.rs"]
mod stage;

const OWNER: u32 = 12_345;
/// Events and rounds that are made beforehand, whatever number is done, so that the difference of two
/// runs is what they take by themselves.
const NUM_EVENTS: usize = 4_096;
const NUM_ROUNDS: u32 = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo calls it with a filter and `--bench`: then there is nothing to do.
    let [name, number] = &arguments[..] else { return };
    let Ok(number) = number.parse() else { return };
    match name.as_str() {
        "decode-award" => decode_award(number),
        "decode-movement" => decode_movement(number),
        "step-award" => step_award(number),
        "encode-event" => encode_event(number),
        "round" => round(number),
        other => panic!("{other} is none of them"),
    }
}

fn decode_award(number: u32) {
    let order = Order::AwardCloseness { amount: 5 };
    let actor = CharacterId(0);
    let sent = Command { transaction: transaction(1), actor, pet: pet_of(OWNER, 0), order };
    let record = command::encode(&sent);
    for _ in 0..number {
        assert_eq!(command::decode(black_box(&record)).unwrap().pet, sent.pet);
    }
}

fn decode_movement(number: u32) {
    let sent = samples::movement(OWNER);
    let record = movement::encode(&sent);
    for _ in 0..number {
        assert_eq!(movement::decode(black_box(&record)).unwrap(), sent);
    }
}

/// As an actor does with a round of one input.
fn step_award(number: u32) {
    let (world, mut owner) = (World::default(), samples::owner(OWNER));
    let input = Timed::soon(award(pet_of(OWNER, 0)));
    for _ in 0..number {
        let mut effects = Effects::default();
        world.step(&mut owner, black_box(&input), &mut effects);
        assert_eq!((effects.events.len(), owner.take_changes().vitals.len()), (1, 1));
    }
}

/// Into the outbox row of its round.
fn encode_event(number: u32) {
    let events = vec![closeness_changed(OWNER); NUM_EVENTS];
    black_box(samples::announce(black_box(&events[..number as usize])));
}

/// From the answers of as many actors as a round has inputs to what its transaction writes.
fn round(number: u32) {
    let stage = Stage::new();
    let mut rounds: Vec<_> = (0..NUM_ROUNDS).map(|_| stage.stepped(NUM_OWNERS)).collect();
    for round in rounds.drain(..(number / NUM_OWNERS) as usize) {
        check(&prepare(black_box(round)), NUM_OWNERS);
    }
}
