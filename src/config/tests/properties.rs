//! librdkafka properties.

use super::*;

fn properties(loaded: &Loaded) -> Vec<(&str, &str)> {
    loaded.config.kafka.properties.iter().collect()
}

const TWO: [(&str, &str); 2] = [("fetch.wait.max.ms", "5"), ("security.protocol", "SASL_SSL")];

#[test]
fn they_need_no_quotes_in_the_file() {
    let text = "[kafka.properties]\nfetch.wait.max.ms = 5\n'security.protocol' = 'SASL_SSL'";
    let loaded = load(text, &[], &[]).unwrap();
    assert_eq!(properties(&loaded), TWO);
    let origin = &loaded.origins["kafka.properties.security.protocol"];
    assert!(matches!(origin, Origin::File { line: 3, .. }), "{origin}");
}

#[test]
fn a_variable_is_a_list_or_an_inline_table() {
    for text in [
        "fetch.wait.max.ms=5, security.protocol=SASL_SSL",
        "{ fetch.wait.max.ms = 5, 'security.protocol' = 'SASL_SSL' }",
    ] {
        let loaded = from_env(&[("MENAGERIE_KAFKA__PROPERTIES", text)]);
        assert_eq!(properties(&loaded), TWO, "{text}");
    }
}

#[test]
fn they_are_merged_one_by_one() {
    let text = "[kafka.properties]\n'fetch.wait.max.ms' = 1\n'client.id' = 'file'";
    let env = [("MENAGERIE_KAFKA__PROPERTIES", "client.id=env")];
    let flags = [("kafka.properties.linger.ms", "1")];
    let loaded = load(text, &env, &flags).unwrap();
    let merged = [("client.id", "env"), ("fetch.wait.max.ms", "1"), ("linger.ms", "1")];
    assert_eq!(properties(&loaded), merged);
}

#[test]
fn those_that_a_promise_rests_on_are_refused() {
    for name in ["enable.idempotence", "acks", "group.id", "enable.auto.commit"] {
        let key = format!("kafka.properties.{name}");
        assert_says(&problem_of_flag(&key, "x"), &[&key, "--set", "not for you to set"]);
    }
}

#[test]
fn a_list_that_is_none_is_refused_without_quoting_it() {
    let problem = problem("", &[("MENAGERIE_KAFKA__PROPERTIES", "hunter2")], &[]);
    assert_says(&problem, &["`kafka.properties`", "MENAGERIE_KAFKA__PROPERTIES"]);
    assert!(!problem.contains("hunter2"), "{problem}");
}
