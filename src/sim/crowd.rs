//! The crowd: many characters, all online with their pets out, and what was asked of each.

use chrono::Utc;
use futures::stream::{self, StreamExt, TryStreamExt};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rdkafka::error::KafkaError;
use uuid::Uuid;

use super::Sender;
use super::shop::{Bought, Shop};
use crate::domain::character::{Status, StatusChange};
use crate::domain::owner::Movement;
use crate::domain::{CharacterId, PetId, pet};
use crate::wire::kafka::movement::MovementRecord;

const WORLD: u8 = 0;
const CHANNEL: u8 = 1;
/// A template of the catalog that ships.
const TEMPLATE: u32 = 5_000_017;
const MAP: u32 = 100_000_000;
const FIRST_OWNER: u32 = 10_000;
/// Requests under way at a time while the crowd is made.
const NUM_SHOPPERS: usize = 64;

/// Characters and their pets.
pub struct Crowd {
    members: Vec<Member>,
    rng: SmallRng,
}

struct Member {
    owner: CharacterId,
    pet: PetId,
    level: u8,
    /// What it must be once every award sent has taken effect.
    closeness: u16,
}

impl Crowd {
    /// Creates the pets over the pets API.
    ///
    /// # Errors
    /// Any answer other than 201.
    pub async fn hire(
        shop: &Shop,
        num_owners: u32,
        pets_each: u32,
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
        let member = |bought: Bought| Member {
            owner: bought.owner,
            pet: bought.pet,
            level: 1,
            closeness: 0,
        };
        let mut members: Vec<Member> = bought.into_iter().map(member).collect();
        members.sort_unstable_by_key(|member| (member.owner, member.pet));
        Ok(Self { members, rng: SmallRng::seed_from_u64(seed) })
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

    /// Logs everybody in and takes the pets out.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn enter(&self, sender: &Sender) -> Result<(), KafkaError> {
        let change = StatusChange::Login { channel: CHANNEL, map: MAP, instance: Uuid::nil() };
        self.tell_all(sender, &change)?;
        for member in &self.members {
            sender.command(&pet::Command {
                transaction: Uuid::nil(),
                actor: member.owner,
                pet: member.pet,
                order: pet::Order::Spawn { lead: false },
            })?;
        }
        Ok(())
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

    /// An award for one of the pets, and the number of events it will cause.
    pub fn award(&mut self) -> (pet::Command, u64) {
        let position = self.rng.random_range(0..self.members.len());
        let transaction = uuid::Builder::from_random_bytes(self.rng.random()).into_uuid();
        let member = &mut self.members[position];
        let amount = 1;
        member.closeness = (member.closeness + amount).min(pet::MAX_CLOSENESS);
        let level = pet::level::after_award(member.level, member.closeness);
        let num_events = 1 + u64::from(level != member.level);
        member.level = level;
        let order = pet::Order::AwardCloseness { amount };
        let command = pet::Command { transaction, actor: member.owner, pet: member.pet, order };
        (command, num_events)
    }

    /// A step of one of the pets.
    pub fn step(&mut self) -> MovementRecord {
        let position = self.rng.random_range(0..self.members.len());
        let member = &self.members[position];
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
        MovementRecord { observer: member.owner, movement }
    }

    /// Whether the next record is a step, at this share of steps.
    pub fn is_step_next(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random_bool(share.min(1.0))
    }

    /// Pets of which the API tells another closeness or level than the awards add up to.
    ///
    /// # Errors
    /// When the API does not answer.
    pub async fn audit(&self, shop: &Shop) -> anyhow::Result<Vec<String>> {
        let found: Vec<Option<String>> = stream::iter(&self.members)
            .map(|member| async move {
                let stored = shop.look_up(member.pet).await?;
                let is = (stored["closeness"].as_u64(), stored["level"].as_u64());
                let should = (Some(u64::from(member.closeness)), Some(u64::from(member.level)));
                let differs = || format!("pet {}: {should:?} expected, {is:?} stored", member.pet);
                anyhow::Ok((is != should).then(differs))
            })
            .buffer_unordered(NUM_SHOPPERS)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(closeness: u16, level: u8) -> Crowd {
        let member = Member { owner: CharacterId(1), pet: PetId(1), level, closeness };
        Crowd { members: vec![member], rng: SmallRng::seed_from_u64(0) }
    }

    #[test]
    fn an_award_that_reaches_a_threshold_causes_two_events() {
        assert_eq!(crowd(0, 1).award().1, 2);
        assert_eq!(crowd(1, 2).award().1, 1);
    }

    #[test]
    fn a_pet_at_the_cap_stays_there() {
        let mut crowd = crowd(pet::MAX_CLOSENESS, pet::MAX_LEVEL);
        assert_eq!(crowd.award().1, 1);
        assert_eq!(crowd.members[0].closeness, pet::MAX_CLOSENESS);
    }
}
