//! Values beside each other.

use super::*;

#[test]
fn the_listeners_do_not_share_a_port() {
    let flags = [("admin.listen", "127.0.0.1:8080")];
    assert_says(&problem("", &[], &flags), &["`admin.listen`", "http.listen"]);
    load("", &[], &[("admin.listen", "127.0.0.1:0"), ("http.listen", "127.0.0.1:0")]).unwrap();
}

#[test]
fn a_topic_has_one_meaning() {
    let problem = problem_of_flag("kafka.topics.pet_status", "COMMAND_TOPIC_PET");
    assert_says(&problem, &["`kafka.topics.pet_status`", "kafka.topics.pet_command"]);
    let problem = problem_of_flag("kafka.dead_letter_topic", "COMMAND_TOPIC_PET");
    assert_says(&problem, &["`kafka.dead_letter_topic`"]);
    assert_says(&problem_of_flag("kafka.dead_letter_topic", "a b"), &["no topic name"]);
}

#[test]
fn nats_takes_one_kind_of_credentials() {
    let both = [("nats.user", "u"), ("nats.password", "p"), ("nats.token", "t")];
    assert_says(&problem("", &[], &both), &["`nats.token`"]);
    assert_says(&problem_of_flag("nats.user", "u"), &["`nats.user`", "go together"]);
    assert_says(&problem_of_flag("nats.password", "p"), &["`nats.password`", "go together"]);
}

#[test]
fn addresses_have_a_scheme_that_is_understood() {
    let problem = problem_of_flag("database.url", "mysql://u:hunter2@db");
    assert_says(&problem, &["`database.url`", "postgres://"]);
    assert!(!problem.contains("hunter2"), "{problem}");
}

#[test]
fn a_level_is_a_level_or_directives() {
    assert_says(&problem_of_flag("log.level", "inof"), &["`log.level`", "`inof`"]);
    load("", &[], &[("log.level", "warn,menagerie::engine=debug")]).unwrap();
}
