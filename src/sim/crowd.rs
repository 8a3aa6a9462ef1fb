//! The crowd: many characters, all online with their pets out, and what was asked of each.

use chrono::Utc;
use futures::stream::{self, StreamExt, TryStreamExt};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution as _, Zipf};
use rdkafka::error::KafkaError;
use serde_json::Value;
use uuid::Uuid;

use super::Sender;
use super::shop::{Bought, Shop};
use crate::domain::character::{Status, StatusChange};
use crate::domain::owner::Movement;
use crate::domain::{CharacterId, PetId, pet};
use crate::wire::kafka::movement::MovementRecord;

const WORLD: u8 = 0;
const CHANNEL: u8 = 1;
/// A template of the catalog that ships, one of its tricks, and what that adds to the closeness.
const TEMPLATE: u32 = 5_000_017;
const TRICK: u8 = 0;
const TRICK_INCREASE: u16 = 2;
const MAP: u32 = 100_000_000;
const FIRST_OWNER: u32 = 10_000;
/// Requests under way at a time while the crowd is made.
const NUM_SHOPPERS: usize = 64;

/// Characters and their pets.
pub struct Crowd {
    members: Vec<Member>,
    /// How often something is about the pet of each rank; none: all alike.
    popularity: Option<Zipf<f64>>,
    rng: SmallRng,
}

/// Shares of what is done; the rest are awards.
#[derive(Clone, Copy, Default, Debug)]
pub struct Mix {
    pub steps: f64,
    /// A pet is taken home, or out if it is at home.
    pub moves: f64,
    pub tricks: f64,
}

/// One record to be sent.
pub enum Act {
    Step(MovementRecord),
    Order {
        command: pet::Command,
        /// What it will cause.
        num_events: u64,
        /// Of these, changes of a level.
        num_levels: u64,
    },
}

struct Member {
    owner: CharacterId,
    pet: PetId,
    is_out: bool,
    level: u8,
    /// What it must be once every award sent has taken effect.
    closeness: u16,
    /// The last step sent, if any; unknown of a pet that came or went beside its steps, which are
    /// on another topic.
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    NeverStepped,
    At { x: i64, y: i64, stance: u64 },
    Unknown,
}

impl Crowd {
    /// Creates the pets over the pets API. With `zipf` as exponent, the pet of rank k is
    /// 1 / k^zipf times as often the subject as the first; without, all are alike.
    ///
    /// # Errors
    /// Any answer other than 201, or an exponent below 0.
    pub async fn hire(
        shop: &Shop,
        num_owners: u32,
        pets_each: u32,
        zipf: Option<f64>,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let orders = (0..num_owners).flat_map(|owner| (0..pets_each).map(move |_| owner));
        let bought: Vec<Bought> = stream::iter(orders)
            .map(|owner| async move {
                shop.buy(CharacterId(FIRST_OWNER + owner), TEMPLATE, "Pet").await
            })
            .buffer_unordered(NUM_SHOPPERS)
            .try_collect()
            .await?;
        let mut members: Vec<Member> =
            bought.into_iter().map(|bought| Member::new(bought.owner, bought.pet)).collect();
        members.sort_unstable_by_key(|member| (member.owner, member.pet));
        let popularity = zipf.map(|exponent| Zipf::new(members.len() as f64, exponent));
        let popularity = popularity.transpose()?;
        Ok(Self { members, popularity, rng: SmallRng::seed_from_u64(seed) })
    }

    pub fn num_pets(&self) -> usize {
        self.members.len()
    }

    /// Whom the pets belong to, each once.
    pub fn owners(&self) -> Vec<CharacterId> {
        let mut owners: Vec<_> = self.members.iter().map(|member| member.owner).collect();
        owners.dedup();
        owners
    }

