//! Identities. Numbers of one tenant mean nothing in another, so whatever leaves
//! one tenant's context is a key: the tenant and the number.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A tenant, as the `TENANT_ID` header names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

/// A character's number within its tenant (`characterId`, `ownerId`, `actorId` on Kafka).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CharacterId(pub u32);

/// A pet's number within its tenant (`petId` on Kafka). Given by the database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PetId(pub u32);

/// The identity of a character actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct CharacterKey {
    pub tenant: TenantId,
    pub character: CharacterId,
}

/// The identity of a pet outside its owner's actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct PetKey {
    pub tenant: TenantId,
    pub pet: PetId,
}

impl CharacterKey {
    /// The UUID a character gets when it is first seen on Kafka:
    /// UUIDv5 in the tenant's namespace of `character/{number}`.
    pub fn derived_uuid(&self) -> Uuid {
        Uuid::new_v5(&self.tenant.0, format!("character/{}", self.character).as_bytes())
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CharacterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for CharacterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.character)
    }
}
