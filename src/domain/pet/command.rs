//! What other services order of a pet (topic `COMMAND_TOPIC_PET`).

use uuid::Uuid;

use crate::domain::ids::{CharacterId, PetId};

/// One pet command. `actor` 0 is the system, allowed for awards only.
#[derive(Clone, PartialEq, Debug)]
pub struct Command {
    /// Correlates a command with its events; nil when the sender gave none.
    pub transaction: Uuid,
    pub actor: CharacterId,
    pub pet: PetId,
    pub order: Order,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Order {
    Spawn { lead: bool },
    Despawn,
    Attempt { command: u8 },
    AwardCloseness { amount: u16 },
    AwardFullness { amount: u8 },
    AwardLevel { amount: u8 },
    Exclude { items: Box<[u32]> },
}

impl Order {
    /// Every [`name`](Self::name).
    pub const NAMES: [&str; 7] = [
        "SPAWN",
        "DESPAWN",
        "ATTEMPT_COMMAND",
        "AWARD_CLOSENESS",
        "AWARD_FULLNESS",
        "AWARD_LEVEL",
        "EXCLUDE",
    ];

    /// The command's name on the wire and in metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Spawn { .. } => "SPAWN",
            Self::Despawn => "DESPAWN",
            Self::Attempt { .. } => "ATTEMPT_COMMAND",
            Self::AwardCloseness { .. } => "AWARD_CLOSENESS",
            Self::AwardFullness { .. } => "AWARD_FULLNESS",
            Self::AwardLevel { .. } => "AWARD_LEVEL",
            Self::Exclude { .. } => "EXCLUDE",
        }
    }

    /// Whether the system (actor 0) may give this order.
    pub fn is_award(&self) -> bool {
        matches!(
            self,
            Self::AwardCloseness { .. } | Self::AwardFullness { .. } | Self::AwardLevel { .. }
        )
    }
}
