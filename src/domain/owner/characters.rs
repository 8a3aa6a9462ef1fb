//! What is asked of the character itself (`spec/rules.md` section 6).

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Owner;
use super::status::{Arrival, Departure};
use crate::domain::character::request::{Creation, Patch, Request};
use crate::domain::character::{
    Action, Appearance, Body, Character, Deletion, Name, Place, Profile, Standing, Stats, Trait,
    Whereabouts,
};
use crate::domain::context::Context;
use crate::domain::effects::{Effects, Reason};

impl Owner {
    pub(super) fn character_request(
        &mut self,
        request: &Request,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        if let Action::Create(creation, standing) = &request.action {
            // Pets that are here already are somebody's: a player must not come by them.
            if request.user.is_some() && !self.pets.is_empty() {
                return Err(Reason::NumberTaken);
            }
            return self.create_character(creation, standing, ctx, out);
        }
        self.admit(request)?;
        match &request.action {
            Action::Create(..) => {}
            Action::Patch(patch, standing) => self.patch(patch, standing, ctx)?,
            Action::Delete { reason } => self.delete_character(reason, ctx, out)?,
            Action::Restore { reason, slot, user, standing } => {
                self.still_of(*user)?;
                self.restore(reason, *slot, standing, ctx, out)?;
            }
            Action::Purge => {
                self.vanish(Departure { reason: "permanent", at: ctx.now }, ctx, out);
            }
            Action::Select { session, ip, user, others } => {
                self.still_of(*user)?;
                let character = self.live()?;
                character.profile.selected = Some(*session);
                let name = character.name.text.clone();
                character.publish(
                    Body::Selected { name, session: *session, ip: *ip },
                    ctx.now,
                    out,
                );
                self.change();
                let own = self.id;
                let others = others.iter().filter(|other| **other != own);
                out.consequences.extend(others.map(|other| (*other, Action::GiveWay)));
            }
            Action::GiveWay => self.give_way(ctx, out),
            Action::Online { session, fresh, world, zone } => {
                self.come_online(
                    session.unwrap_or(*fresh),
                    session.is_none(),
                    world,
                    zone,
                    ctx,
                    out,
                )?;
            }
            Action::Offline { reason } => {
                self.live()?;
                self.online()?.end_session(reason, ctx.now, ctx.now, out);
                self.clear_positions();
                self.change();
            }
            Action::Move { place, movement } => self.move_character(place, movement, ctx, out)?,
            Action::Allocate(points) => self.allocate(points, ctx, out)?,
            Action::Experience { amount } => self.award_experience(*amount, ctx, out)?,
            Action::Appearance { fields, reason } => self.dress(fields, reason, ctx, out)?,
        }
        Ok(())
    }

    /// Whether this caller may ask anything of this character as it is.
    fn admit(&self, request: &Request) -> Result<(), Reason> {
        let character = self.character.as_ref().ok_or(Reason::UnknownCharacter)?;
        let is_another = request.uuid.is_some_and(|uuid| uuid != character.uuid);
        if is_another || request.user.is_some_and(|user| user != character.user) {
            return Err(Reason::UnknownCharacter);
        }
        if request.versions.as_ref().is_some_and(|any| !any.contains(&character.version)) {
            return Err(Reason::VersionMismatch);
        }
        Ok(())
    }

    /// The character, unless it is deleted.
    fn live(&mut self) -> Result<&mut Character, Reason> {
        let character = self.character.as_mut().ok_or(Reason::UnknownCharacter)?;
        if character.is_deleted() { Err(Reason::Deleted) } else { Ok(character) }
    }

    /// Whether it is still this user's, whose other characters were looked up: somebody may have
    /// got it since.
    fn still_of(&self, user: Uuid) -> Result<(), Reason> {
        let is_theirs = self.character.as_ref().is_some_and(|character| character.user == user);
        if is_theirs { Ok(()) } else { Err(Reason::VersionMismatch) }
    }

