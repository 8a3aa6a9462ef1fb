//! What a problem says.

use super::*;

#[test]
fn an_unknown_key_of_the_file_is_named_with_its_line_and_the_nearest_key() {
    let problem = problem("[kafka]\n\ngruop = 'zoo'", &[], &[]);
    assert_says(&problem, &["unknown key `kafka.gruop`", ":3)", "`kafka.group`"]);
}

#[test]
fn an_unknown_key_of_a_flag_is_named_with_the_nearest_key() {
    let cases = [
        ("kafka.gruop", "kafka.group"),
        ("kafak.group", "kafka.group"),
        ("group", "kafka.group"),
        ("grace", "shutdown.grace"),
        ("kafka.pet_command", "kafka.topics.pet_command"),
        ("kafka", "kafka.group"),
    ];
    for (key, nearest) in cases {
        let problem = problem_of_flag(key, "x");
        assert_says(&problem, &[&format!("unknown key `{key}` (--set)"), "nearest"]);
        let section = nearest.split('.').next().unwrap();
        let expected = if key == "kafka" { section } else { nearest };
        assert_says(&problem, &[&format!("key is `{expected}")]);
    }
}

#[test]
fn an_unknown_section_is_refused_even_when_it_is_empty() {
    assert_says(&problem("[zoo]", &[], &[]), &["unknown key `zoo`"]);
    assert_eq!(load("[kafka]", &[], &[]).unwrap().config, Config::default());
}

#[test]
fn a_value_of_the_wrong_form_is_named_with_its_source() {
    let cases = [
        ("pets.hunger_interval", "soon", "`soon` is not a duration"),
        ("pets.max_spawned", "many", "expected u8"),
        ("allow_anonymous", "perhaps", "expected a boolean"),
        ("http.listen", "localhost", "socket address"),
        ("log.format", "xml", "unknown variant `xml`"),
        ("tenancy.default", "GMS", "neither `uuid` nor"),
        ("kafka.group", "", "must not be empty"),
        ("trace.endpoint", "otel", "neither `host:port` nor"),
        ("trace.endpoint", "otel:http", "neither `host:port` nor"),
        ("trace.endpoint", "grpc://otel:4317", "neither `host:port` nor"),
        ("trace.endpoint", ":4317", "neither `host:port` nor"),
        ("trace.endpoint", "http://", "neither `host:port` nor"),
        ("trace.sample_ratio", "1.5", "from 0 to 1"),
        ("trace.sample_ratio", "some", "from 0 to 1"),
        ("trace.headers", "Bearer x", "not `name=value`"),
    ];
    for (key, value, reason) in cases {
        assert_says(&problem_of_flag(key, value), &[&format!("`{key}` (--set)"), reason]);
    }
}

#[test]
fn a_table_in_place_of_a_value_is_refused() {
    assert_says(&problem("kafka.group.name = 'zoo'", &[], &[]), &["`kafka.group`", ":1)"]);
}

#[test]
fn all_problems_are_reported_at_once() {
    let text = "[pets]\nmax_spawned = 4\nmax_spawn = 4";
    let env = [("MENAGERIE_SHARD__LEASE", "0s")];
    let problems = load(text, &env, &[("log.level", "inof")]).unwrap_err().problems;
    let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(problems.len(), 4, "{text}");
    assert_says(&text, &["pets.max_spawned`", "pets.max_spawn`", "shard.lease", "log.level"]);
}

#[test]
fn a_file_that_is_not_toml_is_named_with_the_line() {
    let problem = problem("[kafka]\ngroup = \npassword = \"hunter2\"", &[], &[]);
    assert_says(&problem, &[":2: "]);
    assert!(!problem.contains("hunter2"), "{problem}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let sources = Sources { file: Some("/nowhere/zoo.toml".into()), ..Sources::default() };
    let error = Config::load(sources).unwrap_err().to_string();
    assert_says(&error, &["/nowhere/zoo.toml", "--config"]);
}

#[test]
fn a_secret_of_the_wrong_form_is_not_quoted() {
    let problem = problem("nats.password = 31415926", &[], &[]);
    assert_says(&problem, &["`nats.password`", "is not text"]);
    assert!(!problem.contains("31415926"), "{problem}");
}
