//! Which of several sources counts.

use super::*;

#[test]
fn without_sources_each_key_has_its_default() {
    let loaded = Config::load(Sources::default()).unwrap();
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.origins.values().all(|origin| *origin == Origin::Default));
}

#[test]
fn the_file_beats_the_default() {
    let loaded = load("# a zoo\n[kafka]\ngroup = 'zoo'", &[], &[]).unwrap();
    assert_eq!(loaded.config.kafka.group, "zoo");
    assert!(matches!(&loaded.origins["kafka.group"], Origin::File { line: 3, .. }));
    assert_eq!(loaded.origins["kafka.topics.pet_command"], Origin::Default);
}

#[test]
fn the_environment_beats_the_file() {
    let env = [("MENAGERIE_KAFKA__GROUP", "env")];
    let loaded = load("kafka.group = 'file'", &env, &[]).unwrap();
    assert_eq!(loaded.config.kafka.group, "env");
    assert_eq!(loaded.origins["kafka.group"], Origin::Env("MENAGERIE_KAFKA__GROUP".into()));
}

#[test]
fn a_flag_beats_the_environment() {
    let env = [("MENAGERIE_KAFKA__GROUP", "env"), ("LOG_LEVEL", "warn")];
    let flags = [("kafka.group", "flag"), ("log.level", "debug")];
    let loaded = load("kafka.group = 'file'", &env, &flags).unwrap();
    assert_eq!(loaded.config.kafka.group, "flag");
    assert_eq!(loaded.config.log.level, "debug");
    assert_eq!(loaded.origins["kafka.group"], Origin::Flag);
}

#[test]
fn the_last_of_two_flags_counts() {
    let flags = [("kafka.group", "first"), ("kafka.group", "second")];
    assert_eq!(load("", &[], &flags).unwrap().config.kafka.group, "second");
}

#[test]
fn the_long_name_beats_the_short_one() {
    let loaded = from_env(&[("MENAGERIE_NATS__URL", "nats://a"), ("NATS_URL", "nats://b")]);
    assert_eq!(loaded.config.nats.url.expose(), "nats://a");
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let loaded = from_env(&[("TRACE_ENDPOINT", ""), ("MENAGERIE_KAFKA__GROUP", "")]);
    assert_eq!(loaded.config, Config::default());
}

#[test]
fn a_value_that_is_overridden_need_not_be_valid() {
    let loaded = load("pets.max_spawned = 9", &[], &[("pets.max_spawned", "2")]).unwrap();
    assert_eq!(loaded.config.pets.max_spawned, 2);
}

#[test]
fn what_stands_in_for_a_default_is_the_weakest() {
    let over = |env: &[(&str, &str)]| {
        let defaults = [("http.listen", "127.0.0.7:80"), ("log.level", "warn")];
        Config::load_over(&defaults, Sources { env: pairs(env), ..Sources::default() }).unwrap()
    };
    let loaded = over(&[]);
    assert_eq!(loaded.config.log.level, "warn");
    assert_eq!(loaded.origins["log.level"], Origin::Default);
    let config = over(&[("LOG_LEVEL", "debug"), ("REST_PORT", "81")]).config;
    assert_eq!(config.log.level, "debug");
    assert_eq!(config.http.listen.to_string(), "127.0.0.7:81");
}
