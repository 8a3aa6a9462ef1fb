//! What the game servers report about the character (`spec/rules.md` section 2).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{CharacterChange, Owner, clock};
use crate::domain::character::{Body, Character, Place, Session, Status, StatusChange};
use crate::domain::context::Context;
use crate::domain::effects::{Effects, Reason};
use crate::domain::ids::CharacterKey;
use crate::domain::pet;

/// Where a record says the character is now.
struct Location {
    channel: u8,
    map: u32,
    instance: Uuid,
}

impl Owner {
    pub(super) fn status(
        &mut self,
        status: &Status,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        match status.change {
            StatusChange::Login { channel, map, instance } => {
                self.login(status, Location { channel, map, instance }, ctx, out);
            }
            StatusChange::Logout => self.logout(status, ctx, out)?,
            StatusChange::MapChanged { channel, map, instance, target } => {
                let location = Location { channel, map, instance };
                let at = target.unwrap_or_default();
                self.relocate(status.world, location, at, "map_change", ctx, out)?;
            }
            StatusChange::ChannelChanged { channel, map, instance } => {
                let location = Location { channel, map, instance };
                self.relocate(status.world, location, (0, 0), "channel_change", ctx, out)?;
            }
            StatusChange::Deleted => self.deleted(status, ctx, out),
        }
        Ok(())
    }

    fn login(&mut self, status: &Status, location: Location, ctx: &Context<'_>, out: &mut Effects) {
        self.clear_positions();
        let key = self.key();
        let character = self.character.get_or_insert_with(|| Character::provisioned(key));
        character.end_session("replaced", status.at, ctx.now, out);
        let place = Place::on_map(status.world, location.map, (0, 0));
        let online = Body::Online {
            name: character.name.clone(),
            session: status.transaction,
            world: place.world.to_string(),
            zone: place.zone.to_string(),
        };
        character.session = Some(Session {
            id: status.transaction,
            world: status.world,
            channel: location.channel,
            map: location.map,
            instance: location.instance,
            since: status.at,
            next_hunger: clock::first_hunger(status.at, ctx.rules.hunger_interval),
        });
        character.place = Some(place);
        character.publish(online, ctx.now, out);
        self.character_change = CharacterChange::Write;
    }

    /// Slots stay: the same pets are out at the next login.
    fn logout(
        &mut self,
        status: &Status,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let character = self.online()?;
        character.end_session("logout", status.at, ctx.now, out);
        self.clear_positions();
        self.character_change = CharacterChange::Write;
        Ok(())
    }

    fn relocate(
        &mut self,
        world: u8,
        location: Location,
        at: (i16, i16),
        movement: &str,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let character = self.online()?;
        let session = character.session.as_mut().ok_or(Reason::NotOnline)?;
        session.world = world;
        session.channel = location.channel;
        session.map = location.map;
        session.instance = location.instance;
        let new = Place::on_map(world, location.map, at);
        let previous = character.place.replace(new.clone());
        let moved = Body::PositionUpdated { previous, new, movement: movement.to_owned() };
        character.publish(moved, ctx.now, out);
        self.clear_positions();
        self.character_change = CharacterChange::Write;
        Ok(())
    }

    /// Everything goes, without despawning first. Published also of a character never seen.
    fn deleted(&mut self, status: &Status, ctx: &Context<'_>, out: &mut Effects) {
        let key = self.key();
        let mut character = self.character.take().unwrap_or_else(|| Character::provisioned(key));
        character.end_session("deleted", status.at, ctx.now, out);
        let deleted = Body::Deleted {
            name: character.name.clone(),
            reason: "character_status".to_owned(),
            soft: false,
        };
        character.publish(deleted, ctx.now, out);
        self.character_change = CharacterChange::Remove;
        self.delete_all_pets(out);
    }

    /// The spawned ones first, lead first, then the others by id.
    fn delete_all_pets(&mut self, out: &mut Effects) {
        let stored = (0..self.pets.len()).filter(|&index| !self.pets[index].is_spawned());
        for index in self.all_spawned().into_iter().chain(stored) {
            self.tell(index, pet::Body::Deleted, out);
        }
        self.removed.extend(self.pets.drain(..).map(|pet| pet.id));
    }

    fn online(&mut self) -> Result<&mut Character, Reason> {
        self.character
            .as_mut()
            .filter(|character| character.session.is_some())
            .ok_or(Reason::NotOnline)
    }
}

impl Character {
    /// A character nobody has created here: first seen on Kafka.
    fn provisioned(key: CharacterKey) -> Self {
        Self {
            uuid: key.derived_uuid(),
            user: Uuid::nil(),
            name: format!("character-{}", key.character).into(),
            session: None,
            place: None,
            event_seq: 0,
        }
    }

    /// Ends the session, if there is one. Its duration is between the two records; a record
    /// from before the login makes it zero.
    fn end_session(
        &mut self,
        reason: &str,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
        out: &mut Effects,
    ) {
        let Some(session) = self.session.take() else { return };
        let online = (at - session.since).to_std().unwrap_or_default();
        let offline = Body::Offline {
            name: self.name.clone(),
            session: session.id,
            online_nanos: u64::try_from(online.as_nanos()).unwrap_or(u64::MAX),
            reason: reason.to_owned(),
        };
        self.publish(offline, now, out);
    }
}

#[cfg(test)]
mod tests;
