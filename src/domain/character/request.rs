//! What is asked of a character over HTTP and NATS (`spec/interface.md` section 4).

use std::net::IpAddr;

use uuid::Uuid;

use super::{Place, Trait};

/// A request about one character. Its form is checked; the character still decides.
#[derive(Clone, PartialEq, Debug)]
pub struct Request {
    /// The user who asks: another user's character does not exist for it. None for a service.
    pub user: Option<Uuid>,
    /// The character meant, where that is known by more than its number.
    pub uuid: Option<Uuid>,
    /// What the caller believes the version to be, one of these (`If-Match`).
    pub versions: Option<Box<[u64]>>,
    pub action: Action,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    Create(Box<Creation>, Standing),
    /// Fields still unset, and the name.
    Patch(Box<Patch>, Standing),
    Delete {
        reason: Box<str>,
    },
    Restore {
        reason: Box<str>,
        /// None: the one it had.
        slot: Option<u8>,
        /// Its user.
        user: Uuid,
        standing: Standing,
    },
    /// For good, pets and all.
    Purge,
    Select {
        session: Uuid,
        ip: Option<IpAddr>,
        /// Its user.
        user: Uuid,
        /// Those of the same user that are selected or online: they give way.
        others: Vec<crate::domain::CharacterId>,
    },
    /// Another of the same user's was selected.
    GiveWay,
    Online {
        /// None: the one it was selected for, else `fresh`.
        session: Option<Uuid>,
        fresh: Uuid,
        world: Box<str>,
        zone: Box<str>,
    },
    Offline {
        reason: Box<str>,
    },
    Move {
        place: Place,
        movement: Box<str>,
    },
    /// Points for each stat; at least one, each at least 1, no stat twice.
    Allocate(Vec<(Box<str>, u32)>),
    Experience {
        amount: u64,
    },
    Appearance {
        /// Only what is to change.
        fields: Vec<(Box<str>, Trait)>,
        reason: Box<str>,
    },
}

/// What a new character is to be.
#[derive(Clone, PartialEq, Debug)]
pub struct Creation {
    pub uuid: Uuid,
    pub user: Uuid,
    pub name: super::Name,
    pub class: Box<str>,
    pub race: Box<str>,
    pub gender: Box<str>,
    /// None: the lowest that is free.
    pub slot: Option<u8>,
    /// What differs from the catalog's defaults.
    pub appearance: Vec<(Box<str>, Trait)>,
}

/// What is to be set of a character first seen on Kafka; its name also later.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Patch {
    pub name: Option<super::Name>,
    pub class: Option<Box<str>>,
    pub race: Option<Box<str>>,
    pub gender: Option<Box<str>>,
    pub user: Option<Uuid>,
}

/// What the character cannot know by itself: how it stands among the others of its user and
/// its tenant. Looked up when its round is resolved; nobody else changes it until the round
/// is committed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Standing {
    /// Another character has the name.
    pub is_name_taken: bool,
    /// Slots of the user's other live characters.
    pub taken_slots: Vec<u8>,
}

impl Request {
    /// One that comes from the engine itself.
    pub fn internal(action: Action) -> Self {
        Self { user: None, uuid: None, versions: None, action }
    }
}

impl Action {
    /// Of whose other characters the [`Standing`] tells.
    pub fn user(&self) -> Option<Uuid> {
        let user = match self {
            Self::Create(creation, _) => creation.user,
            Self::Patch(patch, _) => patch.user?,
            Self::Restore { user, .. } | Self::Select { user, .. } => *user,
            _ => return None,
        };
        (!user.is_nil()).then_some(user)
    }

    /// The name it wants to have for itself.
    pub fn name_key(&self) -> Option<&str> {
        let name = match self {
            Self::Create(creation, _) => Some(&creation.name),
            Self::Patch(patch, _) => patch.name.as_ref(),
            _ => None,
        };
        name?.key.as_deref()
    }

    /// The command label in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create(..) => "CREATE_CHARACTER",
            Self::Patch(..) => "PATCH_CHARACTER",
            Self::Delete { .. } => "DELETE_CHARACTER",
            Self::Restore { .. } => "RESTORE_CHARACTER",
            Self::Purge => "PURGE_CHARACTER",
            Self::Select { .. } => "SELECT_CHARACTER",
            Self::GiveWay => "SWITCH_CHARACTER",
            Self::Online { .. } => "ONLINE",
            Self::Offline { .. } => "OFFLINE",
            Self::Move { .. } => "MOVE",
            Self::Allocate(_) => "ALLOCATE_STATS",
            Self::Experience { .. } => "AWARD_EXPERIENCE",
            Self::Appearance { .. } => "CHANGE_APPEARANCE",
        }
    }
}
