//! An owner on a workbench: what the tests of the domain share.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::catalog::CHARACTERS;
use super::character::{self, Asset, AssetChange, Status, StatusChange};
use super::input::{NewPet, Request};
use super::owner::Movement;
use super::pet::{self, Body, Command, Order, Pet};
use super::{
    Catalog, CharacterId, Context, Dice, Effects, Event, Input, Outcome, Owner, PetId, Reason,
    Rules, Tenant, TenantId,
};

pub(super) const OWNER: CharacterId = CharacterId(12_345);
pub(super) const STRANGER: CharacterId = CharacterId(99);
pub(super) const SYSTEM: CharacterId = CharacterId(0);
pub(super) const KITTY: u32 = 5_000_017;
/// A pet that never gets hungry.
pub(super) const SNOWMAN: u32 = 5_000_024;
pub(super) const NO_TEMPLATE: u32 = 5_009_999;
pub(super) const TRANSACTION: Uuid = Uuid::from_u128(7);
pub(super) const INTERVAL: TimeDelta = TimeDelta::minutes(3);

const CATALOG: &str = "
pet = [
    { template_id = 5000017, name = 'Brown Kitty', hunger = 6, life_days = 90, skill = [
        { command = 0, increase = 2, probability = 50 },
        { command = 1, increase = 0, probability = 100 },
        { command = 2, increase = 40000, probability = 0 },
    ] },
    { template_id = 5000024, name = 'Snowman', hunger = 0, life_days = 30 },
]";
const MAPS: &str = "
map = [{ id = 100000000, foothold = [{ id = 99, x1 = -500, y1 = 100, x2 = 500, y2 = 100 }] }]";

/// The instant at which every scene begins.
pub(super) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).expect("a valid instant")
}

pub(super) fn tenant() -> Arc<Tenant> {
    let id = TenantId(Uuid::from_u128(1));
    Arc::new(Tenant { id, region: "GMS".into(), major: 83, minor: 1 })
}

pub(super) fn catalog() -> Catalog {
    Catalog::parse(CATALOG, MAPS, CHARACTERS).expect("the catalog of the tests is valid")
}

/// Dice that fall as written, in a circle.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) draws: Vec<u8>,
    pub(super) num_drawn: usize,
}

impl Dice for Loaded {
    fn percent(&mut self) -> u8 {
        let draw = self.draws[self.num_drawn % self.draws.len()];
        self.num_drawn += 1;
        draw
    }
}

/// An owner, and the world around it as a test wants it.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) owner: Owner,
    pub(super) rules: Rules,
    pub(super) catalog: Catalog,
    pub(super) dice: Loaded,
    pub(super) now: DateTime<Utc>,
    pub(super) num_unknown_templates: u32,
}

impl Scene {
    /// A character never seen, with these pets.
    pub(super) fn with(pets: impl IntoIterator<Item = Pet>) -> Self {
        Self {
            owner: Owner::restored(tenant(), OWNER, None, pets.into_iter().collect()),
            rules: Rules::default(),
            catalog: catalog(),
            dice: Loaded { draws: vec![0], num_drawn: 0 },
            now: start(),
            num_unknown_templates: 0,
        }
    }

    /// One that logged in at [`start`], with these pets, and nothing left to write.
    pub(super) fn online(pets: impl IntoIterator<Item = Pet>) -> Self {
        let mut scene = Self::with(pets);
        scene.status(login());
        scene.owner.take_changes();
        scene
    }

    pub(super) fn step(&mut self, input: &Input) -> (Outcome, Vec<Event>) {
        let (outcome, out) = self.effects(input);
        (outcome, out.events)
    }

    /// As [`step`](Self::step), with all that it leaves behind.
    pub(super) fn effects(&mut self, input: &Input) -> (Outcome, Effects) {
        let mut out = Effects::default();
        let mut ctx = Context {
            now: self.now,
            dice: &mut self.dice,
            catalog: &self.catalog,
            rules: &self.rules,
        };
        let outcome = self.owner.step(input, &mut ctx, &mut out);
        self.num_unknown_templates += out.num_unknown_templates;
        (outcome, out)
    }