    fn create_character(
        &mut self,
        creation: &Creation,
        standing: &Standing,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        if self.character.is_some() {
            return Err(Reason::NumberTaken);
        }
        let known = &ctx.catalog.characters;
        claim_name(&creation.name, standing, ctx)?;
        let stats = known.classes.get(&creation.class).ok_or(Reason::UnknownClass)?;
        known.races.get(&creation.race).ok_or(Reason::UnknownRace)?;
        known.genders.get(&creation.gender).ok_or(Reason::UnknownGender)?;
        let mut appearance = known.default_appearance();
        for (field, value) in &creation.appearance {
            known.check(field, value)?;
            appearance.set(field, value);
        }
        let slot = standing.slot(creation.slot, ctx.rules.max_characters)?;
        let mut character = Character {
            uuid: creation.uuid,
            user: creation.user,
            name: creation.name.clone(),
            session: None,
            place: None,
            event_seq: 0,
            version: 0,
            profile: Profile {
                class: Some(creation.class.clone()),
                race: Some(creation.race.clone()),
                gender: Some(creation.gender.clone()),
                slot: Some(slot),
                stats: stats.clone(),
                appearance,
                ..Profile::unset(ctx.now)
            },
        };
        let created = Body::Created {
            name: creation.name.text.clone(),
            class: creation.class.clone(),
            race: creation.race.clone(),
            gender: creation.gender.clone(),
            level: character.profile.level,
            slot,
        };
        character.publish(created, ctx.now, out);
        self.character = Some(character);
        self.change();
        Ok(())
    }

    /// Sets what nobody has set, and the name. Nothing is published: it was created elsewhere.
    fn patch(
        &mut self,
        patch: &Patch,
        standing: &Standing,
        ctx: &Context<'_>,
    ) -> Result<(), Reason> {
        let known = &ctx.catalog.characters;
        let mut character = self.live()?.clone();
        let profile = &mut character.profile;
        if let Some(name) = patch.name.as_ref().filter(|name| **name != character.name) {
            if name.key != character.name.key {
                claim_name(name, standing, ctx)?;
            }
            character.name = name.clone();
        }
        if let Some(class) = &patch.class {
            let stats = known.classes.get(class).ok_or(Reason::UnknownClass)?;
            if set_once(&mut profile.class, class)? {
                profile.stats = stats.clone();
            }
        }
        if let Some(race) = &patch.race {
            known.races.get(race).ok_or(Reason::UnknownRace)?;
            set_once(&mut profile.race, race)?;
        }
        if let Some(gender) = &patch.gender {
            known.genders.get(gender).ok_or(Reason::UnknownGender)?;
            set_once(&mut profile.gender, gender)?;
        }
        if let Some(user) = patch.user.filter(|user| *user != character.user) {
            if !character.user.is_nil() {
                return Err(Reason::AlreadySet);
            }
            character.user = user;
            // Of its user's, another may be the selected one.
            profile.selected = None;
            profile.slot = Some(standing.slot(None, ctx.rules.max_characters)?);
        }
        if self.character.as_ref() != Some(&character) {
            self.character = Some(character);
            self.change();
        }
        Ok(())
    }

    fn delete_character(
        &mut self,
        reason: &str,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let character = self.live()?;
        character.end_session("deleted", ctx.now, ctx.now, out);
        character.profile.selected = None;
        let window = TimeDelta::from_std(ctx.rules.restore_window).ok();
        character.profile.deletion = Some(Deletion {
            at: ctx.now,
            restorable_until: window
                .and_then(|window| ctx.now.checked_add_signed(window))
                .unwrap_or(DateTime::<Utc>::MAX_UTC),
        });
        let name = character.name.text.clone();
        character.publish(Body::Deleted { name, reason: reason.into(), soft: true }, ctx.now, out);
        self.clear_positions();
        self.change();
        Ok(())
    }

