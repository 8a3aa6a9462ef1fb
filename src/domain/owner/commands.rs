//! What pets are ordered to do (`spec/rules.md` section 1, Commands).

use std::collections::HashSet;

use uuid::Uuid;

use super::Owner;
use crate::domain::context::Context;
use crate::domain::effects::{Effects, Reason};
use crate::domain::ids::CharacterId;
use crate::domain::pet::{
    Body, Command, DespawnReason, Dirty, MAX_CLOSENESS, MAX_EXCLUDES, MAX_FULLNESS, MAX_LEVEL,
    Order, level, limited,
};

/// The actor of orders that come from a service rather than a player.
const SYSTEM: CharacterId = CharacterId(0);

impl Owner {
    pub(super) fn command(
        &mut self,
        command: &Command,
        ctx: &mut Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let index = self.index(command.pet)?;
        if !self.obeys(command) {
            return Err(Reason::NotOwner);
        }
        if self.is_deleted() {
            return Err(Reason::Deleted);
        }
        match &command.order {
            Order::Spawn { lead } => self.spawn(index, *lead, ctx, out)?,
            Order::Despawn => {
                if self.pets[index].is_spawned() {
                    self.despawn(index, DespawnReason::Normal, out);
                }
            }
            Order::Attempt { command: trick } => {
                self.attempt(index, *trick, command.transaction, ctx, out)?;
            }
            Order::AwardCloseness { amount } => {
                self.award_closeness(index, *amount, command.transaction, out);
            }
            Order::AwardFullness { amount } => self.award_fullness(index, *amount, out),
            Order::AwardLevel { amount } => self.award_level(index, *amount, out),
            Order::Exclude { items } => self.exclude(index, items, out),
        }
        Ok(())
    }

    /// Whether the pets take this order from this actor.
    fn obeys(&self, command: &Command) -> bool {
        match command.actor {
            SYSTEM => command.order.is_award(),
            actor => actor == self.id,
        }
    }

    /// One trick: a single draw decides; the response carries the closeness after the award.
    fn attempt(
        &mut self,
        index: usize,
        trick: u8,
        transaction: Uuid,
        ctx: &mut Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let pet = &self.pets[index];
        if !pet.is_spawned() {
            return Err(Reason::NotSpawned);
        }
        let skill = ctx
            .catalog
            .template(pet.template_id)
            .and_then(|template| template.skill(trick))
            .ok_or(Reason::UnknownSkill)?;
        let success = ctx.dice.percent() < skill.probability;
        if skill.increase > 0 && (success || ctx.rules.closeness_on_failed_command) {
            self.award_closeness(index, skill.increase, transaction, out);
        }
        let pet = &self.pets[index];
        let response = Body::CommandResponse {
            slot: pet.slot,
            closeness: pet.closeness,
            fullness: pet.fullness,
            command: trick,
            success,
        };
        self.tell(index, response, out);
        Ok(())
    }

    /// Reported also when nothing changed: somebody waits for that transaction.
    fn award_closeness(&mut self, index: usize, amount: u16, transaction: Uuid, out: &mut Effects) {
        let pet = &mut self.pets[index];
        let closeness = pet.closeness.saturating_add(amount).min(MAX_CLOSENESS);
        let reached = level::after_award(pet.level, closeness);
        let gained = reached - pet.level;
        if closeness != pet.closeness || gained > 0 {
            pet.closeness = closeness;
            pet.level = reached;
            pet.touch(Dirty::Vitals);
        }
        let slot = pet.slot;
        if gained > 0 {
            let amount = limited(gained);
            self.tell(index, Body::LevelChanged { slot, level: reached, amount }, out);
        }
        let amount = i16::try_from(amount).unwrap_or(i16::MAX);
        self.tell(index, Body::ClosenessChanged { slot, closeness, amount, transaction }, out);
    }

    fn award_fullness(&mut self, index: usize, amount: u8, out: &mut Effects) {
        let pet = &mut self.pets[index];
        let fullness = pet.fullness.saturating_add(amount).min(MAX_FULLNESS);
        if fullness != pet.fullness {
            pet.fullness = fullness;
            pet.touch(Dirty::Vitals);
        }
        let body = Body::FullnessChanged { slot: pet.slot, fullness, amount: limited(amount) };
        self.tell(index, body, out);
    }

    fn award_level(&mut self, index: usize, amount: u8, out: &mut Effects) {
        let pet = &mut self.pets[index];
        let level = pet.level.saturating_add(amount).min(MAX_LEVEL);
        if level != pet.level {
            pet.level = level;
            pet.touch(Dirty::Vitals);
        }
        let body = Body::LevelChanged { slot: pet.slot, level, amount: limited(amount) };
        self.tell(index, body, out);
    }

    fn exclude(&mut self, index: usize, items: &[u32], out: &mut Effects) {
        let items = excludes(items);
        let pet = &mut self.pets[index];
        if pet.excludes != items {
            pet.excludes = items.clone();
            pet.touch(Dirty::Whole);
        }
        self.tell(index, Body::ExcludeChanged { items }, out);
    }
}

/// The set a list of items stands for: no zero, no duplicate, order kept, the first
/// [`MAX_EXCLUDES`].
pub(super) fn excludes(items: &[u32]) -> Box<[u32]> {
    let mut seen = HashSet::with_capacity(items.len().min(MAX_EXCLUDES));
    items
        .iter()
        .copied()
        .filter(|&item| item != 0 && seen.insert(item))
        .take(MAX_EXCLUDES)
        .collect()
}

#[cfg(test)]
mod tests;
