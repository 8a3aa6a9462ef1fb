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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_point_of_closeness_is_the_second_level() {
        assert_eq!(after_award(1, 0), 1);
        assert_eq!(after_award(1, 1), 2);
    }

    #[test]
    fn one_award_may_give_several_levels() {
        assert_eq!(after_award(1, 6), 4);
    }

    #[test]
    fn every_threshold_is_reached_exactly_and_not_before() {
        for (level, &threshold) in (1..).zip(&THRESHOLDS) {
            assert_eq!(after_award(level, threshold - 1), level);
            assert!(after_award(level, threshold) > level);
        }
    }

    #[test]
    fn the_highest_level_needs_all_the_closeness_there_is() {
        assert_eq!(after_award(1, 29_999), 29);
        assert_eq!(after_award(1, 30_000), 30);
        assert_eq!(after_award(30, 30_000), 30);
    }

    #[test]
    fn a_level_awarded_ahead_of_closeness_is_kept() {
        assert_eq!(after_award(20, 6), 20);
    }
}