    /// Steps what must be applied, and gives its events in short form.
    pub(super) fn apply(&mut self, input: &Input) -> Vec<String> {
        let (outcome, events) = self.step(input);
        assert_eq!(outcome, Outcome::Applied);
        events.iter().map(short).collect()
    }

    /// Steps what must not be applied: no event, and nothing to write.
    pub(super) fn refuse(&mut self, input: &Input) -> Outcome {
        let before = self.owner.clone();
        let (outcome, events) = self.step(input);
        assert_ne!(outcome, Outcome::Applied);
        assert_eq!(events, []);
        assert_eq!(self.owner, before, "a refused input changes nothing");
        outcome
    }

    /// An order of the owner that must be obeyed.
    pub(super) fn order(&mut self, pet: u32, order: Order) -> Vec<String> {
        self.apply(&command(OWNER, pet, order))
    }

    /// The reason for which an order of the owner is rejected.
    pub(super) fn rejection(&mut self, pet: u32, order: Order) -> Reason {
        match self.refuse(&command(OWNER, pet, order)) {
            Outcome::Rejected(reason) => reason,
            other => panic!("{other:?} is no rejection"),
        }
    }

    pub(super) fn status(&mut self, change: StatusChange) -> Vec<String> {
        let status = self.status_input(change);
        self.apply(&status)
    }

    /// A status record from now, in world 0.
    pub(super) fn status_input(&self, change: StatusChange) -> Input {
        Input::Status(Status { transaction: TRANSACTION, world: 0, at: self.now, change })
    }

    pub(super) fn tick(&mut self) -> Vec<String> {
        self.apply(&Input::Tick)
    }

    pub(super) fn tick_after(&mut self, time: TimeDelta) -> Vec<String> {
        self.now += time;
        self.tick()
    }

    pub(super) fn set_hunger_interval(&mut self, interval: Duration) {
        self.rules.hunger_interval = interval;
    }

    pub(super) fn pet(&self, id: u32) -> &Pet {
        self.owner.pet(PetId(id)).expect("the pet is there")
    }

    /// The ids of the spawned pets, lead first.
    pub(super) fn line_up(&self) -> Vec<u32> {
        let mut out: Vec<_> = self.owner.pets().iter().filter(|pet| pet.is_spawned()).collect();
        out.sort_by_key(|pet| pet.slot);
        out.iter().map(|pet| pet.id.0).collect()
    }
}

/// A kitty that is not out.
pub(super) fn kitty(id: u32) -> Pet {
    Pet::new(PetId(id), KITTY)
}

pub(super) fn spawned(slot: i8, mut pet: Pet) -> Pet {
    pet.slot = slot;
    pet
}

/// Pets 1, 2 and 3 in the slots 0, 1 and 2, and 4 at home.
pub(super) fn three_out() -> [Pet; 4] {
    [spawned(0, kitty(1)), spawned(1, kitty(2)), spawned(2, kitty(3)), kitty(4)]
}

pub(super) fn new_pet(id: u32) -> NewPet {
    NewPet {
        id: PetId(id),
        template_id: KITTY,
        cash_id: 70,
        name: "Tom".into(),
        level: 1,
        closeness: 0,
        fullness: 100,
        expiration: None,
        flag: 0,
        purchase_by: 5,
        excludes: Box::default(),
        asset: None,
    }
}

pub(super) fn command(actor: CharacterId, pet: u32, order: Order) -> Input {
    Input::Command(Command { transaction: TRANSACTION, actor, pet: PetId(pet), order })
}

pub(super) fn request(request: Request) -> Input {
    Input::Request(request)
}

pub(super) fn asset(asset: u32, template_id: u32, slot: i16, change: AssetChange) -> Input {
    Input::Asset(Asset { asset, template_id, slot, change })
}