    fn restore(
        &mut self,
        reason: &str,
        slot: Option<u8>,
        standing: &Standing,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let character = self.character.as_mut().ok_or(Reason::UnknownCharacter)?;
        let deletion = character.profile.deletion.ok_or(Reason::NotDeleted)?;
        if deletion.restorable_until <= ctx.now {
            return Err(Reason::RestoreExpired);
        }
        // One without a user has no slot to go back to.
        if let Some(slot) = slot.or(character.profile.slot) {
            character.profile.slot = Some(standing.slot(Some(slot), ctx.rules.max_characters)?);
        }
        character.profile.deletion = None;
        let name = character.name.text.clone();
        character.publish(Body::Restored { name, reason: reason.into() }, ctx.now, out);
        self.change();
        Ok(())
    }

    /// Its restore window is over.
    pub(super) fn purge_if_due(&mut self, ctx: &Context<'_>, out: &mut Effects) -> bool {
        let deletion = self.character.as_ref().and_then(|character| character.profile.deletion);
        let is_due = deletion.is_some_and(|deletion| deletion.restorable_until <= ctx.now);
        if is_due {
            self.vanish(Departure { reason: "retention", at: ctx.now }, ctx, out);
        }
        is_due
    }

    /// Another of the user's was selected.
    fn give_way(&mut self, ctx: &Context<'_>, out: &mut Effects) {
        let Ok(character) = self.live() else { return };
        let was_selected = character.profile.selected.take().is_some();
        let was_online = character.session.is_some();
        character.end_session("switched", ctx.now, ctx.now, out);
        if was_online {
            self.clear_positions();
        }
        if was_selected || was_online {
            self.change();
        }
    }

    fn come_online(
        &mut self,
        session: Uuid,
        is_fresh: bool,
        world: &str,
        zone: &str,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let character = self.live()?;
        let selected = character.profile.selected.filter(|_| is_fresh);
        let whereabouts = (|| {
            let (world, map) = (world.parse().ok()?, zone.parse().ok()?);
            Some(Whereabouts { world, channel: 0, map, instance: Uuid::nil() })
        })();
        let arrival = Arrival {
            session: selected.unwrap_or(session),
            whereabouts,
            world: world.into(),
            zone: zone.into(),
            at: ctx.now,
        };
        character.begin_session(arrival, ctx, out);
        self.clear_positions();
        self.change();
        Ok(())
    }

    fn move_character(
        &mut self,
        place: &Place,
        movement: &str,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        if !ctx.catalog.characters.is_movement(movement) {
            return Err(Reason::UnknownMovement);
        }
        let character = self.live()?;
        let previous = character.place.replace(place.clone());
        let moved =
            Body::PositionUpdated { previous, new: place.clone(), movement: movement.into() };
        character.publish(moved, ctx.now, out);
        self.change();
        Ok(())
    }

    /// All or nothing.
    fn allocate(
        &mut self,
        points: &[(Box<str>, u32)],
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let is_stat = |name: &str| ctx.catalog.characters.stats.iter().any(|stat| **stat == *name);
        if points.iter().any(|(name, _)| !is_stat(name)) {
            return Err(Reason::UnknownStat);
        }
        let stats = &ctx.catalog.characters.stats;
        let character = self.live()?;
        let profile = &mut character.profile;
        if profile.class.is_none() {
            return Err(Reason::ClassUnset);
        }
        // What the catalog gained since the class was set.
        for stat in stats {
            profile.stats.add(stat, 0);
        }
        let total = points.iter().fold(0_u64, |total, (_, more)| total + u64::from(*more));
        let rest = u64::from(profile.stat_points).checked_sub(total);
        let rest = rest.ok_or(Reason::NotEnoughPoints)?;
        let previous = profile.stats.clone();
        for (name, more) in points {
            profile.stats.add(name, *more);
        }
        profile.stat_points = u32::try_from(rest).expect("less than it was");
        let new = profile.stats.clone();
        let moved = new.0.iter().filter_map(|(name, now)| {
            let gain = now - previous.get(name).unwrap_or(0);
            (gain > 0).then(|| (name.clone(), gain))
        });
        let changes = moved.collect();
        let update = "stat_allocation";
        character.publish(Body::StatsUpdated { update, previous, new, changes }, ctx.now, out);
        self.change();
        Ok(())
    }

