//! The players: who is online, what their pets are up to, and what that must add up to.

use std::iter::Sum;
use std::time::Instant;

use chrono::Utc;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rdkafka::error::KafkaError;
use uuid::Uuid;

use super::shop::Bought;
use super::{Books, Sender};
use crate::domain::character::{Status, StatusChange};
use crate::domain::owner::Movement;
use crate::domain::{Catalog, CharacterId, PetId, pet};
use crate::wire::kafka::movement::MovementRecord;

const WORLD: u8 = 0;
const CHANNEL: u8 = 1;
/// Below this a pet is fed before anything else, long before hunger sends it home.
const HUNGRY: u8 = 60;

/// A population and the dice that drive it.
pub struct Players {
    players: Vec<Player>,
    maps: Vec<u32>,
    catalog: Catalog,
    rng: SmallRng,
    pub tally: Tally,
}

/// What was sent of pets.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tally {
    pub num_commands: u64,
    pub num_steps: u64,
}

/// What character events must add up to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Comings {
    pub num_logins: u64,
    pub num_logouts: u64,
    pub num_travels: u64,
}

impl Sum for Comings {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            num_logins: sum.num_logins + one.num_logins,
            num_logouts: sum.num_logouts + one.num_logouts,
            num_travels: sum.num_travels + one.num_travels,
        })
    }
}

struct Player {
    id: CharacterId,
    is_online: bool,
    /// Somebody else has ended its session.
    was_sent_away: bool,
    comings: Comings,
    map: u32,
    pets: Vec<Companion>,
}

struct Companion {
    id: PetId,
    template_id: u32,
    is_out: bool,
    /// What its closeness must be in the end.
    closeness: u16,
}

impl Players {
    /// A population that owns these pets. The same seed plays the same game.
    pub fn new(bought: &[Bought], catalog: Catalog, seed: u64) -> Self {
        let maps: Vec<u32> = catalog.maps().map(|map| map.id()).collect();
        let mut players: Vec<Player> = Vec::new();
        for Bought { pet, owner, template_id } in bought {
            let companion =
                Companion { id: *pet, template_id: *template_id, is_out: false, closeness: 0 };
            match players.iter_mut().find(|player| player.id == *owner) {
                Some(player) => player.pets.push(companion),
                None => players.push(Player {
                    id: *owner,
                    is_online: false,
                    was_sent_away: false,
                    comings: Comings::default(),
                    map: maps.first().copied().unwrap_or_default(),
                    pets: vec![companion],
                }),
            }
        }
        Self { players, maps, catalog, rng: SmallRng::seed_from_u64(seed), tally: Tally::default() }
    }

    pub fn num_online(&self) -> usize {
        self.players.iter().filter(|player| player.is_online).count()
    }

    pub fn num_pets_out(&self) -> usize {
        let pets = self.players.iter().flat_map(|player| &player.pets);
        pets.filter(|pet| pet.is_out).count()
    }

    /// What each pet's closeness must be once everything sent has taken effect.
    pub fn closeness(&self) -> impl Iterator<Item = (PetId, u16)> {
        let pets = self.players.iter().flat_map(|player| &player.pets);
        pets.map(|pet| (pet.id, pet.closeness))
    }

