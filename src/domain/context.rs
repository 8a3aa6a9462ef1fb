//! What a step may know besides its state and its input.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::catalog::Catalog;

/// The source of chance. The engine brings a random one, tests a scripted one.
pub trait Dice {
    /// A draw from 0..=99.
    fn percent(&mut self) -> u8;
}

/// Rules an operator can set (`pets.*` and `characters.*` in the configuration).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Time between two hunger ticks of an online character, counted from its login.
    pub hunger_interval: Duration,
    /// Pets one character may have out at once, 1..=3.
    pub max_spawned: u8,
    /// Whether a failed trick awards the skill's increase too.
    pub closeness_on_failed_command: bool,
    /// Slots of a user, numbered from 1.
    pub max_characters: u8,
    /// How long a deleted character can be restored.
    pub restore_window: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            hunger_interval: Duration::from_secs(180),
            max_spawned: 3,
            closeness_on_failed_command: true,
            max_characters: 5,
            restore_window: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// Everything a step may look at. `now` is the instant the round was opened: it becomes
/// the `timestamp` of what is decided.
pub struct Context<'a> {
    pub now: DateTime<Utc>,
    pub dice: &'a mut dyn Dice,
    pub catalog: &'a Catalog,
    pub rules: &'a Rules,
}