/// Into channel 1 of map 100000000.
pub(super) fn login() -> StatusChange {
    StatusChange::Login { channel: 1, map: 100_000_000, instance: Uuid::nil() }
}

/// A packet from where [`login`] leads.
pub(super) fn movement(pet: u32, x: i16, y: i16) -> Movement {
    Movement {
        pet: PetId(pet),
        world: 0,
        channel: 1,
        map: 100_000_000,
        instance: Uuid::nil(),
        x,
        y,
        stance: 2,
        fh: None,
    }
}

/// An event in a few words; what they leave out has tests of its own.
pub(super) fn short(event: &Event) -> String {
    match event {
        Event::Pet(event) => format!("{} {}", event.pet, short_pet(&event.body)),
        Event::Character(event) => format!("#{} {}", event.seq, short_character(&event.body)),
    }
}

fn short_pet(body: &Body) -> String {
    match body {
        Body::Created => "created".into(),
        Body::Deleted => "deleted".into(),
        Body::Spawned { slot, .. } => format!("spawned {slot}"),
        Body::Despawned { slot, old_slot, reason, .. } => {
            format!("despawned {old_slot} > {slot} {}", reason.name())
        }
        Body::CommandResponse { slot, closeness, command, success, .. } => {
            format!("in {slot}: trick {command} {success}, closeness {closeness}")
        }
        Body::ClosenessChanged { slot, closeness, amount, .. } => {
            format!("in {slot}: closeness {closeness} by {amount}")
        }
        Body::FullnessChanged { slot, fullness, amount } => {
            format!("in {slot}: fullness {fullness} by {amount}")
        }
        Body::LevelChanged { slot, level, amount } => {
            format!("in {slot}: level {level} by {amount}")
        }
        Body::SlotChanged { old_slot, new_slot } => format!("slot {old_slot} > {new_slot}"),
        Body::ExcludeChanged { items } => format!("excludes {items:?}"),
    }
}

fn short_character(body: &character::Body) -> String {
    match body {
        character::Body::Online { world, zone, .. } => format!("online in {world}/{zone}"),
        character::Body::Offline { reason, online_nanos, .. } => {
            format!("offline {reason} after {}s", online_nanos / 1_000_000_000)
        }
        character::Body::PositionUpdated { new, movement, .. } => {
            format!("{movement} to {}/{} ({}, {})", new.world, new.zone, new.x, new.y)
        }
        character::Body::Deleted { reason, soft, .. } => format!("deleted {reason} {soft}"),
        character::Body::Created { name, class, slot, .. } => {
            format!("created {name}, a {class}, in {slot}")
        }
        character::Body::Restored { reason, .. } => format!("restored {reason}"),
        character::Body::Selected { name, .. } => format!("selected {name}"),
        character::Body::StatsUpdated { changes, .. } => {
            let changes: Vec<_> =
                changes.iter().map(|(stat, gain)| format!("{stat} +{gain}")).collect();
            changes.join(", ")
        }
        character::Body::AppearanceUpdated { fields, .. } => fields.join(", "),
        character::Body::LevelUp { new, .. } => format!("level {new}"),
    }
}

/// The only pet event among these.
pub(super) fn only_pet_event(events: Vec<Event>, name: &str) -> pet::Event {
    let mut found = events.into_iter().filter_map(|event| match event {
        Event::Pet(event) if event.body.name() == name => Some(event),
        _ => None,
    });
    let event = found.next().expect("the event is there");
    assert_eq!(found.next(), None);
    event
}

/// The only character event among these.
pub(super) fn only_character_event(events: Vec<Event>, name: &str) -> character::Event {
    let mut found = events.into_iter().filter_map(|event| match event {
        Event::Character(event) if event.body.name() == name => Some(*event),
        _ => None,
    });
    let event = found.next().expect("the event is there");
    assert_eq!(found.next(), None);
    event
}
