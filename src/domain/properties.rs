//! Random games against a slow, obvious model of `spec/rules.md`, section 1.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::pet::Order;
use super::testing::{INTERVAL, OWNER, STRANGER, SYSTEM, Scene, command, kitty, short};
use super::{CharacterId, Input};

const THRESHOLDS: [i32; 29] = [
    1, 3, 6, 14, 31, 60, 108, 181, 287, 434, 632, 891, 1224, 1642, 2161, 2793, 3557, 4467, 5542,
    6801, 8263, 9950, 11882, 14084, 16578, 19391, 22547, 26074, 30000,
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Animal {
    level: i32,
    closeness: i32,
    fullness: i32,
}

/// Pets by id; those that are out stand in `out`, their place is their slot.
struct Model {
    animals: BTreeMap<u32, Animal>,
    out: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Play {
    Order(CharacterId, u32, Order),
    Tick,
}

impl Model {
    fn slot(&self, pet: u32) -> i32 {
        self.out.iter().position(|other| *other == pet).map_or(-1, |slot| slot as i32)
    }

    fn play(&mut self, play: &Play) -> Vec<String> {
        match play {
            Play::Tick => self.tick(),
            Play::Order(actor, pet, order) => {
                let may = *actor == OWNER || (*actor == SYSTEM && order.is_award());
                if !may || !self.animals.contains_key(pet) {
                    return Vec::new();
                }
                self.obey(*pet, order)
            }
        }
    }

    fn obey(&mut self, pet: u32, order: &Order) -> Vec<String> {
        let slot = self.slot(pet);
        match order {
            Order::Spawn { lead } => self.spawn(pet, *lead),
            Order::Despawn if slot >= 0 => self.despawn(pet, "NORMAL"),
            Order::AwardCloseness { amount } => {
                let animal = self.animals.get_mut(&pet).unwrap();
                animal.closeness = (animal.closeness + i32::from(*amount)).min(30_000);
                let before = animal.level;
                while animal.level < 30 && animal.closeness >= THRESHOLDS[animal.level as usize - 1]
                {
                    animal.level += 1;
                }
                let Animal { level, closeness, .. } = *animal;
                let gained = level - before;
                let mut events = Vec::new();
                if gained > 0 {
                    events.push(format!("{pet} in {slot}: level {level} by {gained}"));
                }
                let amount = (*amount).min(32_767);
                events.push(format!("{pet} in {slot}: closeness {closeness} by {amount}"));
                events
            }
            Order::AwardFullness { amount } => {
                let animal = self.animals.get_mut(&pet).unwrap();
                animal.fullness = (animal.fullness + i32::from(*amount)).min(100);
                let amount = (*amount).min(127);
                vec![format!("{pet} in {slot}: fullness {} by {amount}", animal.fullness)]
            }
            Order::AwardLevel { amount } => {
                let animal = self.animals.get_mut(&pet).unwrap();
                animal.level = (animal.level + i32::from(*amount)).min(30);
                let amount = (*amount).min(127);
                vec![format!("{pet} in {slot}: level {} by {amount}", animal.level)]
            }
            _ => Vec::new(),
        }
    }

    fn spawn(&mut self, pet: u32, lead: bool) -> Vec<String> {
        let slot = self.slot(pet);
        if slot < 0 && self.out.len() == 3 || slot == 0 || slot > 0 && !lead {
            return Vec::new();
        }
        let to = if lead { 0 } else { self.out.len() };
        let mut events = Vec::new();
        let num_moved = if slot < 0 { self.out.len() } else { slot as usize };
        for place in (to..num_moved).rev() {
            events.push(format!("{} slot {place} > {}", self.out[place], place + 1));
        }
        self.out.retain(|other| *other != pet);
        self.out.insert(to, pet);
        events.push(format!("{pet} slot {slot} > {to}"));
        if slot < 0 {
            events.push(format!("{pet} spawned {to}"));
        }
        events
    }

    fn despawn(&mut self, pet: u32, reason: &str) -> Vec<String> {
        let slot = self.slot(pet) as usize;
        let mut events = Vec::new();
        for place in slot + 1..self.out.len() {
            events.push(format!("{} slot {place} > {}", self.out[place], place - 1));
        }
        self.out.remove(slot);
        events.push(format!("{pet} slot {slot} > -1"));
        events.push(format!("{pet} despawned {slot} > -1 {reason}"));
        events
    }

    fn tick(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        for pet in self.out.clone() {
            let slot = self.slot(pet);
            let animal = self.animals.get_mut(&pet).unwrap();
            let before = animal.fullness;
            animal.fullness = (before - 6).max(0);
            let (now, change) = (animal.fullness, animal.fullness - before);
            if change != 0 {
                events.push(format!("{pet} in {slot}: fullness {now} by {change}"));
            }
            if now <= 5 {
                events.extend(self.despawn(pet, "HUNGER"));
            }
        }
        events
    }
}

fn order() -> impl Strategy<Value = Order> {
    prop_oneof![
        4 => any::<bool>().prop_map(|lead| Order::Spawn { lead }),
        2 => Just(Order::Despawn),
        2 => (0..300_u16).prop_map(|amount| Order::AwardCloseness { amount }),
        1 => any::<u16>().prop_map(|amount| Order::AwardCloseness { amount }),
        1 => any::<u8>().prop_map(|amount| Order::AwardFullness { amount }),
        1 => any::<u8>().prop_map(|amount| Order::AwardLevel { amount }),
    ]
}

fn play() -> impl Strategy<Value = Play> {
    let actor = prop_oneof![8 => Just(OWNER), 1 => Just(STRANGER), 1 => Just(SYSTEM)];
    prop_oneof![
        5 => (actor, 1..=6_u32, order()).prop_map(|(actor, pet, order)| Play::Order(actor, pet, order)),
        2 => Just(Play::Tick),
    ]
}

proptest! {
    #[test]
    fn every_game_goes_as_the_model_says(plays in prop::collection::vec(play(), 1..120)) {
        let mut scene = Scene::online((1..=5).map(kitty));
        let animal = |id| {
            let pet = scene.pet(id);
            let of = (pet.level, pet.closeness, pet.fullness);
            Animal { level: of.0.into(), closeness: of.1.into(), fullness: of.2.into() }
        };
        let animals = (1..=5).map(|id| (id, animal(id))).collect();
        let mut model = Model { animals, out: Vec::new() };
        for play in &plays {
            let expected = model.play(play);
            let input = match play {
                Play::Order(actor, pet, order) => command(*actor, *pet, order.clone()),
                Play::Tick => {
                    scene.now += INTERVAL;
                    Input::Tick
                }
            };
            let (_, events) = scene.step(&input);
            let events: Vec<String> = events.iter().map(short).collect();
            prop_assert_eq!(events, expected, "{:?}", play);
            prop_assert_eq!(scene.line_up(), model.out.clone());
            for (id, animal) in &model.animals {
                let pet = scene.pet(*id);
                prop_assert_eq!(i32::from(pet.slot), model.slot(*id));
                prop_assert_eq!(i32::from(pet.level), animal.level);
                prop_assert_eq!(i32::from(pet.closeness), animal.closeness);
                prop_assert_eq!(i32::from(pet.fullness), animal.fullness);
            }
        }
    }
}
