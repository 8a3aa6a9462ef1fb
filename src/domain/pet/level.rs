//! Levels and the closeness they need.

use super::MAX_LEVEL;

/// `THRESHOLDS[level - 1]` is the closeness at which a pet of that level rises
/// (`spec/rules.md` section 1).
const THRESHOLDS: [u16; MAX_LEVEL as usize - 1] = [
    1, 3, 6, 14, 31, 60, 108, 181, 287, 434, 632, 891, 1224, 1642, 2161, 2793, 3557, 4467, 5542,
    6801, 8263, 9950, 11882, 14084, 16578, 19391, 22547, 26074, 30000,
];

/// The level a pet of `level` (1..=30) has once it has `closeness`; never lower than before.
pub fn after_award(mut level: u8, closeness: u16) -> u8 {
    while level < MAX_LEVEL && closeness >= THRESHOLDS[usize::from(level.max(1)) - 1] {
        level += 1;
    }
    level
}