    /// Lets one of the players do one thing.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn act(
        &mut self,
        sender: &Sender,
        books: &parking_lot::Mutex<Books>,
    ) -> Result<(), KafkaError> {
        let Some(position) = self.draw(self.players.len()) else { return Ok(()) };
        let what = self.rng.random_range(0..100_u8);
        if !self.players[position].is_online {
            return self.log_in(position, sender);
        }
        match what {
            0 => self.log_out(position, sender),
            1 => self.travel(position, sender),
            _ => self.play(position, what, sender, books),
        }
    }

    /// Sends everybody home.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn log_out_all(&mut self, sender: &Sender) -> Result<(), KafkaError> {
        for position in 0..self.players.len() {
            if self.players[position].is_online {
                self.log_out(position, sender)?;
            }
        }
        Ok(())
    }

    /// Somebody else has ended a player's session, who may log in again. How often it comes and
    /// goes does not count any more: before it knew, it may have sent what had no effect.
    pub fn send_away(&mut self, id: CharacterId) {
        let players = self.players.iter_mut().filter(|player| player.id == id);
        for player in players.filter(|player| !player.was_sent_away) {
            player.was_sent_away = true;
            player.is_online = false;
        }
    }

    /// Of all whom nobody sent away.
    pub fn comings(&self) -> Comings {
        let undisturbed = self.players.iter().filter(|player| !player.was_sent_away);
        undisturbed.map(|player| player.comings).sum()
    }

    fn draw(&mut self, len: usize) -> Option<usize> {
        (len > 0).then(|| self.rng.random_range(0..len))
    }

    fn log_in(&mut self, position: usize, sender: &Sender) -> Result<(), KafkaError> {
        let player = &mut self.players[position];
        player.is_online = true;
        player.comings.num_logins += 1;
        let change =
            StatusChange::Login { channel: CHANNEL, map: player.map, instance: Uuid::nil() };
        sender.status(player.id, &status(change))
    }

    fn log_out(&mut self, position: usize, sender: &Sender) -> Result<(), KafkaError> {
        let player = &mut self.players[position];
        player.is_online = false;
        player.comings.num_logouts += 1;
        sender.status(player.id, &status(StatusChange::Logout))
    }

    fn travel(&mut self, position: usize, sender: &Sender) -> Result<(), KafkaError> {
        let Some(map) = self.draw(self.maps.len()) else { return Ok(()) };
        let player = &mut self.players[position];
        player.map = self.maps[map];
        player.comings.num_travels += 1;
        let change = StatusChange::MapChanged {
            channel: CHANNEL,
            map: player.map,
            instance: Uuid::nil(),
            target: None,
        };
        sender.status(player.id, &status(change))
    }

    fn play(
        &mut self,
        position: usize,
        what: u8,
        sender: &Sender,
        books: &parking_lot::Mutex<Books>,
    ) -> Result<(), KafkaError> {
        let Some(choice) = self.draw(self.players[position].pets.len()) else { return Ok(()) };
        let points = self.rng.random_range(1..=8_u16);
        let is_lead = self.rng.random_bool(0.3);
        let player = &mut self.players[position];
        let (owner, map) = (player.id, player.map);
        let pet = &mut player.pets[choice];
        if !pet.is_out {
            pet.is_out = true;
            return self.order(
                owner,
                pet::Order::Spawn { lead: is_lead },
                choice,
                position,
                sender,
                books,
            );
        }
        let is_hungry = books.lock().fullness(pet.id) < HUNGRY;
        let order = match what {
            _ if is_hungry => pet::Order::AwardFullness { amount: 40 },
            2..=4 => {
                pet.is_out = false;
                pet::Order::Despawn
            }
            5..=9 => pet::Order::AwardFullness { amount: 5 },
            10..=11 => pet::Order::Exclude { items: vec![2_000_000 + u32::from(points)].into() },
            12..=29 => {
                let template = self.catalog.template(pet.template_id);
                match template.and_then(|template| template.skills.first()) {
                    Some(skill) => {
                        pet.closeness = (pet.closeness + skill.increase).min(pet::MAX_CLOSENESS);
                        pet::Order::Attempt { command: skill.command }
                    }
                    None => return Ok(()),
                }
            }
            30..=59 => {
                pet.closeness = (pet.closeness + points).min(pet::MAX_CLOSENESS);
                pet::Order::AwardCloseness { amount: points }
            }
            _ => return self.walk(owner, map, position, choice, sender),
        };
        self.order(owner, order, choice, position, sender, books)
    }

    fn order(
        &mut self,
        owner: CharacterId,
        order: pet::Order,
        choice: usize,
        position: usize,
        sender: &Sender,
        books: &parking_lot::Mutex<Books>,
    ) -> Result<(), KafkaError> {
        // Only awards are told apart by their transaction.
        let is_award = matches!(order, pet::Order::AwardCloseness { .. });
        let command = pet::Command {
            transaction: if is_award { Uuid::new_v4() } else { Uuid::nil() },
            actor: owner,
            pet: self.players[position].pets[choice].id,
            order,
        };
        self.tally.num_commands += 1;
        books.lock().order(&command, Instant::now());
        sender.command(&command)
    }

    fn walk(
        &mut self,
        observer: CharacterId,
        map: u32,
        position: usize,
        choice: usize,
        sender: &Sender,
    ) -> Result<(), KafkaError> {
        self.tally.num_steps += 1;
        let movement = Movement {
            pet: self.players[position].pets[choice].id,
            world: WORLD,
            channel: CHANNEL,
            map,
            instance: Uuid::nil(),
            x: self.rng.random_range(-400..400),
            y: self.rng.random_range(-50..90),
            stance: self.rng.random_range(0..8),
            fh: None,
        };
        sender.movement(&MovementRecord { observer, movement })
    }
}

fn status(change: StatusChange) -> Status {
    Status { transaction: Uuid::new_v4(), world: WORLD, at: Utc::now(), change }
}