    /// Logs everybody in.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn enter(&self, sender: &Sender) -> Result<(), KafkaError> {
        let change = StatusChange::Login { channel: CHANNEL, map: MAP, instance: Uuid::nil() };
        self.tell_all(sender, &change)
    }

    /// Takes the pets out.
    pub fn take_out(&mut self) -> impl Iterator<Item = pet::Command> {
        self.members.iter_mut().map(|member| {
            member.is_out = true;
            member.command(Uuid::nil(), pet::Order::Spawn { lead: false })
        })
    }

    /// Logs everybody out.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn leave(&self, sender: &Sender) -> Result<(), KafkaError> {
        self.tell_all(sender, &StatusChange::Logout)
    }

    fn tell_all(&self, sender: &Sender, change: &StatusChange) -> Result<(), KafkaError> {
        for owner in self.owners() {
            let transaction = Uuid::new_v4();
            let change = change.clone();
            let status = Status { transaction, world: WORLD, at: Utc::now(), change };
            sender.status(owner, &status)?;
        }
        Ok(())
    }

    /// The next record, at these shares.
    pub fn act(&mut self, mix: &Mix) -> Act {
        let Mix { steps, moves, tricks } = *mix;
        let share: f64 = self.rng.random();
        let position = self.draw();
        if share < steps {
            return Act::Step(self.step(position));
        }
        if share < steps + moves {
            return self.move_pet(position);
        }
        if share < steps + moves + tricks
            && let Some(position) = self.first_out(position)
        {
            return self.trick(position);
        }
        let (command, num_events) = self.award_at(position);
        Act::Order { command, num_events, num_levels: num_events - 1 }
    }

    fn draw(&mut self) -> usize {
        let num = self.members.len();
        match &self.popularity {
            None => self.rng.random_range(0..num),
            Some(zipf) => (zipf.sample(&mut self.rng) as usize).clamp(1, num) - 1,
        }
    }

    /// The first pet from this one on that is out.
    fn first_out(&self, position: usize) -> Option<usize> {
        let (before, after) = self.members.split_at(position);
        let distance = after.iter().chain(before).position(|member| member.is_out)?;
        Some((position + distance) % self.members.len())
    }

    /// An award for one of the pets.
    pub fn award(&mut self) -> pet::Command {
        let position = self.draw();
        self.award_at(position).0
    }

    /// And the number of events it will cause.
    fn award_at(&mut self, position: usize) -> (pet::Command, u64) {
        let transaction = uuid::Builder::from_random_bytes(self.rng.random()).into_uuid();
        let member = &mut self.members[position];
        let amount = 1;
        let num_events = member.grow(amount);
        (member.command(transaction, pet::Order::AwardCloseness { amount }), num_events)
    }

    /// Whether it succeeds or not, it is worth its closeness.
    fn trick(&mut self, position: usize) -> Act {
        let member = &mut self.members[position];
        let num_events = member.grow(TRICK_INCREASE) + 1;
        let command = member.command(Uuid::nil(), pet::Order::Attempt { command: TRICK });
        Act::Order { command, num_events, num_levels: num_events - 2 }
    }

    fn move_pet(&mut self, position: usize) -> Act {
        let member = &mut self.members[position];
        member.is_out = !member.is_out;
        member.place = Place::Unknown;
        let order = match member.is_out {
            true => pet::Order::Spawn { lead: false },
            false => pet::Order::Despawn,
        };
        // Its slot changes, and it comes or goes.
        let command = member.command(Uuid::nil(), order);
        Act::Order { command, num_events: 2, num_levels: 0 }
    }

    /// A step, of the next pet that is out.
    fn step(&mut self, position: usize) -> MovementRecord {
        let position = self.first_out(position).unwrap_or(position);
        let member = &mut self.members[position];
        let movement = Movement {
            pet: member.pet,
            world: WORLD,
            channel: CHANNEL,
            map: MAP,
            instance: Uuid::nil(),
            x: self.rng.random_range(-400..400),
            y: self.rng.random_range(-50..90),
            stance: self.rng.random_range(0..8),
            fh: Some(1),
        };
        member.walk(&movement);
        MovementRecord { observer: member.owner, movement }
    }

    /// Pets of which the API tells another closeness or level than what was sent adds up to, or that
    /// are not where they were sent or where their last step led.
    ///
    /// # Errors
    /// When the API does not answer.
    pub async fn audit(&self, shop: &Shop) -> anyhow::Result<Vec<String>> {
        let found: Vec<Option<String>> = stream::iter(&self.members)
            .map(|member| async move {
                let stored = shop.look_up(member.pet).await?;
                anyhow::Ok(member.difference(&stored))
            })
            .buffer_unordered(NUM_SHOPPERS)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }
}

impl Member {
    /// As it is bought.
    fn new(owner: CharacterId, pet: PetId) -> Self {
        Self { owner, pet, is_out: false, level: 1, closeness: 0, place: Place::NeverStepped }
    }

    fn command(&self, transaction: Uuid, order: pet::Order) -> pet::Command {
        pet::Command { transaction, actor: self.owner, pet: self.pet, order }
    }

    fn walk(&mut self, step: &Movement) {
        if self.place != Place::Unknown {
            let Movement { x, y, stance, .. } = *step;
            self.place = Place::At { x: x.into(), y: y.into(), stance: stance.into() };
        }
    }

    /// From what the API tells, if it differs.
    fn difference(&self, stored: &Value) -> Option<String> {
        let is_out = stored["slot"].as_i64().map(|slot| slot >= 0);
        let is = (stored["closeness"].as_u64(), stored["level"].as_u64(), is_out);
        let closeness = Some(u64::from(self.closeness));
        let should = (closeness, Some(u64::from(self.level)), Some(self.is_out));
        if is != should {
            return Some(format!("pet {}: {should:?} expected, {is:?} stored", self.pet));
        }
        let Place::At { x, y, stance } = self.place else { return None };
        let should = (Some(x), Some(y), Some(stance));
        let is = (stored["x"].as_i64(), stored["y"].as_i64(), stored["stance"].as_u64());
        (is != should).then(|| format!("pet {}: at {should:?} expected, at {is:?}", self.pet))
    }