    /// Experience never exceeds what the highest level needs.
    fn award_experience(
        &mut self,
        amount: u64,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let levels = ctx.catalog.characters.levels;
        let character = self.live()?;
        let profile = &mut character.profile;
        let most = levels.needed(levels.cap).max(profile.experience);
        let experience = profile.experience.saturating_add(amount).min(most);
        if experience == profile.experience {
            return Ok(());
        }
        profile.experience = experience;
        let new = levels.of(experience);
        for previous in profile.level..new {
            let profile = &mut character.profile;
            profile.level = previous + 1;
            profile.stat_points = profile.stat_points.saturating_add(levels.stat_points);
            profile.skill_points = profile.skill_points.saturating_add(levels.skill_points);
            let level_up = Body::LevelUp {
                name: character.name.text.clone(),
                previous,
                new: previous + 1,
                experience,
                stat_points: levels.stat_points,
                skill_points: levels.skill_points,
            };
            character.publish(level_up, ctx.now, out);
        }
        self.change();
        Ok(())
    }

    fn dress(
        &mut self,
        fields: &[(Box<str>, Trait)],
        reason: &str,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let known = &ctx.catalog.characters;
        for (field, value) in fields {
            known.check(field, value)?;
        }
        let character = self.live()?;
        let appearance = &mut character.profile.appearance;
        let is_new = |(field, value): &&(Box<str>, Trait)| appearance.get(field) != Some(value);
        let new: Vec<_> = fields.iter().filter(is_new).collect();
        for (field, value) in &new {
            appearance.set(field, value);
        }
        // What was not sent stays as it is: unset, of a character first seen on Kafka.
        appearance.0.sort_by_key(|(field, _)| known.place_of(field));
        let mut changed: Vec<Box<str>> = new.into_iter().map(|(field, _)| field.clone()).collect();
        changed.sort_by_key(|field| known.place_of(field));
        changed.dedup();
        if changed.is_empty() {
            return Ok(());
        }
        let body = Body::AppearanceUpdated { fields: changed, reason: reason.into() };
        character.publish(body, ctx.now, out);
        self.change();
        Ok(())
    }
}

impl Standing {
    /// The slot asked for, or the lowest that is free.
    fn slot(&self, asked: Option<u8>, max: u8) -> Result<u8, Reason> {
        let is_free = |slot: &u8| !self.taken_slots.contains(slot);
        match asked {
            Some(slot) if slot == 0 || slot > max => Err(Reason::UnknownSlot),
            Some(slot) if is_free(&slot) => Ok(slot),
            Some(_) => Err(Reason::SlotOccupied),
            None => (1..=max).find(is_free).ok_or(Reason::SlotsFull),
        }
    }
}

impl Stats {
    fn add(&mut self, name: &str, points: u32) {
        match self.0.iter_mut().find(|(known, _)| **known == *name) {
            Some((_, value)) => *value = value.saturating_add(points),
            // A stat the catalog gained since the class was set.
            None => self.0.push((name.into(), points)),
        }
    }
}

impl Appearance {
    fn set(&mut self, field: &str, value: &Trait) {
        match self.0.iter_mut().find(|(known, _)| **known == *field) {
            Some((_, current)) => *current = value.clone(),
            None => self.0.push((field.into(), value.clone())),
        }
    }
}

fn claim_name(name: &Name, standing: &Standing, ctx: &Context<'_>) -> Result<(), Reason> {
    if ctx.catalog.characters.is_reserved(name) {
        return Err(Reason::NameReserved);
    }
    if standing.is_name_taken { Err(Reason::NameTaken) } else { Ok(()) }
}

/// Sets what is unset; the value it has already is no change. Says whether it was set.
fn set_once(field: &mut Option<Box<str>>, value: &str) -> Result<bool, Reason> {
    match field {
        None => {
            *field = Some(value.into());
            Ok(true)
        }
        Some(set) if **set == *value => Ok(false),
        Some(_) => Err(Reason::AlreadySet),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
