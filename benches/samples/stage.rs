//! Rounds as they come from the actors, and what is to become of them. One AWARD_CLOSENESS an input.

use std::sync::Arc;

use bytes::Bytes;

use menagerie::domain::{Effects, Input, Outcome, Owner, PetKey};
use menagerie::engine::committer::Prepared;
use menagerie::engine::record::{Cause, Original, Partition, Progress, Target};
use menagerie::engine::round::{Census, Ended, Item, Origin, RecordOrigin, Round, Stepped};
use menagerie::store::Sink;
use menagerie::wire::kafka::encode_command;

use crate::samples::{self, PETS_EACH, Timed, World, award, pet_of};

pub const NUM_OWNERS: u32 = 1_000;

/// What rounds are made of.
pub struct Stage {
    world: World,
    owners: Vec<Owner>,
    source: Arc<Partition>,
    cause: Arc<Cause>,
    original: Bytes,
}

impl Stage {
    pub fn new() -> Self {
        let Input::Command(command) = award(pet_of(0, 0)) else {
            unreachable!("an award is a command")
        };
        let mut original = Vec::new();
        let payload = encode_command(&command);
        Original::append(&mut original, Some(b"4711"), std::iter::empty(), &payload);
        Self {
            world: World::default(),
            owners: (0..NUM_OWNERS).map(samples::owner).collect(),
            source: Arc::new(Partition { topic: "COMMAND_TOPIC_PET".into(), partition: 0 }),
            cause: Arc::new(Cause::of(samples::tenant())),
            original: original.into(),
        }
    }

    /// The round as it comes from the actors, its inputs dealt out to the owners in turn.
    pub fn stepped(&self, num_inputs: u32) -> Round {
        let num_touched = num_inputs.min(NUM_OWNERS);
        let stepped = (0..num_touched).map(|owner| {
            let mine = (owner..num_inputs).step_by(NUM_OWNERS as usize);
            self.step(owner, mine)
        });
        let next_offset = i64::from(num_inputs);
        Round {
            number: 1,
            now: samples::start(),
            stepped: stepped.collect(),
            unrouted: Vec::new(),
            progress: vec![Progress { source: Arc::clone(&self.source), next_offset }],
            credits: num_inputs as usize,
            timing: None,
        }
    }

    fn step(&self, owner: u32, inputs: impl Iterator<Item = u32>) -> Stepped {
        let mut actor = self.owners[owner as usize].clone();
        let mut effects = Effects::default();
        let (mut items, mut ended) = (Vec::new(), Vec::new());
        for index in inputs {
            let pet = pet_of(owner, index / NUM_OWNERS % PETS_EACH);
            let timed = Timed::soon(award(pet));
            let outcome = self.world.step(&mut actor, &timed, &mut effects);
            assert_eq!(outcome, Outcome::Applied);
            let tenant = samples::tenant().id;
            let origin = RecordOrigin {
                source: Arc::clone(&self.source),
                offset: index.into(),
                at: timed.now,
                original: self.original.clone(),
            };
            items.push(Item {
                origin: Origin::Record(origin),
                target: Target::Pet(PetKey { tenant, pet }),
                input: timed.input,
                cause: Arc::clone(&self.cause),
                index,
                is_suspect: false,
            });
            let events_end = u32::try_from(effects.events.len()).unwrap();
            ended.push(Ended { outcome, answer: None, consequences: Vec::new(), events_end });
        }
        Stepped {
            key: actor.key(),
            tenant: Some(Arc::clone(actor.tenant())),
            items,
            ended,
            changes: actor.take_changes(),
            events: effects.events,
            removed: effects.removed,
            next_due: actor.next_due(),
            num_unknown_templates: 0,
            death: None,
            census: Census::of(&actor),
            is_news: false,
            took: None,
        }
    }
}

/// Every input has its event, and every pet touched its row.
pub fn check(Prepared { work, .. }: &Prepared, num_inputs: u32) {
    let [row] = &*work.outbox else { panic!("one sink, so one row: {:?}", work.outbox.len()) };
    assert_eq!((row.sink, row.num_events), (Sink::Kafka, num_inputs));
    assert_eq!(work.vitals.len(), num_inputs.min(NUM_OWNERS * PETS_EACH) as usize);
    assert_eq!(work.sources[0].next_offset, i64::from(num_inputs));
}
