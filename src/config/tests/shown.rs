//! `config print` and `config schema`.

use super::*;

#[test]
fn print_has_each_key_with_its_source() {
    let text = load("", &[("LOG_LEVEL", "debug")], &[("pets.max_spawned", "2")]).unwrap();
    let text = text.print();
    for key in KEYS.iter().filter(|key| key.kind != Kind::Map) {
        assert!(text.contains(&key.path), "{} is missing", key.path);
    }
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap();
    assert!(line("log.level = \"debug\"").ends_with("# LOG_LEVEL"));
    assert!(line("pets.max_spawned = 2").ends_with("# --set"));
    assert!(line("characters.restore_window = \"30d\"").ends_with("# default"));
    assert!(line("# tenancy.default is not set").ends_with("# default"));
}

#[test]
fn print_shows_no_secret() {
    let env = [
        ("DATABASE_URL", "postgres://zoo:hunter2@db/zoo"),
        ("MENAGERIE_NATS__USER", "zoo"),
        ("MENAGERIE_NATS__PASSWORD", "hunter2"),
        ("MENAGERIE_KAFKA__PROPERTIES", "sasl.password=hunter2"),
    ];
    let loaded = from_env(&env);
    let text = loaded.print();
    assert_says(&text, &["postgres://zoo:***@db/zoo", "nats.password = \"***\""]);
    assert_says(&text, &["kafka.properties.\"sasl.password\" = \"***\""]);
    assert!(!text.contains("hunter2") && !format!("{loaded:?}").contains("hunter2"), "{text}");
}

#[test]
fn what_print_shows_can_be_read_back() {
    let env = [
        ("MENAGERIE_TENANCY__DEFAULT", "083839c6-c47c-42a6-9585-76492795d123/GMS/83/1"),
        ("MENAGERIE_KAFKA__PROPERTIES", "client.id=zoo"),
        ("MENAGERIE_PETS__HUNGER_INTERVAL", "1m 30s"),
    ];
    let loaded = from_env(&env);
    assert_eq!(load(&loaded.print(), &[], &[]).unwrap().config, loaded.config);
}

#[test]
fn the_schema_describes_each_key() {
    let schema = Config::schema().to_value();
    for key in KEYS.iter() {
        let node = key.path.split('.').fold(&schema, |node, name| &node["properties"][name]);
        assert!(node["description"].is_string(), "{} is not described", key.path);
        assert!(node.get("default").is_some(), "{} has no default", key.path);
    }
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["kafka"]["additionalProperties"], false);
}
