//! Bounds of single values.

use super::*;
use crate::config::check::MAY_BE_NOTHING;

#[test]
fn integers_stay_in_the_range_of_the_schema() {
    for (key, value, reason) in [
        ("pets.max_spawned", "0", "0 is not in 1..=3"),
        ("pets.max_spawned", "4", "4 is not in 1..=3"),
        ("engine.max_round", "0", "0 is not in 1..=65536"),
        ("outbox.max_rows", "0", "0 is less than 1"),
        ("database.max_connections", "1", "1 is less than 2"),
        ("nats.replicas", "6", "6 is not in 1..=5"),
        ("engine.arbiters", "-1", "expected usize"),
    ] {
        assert_says(&problem_of_flag(key, value), &[&format!("`{key}`"), reason]);
    }
}

#[test]
fn no_duration_is_nothing_but_where_it_says_so() {
    for key in KEYS.iter().filter(|key| key.is_duration) {
        if MAY_BE_NOTHING.contains(&&*key.path) {
            load("", &[], &[(&key.path, "0s")]).unwrap();
            continue;
        }
        assert_says(&problem_of_flag(&key.path, "0s"), &[&key.path, "longer than nothing"]);
    }
}

#[test]
fn a_lease_is_at_least_a_second() {
    assert_says(&problem_of_flag("shard.lease", "999ms"), &["shard.lease", "at least 1s"]);
    let loaded = load("", &[], &[("shard.lease", "1s")]).unwrap();
    assert_eq!(loaded.config.shard.lease, Duration::from_secs(1));
}

#[test]
fn each_required_integer_is_at_least_one() {
    for key in KEYS.iter().filter(|key| key.kind == Kind::Integer) {
        if !["engine.arbiters", "log.max_repeats"].contains(&&*key.path) {
            assert_says(&problem_of_flag(&key.path, "0"), &[&key.path]);
        }
    }
}
