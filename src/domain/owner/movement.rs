//! Movement: kept in memory only, never in a round.

use uuid::Uuid;

use super::Owner;
use crate::domain::catalog::Catalog;
use crate::domain::character::Whereabouts;
use crate::domain::effects::Reason;
use crate::domain::ids::PetId;
use crate::domain::pet::Position;

/// One movement record of a pet, as far as the owner judges it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Movement {
    pub pet: PetId,
    pub world: u8,
    pub channel: u8,
    pub map: u32,
    pub instance: Uuid,
    pub x: i16,
    pub y: i16,
    pub stance: u8,
    /// The record's own foothold, if it has one.
    pub fh: Option<i16>,
}

impl Owner {
    /// Notes where a pet is now. Changes nothing that is stored.
    ///
    /// # Errors
    /// `UnknownPet`, `NotSpawned`, `NotOnline`, or `OtherMap` for a late packet from where the
    /// character no longer is. The position stays as it was.
    pub fn movement(&mut self, movement: &Movement, catalog: &Catalog) -> Result<(), Reason> {
        let index = self.index(movement.pet)?;
        if !self.pets[index].is_spawned() {
            return Err(Reason::NotSpawned);
        }
        let session = self.session().ok_or(Reason::NotOnline)?;
        let Movement { world, channel, map, instance, .. } = *movement;
        if session.whereabouts != Some(Whereabouts { world, channel, map, instance }) {
            return Err(Reason::OtherMap);
        }
        self.pets[index].position = Some(movement.position(catalog));
        Ok(())
    }
}

impl Movement {
    fn position(&self, catalog: &Catalog) -> Position {
        let fh = self
            .fh
            .or_else(|| catalog.map(self.map)?.foothold_below(self.x, self.y))
            .unwrap_or(Position::default().fh);
        Position { x: self.x, y: self.y, stance: self.stance, fh }
    }
}

#[cfg(test)]
mod tests;