    /// Counts an award, and how many events tell of it.
    fn grow(&mut self, amount: u16) -> u64 {
        self.closeness = (self.closeness + amount).min(pet::MAX_CLOSENESS);
        let level = pet::level::after_award(self.level, self.closeness);
        let num_events = 1 + u64::from(level != self.level);
        self.level = level;
        num_events
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn crowd(num: u32, zipf: Option<f64>) -> Crowd {
        let members = (0..num).map(|id| Member::new(CharacterId(id), PetId(id))).collect();
        let popularity = zipf.map(|exponent| Zipf::new(f64::from(num), exponent).unwrap());
        Crowd { members, popularity, rng: SmallRng::seed_from_u64(0) }
    }

    #[test]
    fn an_award_that_reaches_a_threshold_causes_two_events() {
        let mut crowd = crowd(1, None);
        assert_eq!(crowd.award_at(0).1, 2);
        assert_eq!(crowd.award_at(0).1, 1);
    }

    #[test]
    fn a_pet_at_the_cap_stays_there() {
        let mut crowd = crowd(1, None);
        crowd.members[0].closeness = pet::MAX_CLOSENESS;
        crowd.members[0].level = pet::MAX_LEVEL;
        assert_eq!(crowd.award_at(0).1, 1);
        assert_eq!(crowd.members[0].closeness, pet::MAX_CLOSENESS);
    }

    #[test]
    fn tricks_are_asked_of_pets_that_are_out_and_pets_at_home_are_awarded() {
        let mut crowd = crowd(3, None);
        let tricks = Mix { tricks: 1.0, ..Mix::default() };
        let command = |act: Act| match act {
            Act::Order { command, .. } => command,
            Act::Step(_) => panic!("no steps in this mix"),
        };
        for _ in 0..20 {
            let order = command(crowd.act(&tricks)).order;
            assert!(matches!(order, pet::Order::AwardCloseness { .. }));
        }
        crowd.members[1].is_out = true;
        for _ in 0..20 {
            let asked = command(crowd.act(&tricks));
            assert_eq!(
                (asked.pet, asked.order),
                (PetId(1), pet::Order::Attempt { command: TRICK })
            );
        }
    }

    #[test]
    fn a_pet_is_to_be_where_its_last_step_led_unless_it_came_or_went_beside_its_steps() {
        let mut crowd = crowd(1, None);
        assert_eq!(crowd.take_out().count(), 1);
        let stored = |x: i64, y: i64| json!({ "closeness": 0, "level": 1, "slot": 0, "x": x, "y": y, "stance": 4 });
        let step = crowd.step(0).movement;
        let mut there = stored(step.x.into(), step.y.into());
        there["stance"] = step.stance.into();
        assert_eq!(crowd.members[0].difference(&there), None);
        let elsewhere = stored(i64::from(step.x) + 1, step.y.into());
        assert!(crowd.members[0].difference(&elsewhere).is_some());
        crowd.move_pet(0);
        crowd.move_pet(0);
        crowd.step(0);
        assert_eq!(crowd.members[0].difference(&elsewhere), None);
    }

    #[test]
    fn the_shares_are_kept() {
        let mut crowd = crowd(100, None);
        assert_eq!(crowd.take_out().count(), 100);
        let mix = Mix { steps: 0.3, moves: 0.2, tricks: 0.1 };
        let mut num = [0_u32; 4];
        for _ in 0..10_000 {
            let kind = match crowd.act(&mix) {
                Act::Step(_) => 0,
                Act::Order { command, .. } => match command.order {
                    pet::Order::Spawn { .. } | pet::Order::Despawn => 1,
                    pet::Order::Attempt { .. } => 2,
                    _ => 3,
                },
            };
            num[kind] += 1;
        }
        for (num, share) in num.into_iter().zip([0.3, 0.2, 0.1, 0.4]) {
            assert!((f64::from(num) / 10_000.0 - share).abs() < 0.02, "{num} of {share}");
        }
    }

    #[test]
    fn by_zipf_the_first_is_as_popular_as_its_rank_says() {
        let mut crowd = crowd(1_000, Some(1.0));
        let mut num = vec![0_u32; 1_000];
        for _ in 0..100_000 {
            num[crowd.draw()] += 1;
        }
        // The harmonic number of 1,000 is 7.485.
        assert!((f64::from(num[0]) / 100_000.0 - 1.0 / 7.485).abs() < 0.01);
        assert!((f64::from(num[9]) / f64::from(num[0]) - 0.1).abs() < 0.02);
    }
}
