//! Dashboards, rules, alerts and the operations guide against the metrics that the code registers
//! and a running process shows. Prometheus itself reads the rules and evaluates every expression.

#![allow(clippy::unwrap_used)]

#[path = "observability/boards.rs"]
mod boards;
#[path = "observability/families.rs"]
mod families;
#[path = "observability/guide.rs"]
mod guide;
#[path = "support/ports.rs"]
mod ports;
#[path = "observability/promql.rs"]
mod promql;
#[path = "observability/rules.rs"]
mod rules;
#[path = "observability/tools.rs"]
mod tools;
#[path = "support/wait.rs"]
mod wait;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use self::families::Family;
use self::promql::Vocabulary;
use self::rules::Rules;
use self::tools::{Demo, Prometheus, promtool};

/// A file of this repository.
fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[track_caller]
fn assert_none(problems: &[String], what: &str) {
    assert!(problems.is_empty(), "{what}:\n  {}", problems.join("\n  "));
}

#[tokio::test]
async fn every_expression_names_metrics_and_labels_that_exist() {
    let mut vocabulary = Vocabulary::new(families::registered());
    let rules = Rules::of(&Prometheus::start(None).await).await;
    let mut problems = rules.learn(&mut vocabulary);
    problems.extend(boards::all().iter().flat_map(|board| board.misnamed(&vocabulary)));
    assert_none(&problems, "misnamed");
}

#[test]
fn a_mistyped_name_is_found() {
    let vocabulary = Vocabulary::new(families::registered());
    let found = |expression| vocabulary.read(expression).problems;
    assert_none(&found("sum by (sink) (rate(menagerie_events_published_total[5m]))"), "sound");
    for wrong in [
        "menagerie_round_input_count",
        "sum by (sinks) (menagerie_outbox_pending)",
        "menagerie_outbox_pending{sort=\"kafka\"}",
        "menagerie_actors{actor=\"comitter\"}",
        "histogram_quantile(0.9, sum by (sink) (rate(menagerie_event_latency_seconds_bucket[5m])))",
        "menagerie_outbox_pending / menagerie_drain_phase",
        "menagerie_outbox_pending and on (sink) menagerie_drain_phase",
        "rate(menagerie_event_latency_seconds[5m])",
    ] {
        assert_eq!(found(wrong).len(), 1, "{wrong}: {:?}", found(wrong));
    }
}

#[test]
fn every_metric_is_on_a_dashboard() {
    let vocabulary = Vocabulary::with_records_unread(families::registered());
    let mut shown = BTreeSet::new();
    for expression in boards::all().iter().flat_map(boards::Board::expressions) {
        shown.extend(vocabulary.read(&expression).families);
    }
    // Through rules.yaml, under the recorded name.
    shown.insert("menagerie_dead_letters_total".to_owned());
    let families = families::registered();
    let missing = families.keys().filter(|name| name.starts_with("menagerie_"));
    let missing: Vec<String> = missing.filter(|name| !shown.contains(*name)).cloned().collect();
    assert_none(&missing, "on no dashboard");
}

#[test]
fn every_panel_has_a_place_a_unit_and_says_what_to_do() {
    let problems: Vec<String> = boards::all().iter().flat_map(boards::Board::flaws).collect();
    assert_none(&problems, "panels");
}

#[test]
fn promtool_accepts_the_rules_their_tests_and_the_configuration() {
    let folder = file("config/prometheus");
    for arguments in [
        &["check", "config", "prometheus.yaml"][..],
        &["check", "rules", "rules.yaml", "alerts.yaml"],
        &["test", "rules", "alerts.test.yaml"],
    ] {
        promtool(&folder, arguments, "");
    }
}

#[tokio::test]
async fn every_alert_is_tested_and_says_how_bad_it_is_and_what_to_do() {
    let rules = Rules::of(&Prometheus::start(None).await).await;
    assert_none(&rules.flaws(), "alerts");
}

#[test]
fn the_links_of_the_guide_lead_somewhere() {
    let mut problems = guide::dead_links();
    for anchor in boards::all().iter().flat_map(boards::Board::anchors) {
        if !guide::anchors().contains(&anchor) {
            problems.push(format!("a dashboard: #{anchor}"));
        }
    }
    assert_none(&problems, "links");
}

#[test]
fn the_guide_lists_every_metric_alert_and_exit_code() {
    guide::assert_lists_metrics(&families::registered());
    guide::assert_lists_exit_codes();
}

#[test]
fn no_metric_is_made_that_these_tests_do_not_see() {
    let registered = families::registered();
    let unseen: Vec<String> =
        families::in_source().into_iter().filter(|name| !registered.contains_key(name)).collect();
    assert_none(&unseen, "add it to families::registered");
}

#[tokio::test]
async fn a_process_shows_what_the_code_registers_with_good_names_and_help() {
    let demo = Demo::start();
    let text = demo.metrics().await;
    promtool(&file("."), &["check", "metrics"], &text);
    let registered = families::registered();
    let shown = families::parse(&text);
    assert!(shown.contains_key("menagerie_commit_duration_seconds"), "{text}");
    for (name, family) in &shown {
        let Family { kind, help, .. } = family;
        assert!(!help.is_empty(), "{name} has no help");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert_eq!(registered.get(name), Some(family), "{name}");
    }
    // What has no labels is there from the start.
    for (name, _) in registered.iter().filter(|(_, family)| family.labels.is_empty()) {
        assert!(shown.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_sound_process_raises_no_alert_and_a_dead_letter_raises_its_own() {
    let demo = Demo::start();
    let prometheus = Prometheus::start(Some(&demo.admin)).await;
    prometheus.until("the process is scraped", "menagerie_build_info", |found| found == 1).await;
    let rules = Rules::evaluated(&prometheus).await;
    assert_none(&rules.failing(), "rules Prometheus cannot evaluate");
    assert_eq!(rules.firing(), Vec::<String>::new());

    demo.send("COMMAND_TOPIC_PET", b"no command");
    prometheus
        .until("its alert", "ALERTS{alertname=\"MenagerieDeadLetters\"}", |found| found == 1)
        .await;
    let rules = Rules::of(&prometheus).await;
    assert_none(&rules.failing(), "rules Prometheus cannot evaluate");
    assert_eq!(rules.firing(), ["MenagerieDeadLetters"]);

    for board in boards::all() {
        for expression in board.expressions() {
            let found = prometheus.query(&expression).await;
            assert!(found.is_ok(), "{}: {expression}: {found:?}", board.name);
        }
        for expression in board.always_there() {
            let found = prometheus.query(&expression).await;
            assert_ne!(found, Ok(0), "{}: {expression}", board.name);
        }
    }
}
