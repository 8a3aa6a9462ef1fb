//! What the game servers report about the character (`spec/rules.md` section 2).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Owner, clock};
use crate::domain::character::{
    Body, Character, Name, Place, Profile, Session, Status, StatusChange, Whereabouts,
};
use crate::domain::context::Context;
use crate::domain::effects::{Effects, Reason};
use crate::domain::ids::CharacterKey;
use crate::domain::pet;

impl Owner {
    pub(super) fn status(
        &mut self,
        status: &Status,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let world = status.world;
        match status.change {
            StatusChange::Login { channel, map, instance } => {
                self.login(status, Whereabouts { world, channel, map, instance }, ctx, out)?;
            }
            StatusChange::Logout => self.logout(status, ctx, out)?,
            StatusChange::MapChanged { channel, map, instance, target } => {
                let new = Whereabouts { world, channel, map, instance };
                self.relocate(new, target.unwrap_or_default(), "map_change", ctx, out)?;
            }
            StatusChange::ChannelChanged { channel, map, instance } => {
                let new = Whereabouts { world, channel, map, instance };
                self.relocate(new, (0, 0), "channel_change", ctx, out)?;
            }
            StatusChange::Deleted => {
                let departure = Departure { reason: "character_status", at: status.at };
                self.vanish(departure, ctx, out);
            }
        }
        Ok(())
    }

    fn login(
        &mut self,
        status: &Status,
        whereabouts: Whereabouts,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let key = self.key();
        let character = self.character.get_or_insert_with(|| Character::provisioned(key, ctx.now));
        if character.is_deleted() {
            return Err(Reason::Deleted);
        }
        let place = Place::on_map(whereabouts.world, whereabouts.map, (0, 0));
        let arrival = Arrival {
            session: status.transaction,
            whereabouts: Some(whereabouts),
            world: place.world.clone(),
            zone: place.zone.clone(),
            at: status.at,
        };
        character.begin_session(arrival, ctx, out);
        character.place = Some(place);
        self.clear_positions();
        self.change();
        Ok(())
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
        self.change();
        Ok(())
    }

    fn relocate(
        &mut self,
        whereabouts: Whereabouts,
        at: (i16, i16),
        movement: &str,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) -> Result<(), Reason> {
        let character = self.online()?;
        let session = character.session.as_mut().ok_or(Reason::NotOnline)?;
        session.whereabouts = Some(whereabouts);
        let new = Place::on_map(whereabouts.world, whereabouts.map, at);
        let previous = character.place.replace(new.clone());
        let moved = Body::PositionUpdated { previous, new, movement: movement.into() };
        character.publish(moved, ctx.now, out);
        self.clear_positions();
        self.change();
        Ok(())
    }

    /// Everything goes, without despawning first. Published also of a character never seen.
    pub(super) fn vanish(
        &mut self,
        departure: Departure<'_>,
        ctx: &Context<'_>,
        out: &mut Effects,
    ) {
        let key = self.key();
        let known = self.character.take();
        out.removed.extend(known.as_ref().map(|character| character.uuid));
        let mut character = known.unwrap_or_else(|| Character::provisioned(key, ctx.now));
        character.end_session("deleted", departure.at, ctx.now, out);
        let deleted = Body::Deleted {
            name: character.name.text.clone(),
            reason: departure.reason.into(),
            soft: false,
        };
        character.publish(deleted, ctx.now, out);
        self.is_changed = true;
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

    /// Notes that the character is not what it was: a new version of it is to be written.
    pub(super) fn change(&mut self) {
        if let Some(character) = &mut self.character {
            character.version += 1;
            self.is_changed = true;
        }
    }

    pub(super) fn online(&mut self) -> Result<&mut Character, Reason> {
        self.character
            .as_mut()
            .filter(|character| character.session.is_some())
            .ok_or(Reason::NotOnline)
    }
}

/// How somebody comes online.
pub(super) struct Arrival {
    pub(super) session: Uuid,
    pub(super) whereabouts: Option<Whereabouts>,
    pub(super) world: Box<str>,
    pub(super) zone: Box<str>,
    pub(super) at: DateTime<Utc>,
}

/// How somebody goes for good.
pub(super) struct Departure<'a> {
    pub(super) reason: &'a str,
    pub(super) at: DateTime<Utc>,
}

impl Character {
    /// A character nobody has created here: first seen on Kafka.
    fn provisioned(key: CharacterKey, now: DateTime<Utc>) -> Self {
        Self {
            uuid: key.derived_uuid(),
            user: Uuid::nil(),
            name: Name::provisional(key.character.0),
            session: None,
            place: None,
            event_seq: 0,
            version: 0,
            profile: Profile::unset(now),
        }
    }

    /// Begins a session, and ends the one before, if there is one.
    pub(super) fn begin_session(&mut self, arrival: Arrival, ctx: &Context<'_>, out: &mut Effects) {
        let Arrival { session, whereabouts, world, zone, at } = arrival;
        self.end_session("replaced", at, ctx.now, out);
        let name = self.name.text.clone();
        self.session = Some(Session {
            id: session,
            whereabouts,
            since: at,
            next_hunger: clock::first_hunger(at, ctx.rules.hunger_interval),
        });
        self.profile.last_played_at = Some(at);
        self.publish(Body::Online { name, session, world, zone }, ctx.now, out);
    }

    /// Ends the session, if there is one. Its duration is between the two records; a record
    /// from before the login makes it zero.
    pub(super) fn end_session(
        &mut self,
        reason: &str,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
        out: &mut Effects,
    ) {
        let Some(session) = self.session.take() else { return };
        let online = (at - session.since).to_std().unwrap_or_default();
        let millis = u64::try_from(online.as_millis()).unwrap_or(u64::MAX);
        self.profile.play_time_ms = self.profile.play_time_ms.saturating_add(millis);
        self.profile.last_played_at = Some(at.max(session.since));
        let offline = Body::Offline {
            name: self.name.text.clone(),
            session: session.id,
            online_nanos: u64::try_from(online.as_nanos()).unwrap_or(u64::MAX),
            reason: reason.into(),
        };
        self.publish(offline, now, out);
    }
}

#[cfg(test)]
mod tests;
