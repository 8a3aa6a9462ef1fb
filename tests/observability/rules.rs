//! The rules in `config/prometheus`, as Prometheus has read them.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::promql::Vocabulary;
use crate::tools::Prometheus;
use crate::wait::SOON;
use crate::{file, guide};

pub struct Rules(Vec<Value>);

impl Rules {
    pub async fn of(prometheus: &Prometheus) -> Self {
        let answer = prometheus.get("/api/v1/rules").await;
        let groups = answer["data"]["groups"].as_array().unwrap();
        let rules: Vec<Value> =
            groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect();
        assert!(rules.len() > 20, "{answer}");
        Self(rules)
    }

    /// Once every rule was evaluated.
    pub async fn evaluated(prometheus: &Prometheus) -> Self {
        let deadline = Instant::now() + SOON;
        loop {
            let rules = Self::of(prometheus).await;
            if rules.0.iter().all(|rule| rule["health"] != "unknown") {
                return rules;
            }
            assert!(Instant::now() < deadline, "some rules are not evaluated");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn alerts(&self) -> impl Iterator<Item = (&str, &Value)> {
        let alerts = self.0.iter().filter(|rule| rule["type"] == "alerting");
        alerts.map(|rule| (rule["name"].as_str().unwrap(), rule))
    }

    /// Teaches what is recorded; says which names in rules and annotations do not exist.
    pub fn learn(&self, vocabulary: &mut Vocabulary) -> Vec<String> {
        let mut problems = Vec::new();
        for rule in self.0.iter().filter(|rule| rule["type"] == "recording") {
            let reading = vocabulary.read(rule["query"].as_str().unwrap());
            problems.extend(reading.problems);
            vocabulary.record(rule["name"].as_str().unwrap(), reading.labels);
        }
        for (name, rule) in self.alerts() {
            let reading = vocabulary.read(rule["query"].as_str().unwrap());
            problems.extend(reading.problems);
            for text in rule["annotations"].as_object().unwrap().values() {
                for rest in text.as_str().unwrap().split("$labels.").skip(1) {
                    let label = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                    if !label.is_some_and(|label| reading.labels.contains(label)) {
                        problems.push(format!("{name}: its result has no label {label:?}"));
                    }
                }
            }
        }
        problems
    }

    /// What an alert has to have and lacks.
    pub fn flaws(&self) -> Vec<String> {
        let tests = std::fs::read_to_string(file("config/prometheus/alerts.test.yaml")).unwrap();
        let mut flaws = Vec::new();
        for (name, rule) in self.alerts() {
            let mut unless = |holds: bool, what: &str| {
                if !holds {
                    flaws.push(format!("{name}: {what}"));
                }
            };
            let severity = rule["labels"]["severity"].as_str();
            unless(matches!(severity, Some("page" | "ticket")), "severity is page or ticket");
            for annotation in ["summary", "description"] {
                let text = rule["annotations"][annotation].as_str().unwrap_or_default();
                unless(!text.is_empty(), annotation);
            }
            let url = rule["annotations"]["runbook_url"].as_str().unwrap_or_default();
            let anchor = url.split_once("/docs/operations.md#").map(|(_, anchor)| anchor);
            let exists = anchor.is_some_and(|anchor| guide::anchors().contains(anchor));
            unless(exists, "its runbook is not in docs/operations.md");
            unless(guide::text().contains(&format!("`{name}`")), "the guide does not name it");
            let cases = tests.split("alertname: ").skip(1);
            let cases = cases.filter(|case| case.split_whitespace().next() == Some(name));
            let (quiet, loud): (Vec<&str>, Vec<&str>) =
                cases.partition(|case| case.contains("exp_alerts: []"));
            unless(!loud.is_empty(), "no test has it firing");
            unless(!quiet.is_empty(), "no test has it quiet");
        }
        flaws
    }

    /// Rules that Prometheus could not evaluate, and why.
    pub fn failing(&self) -> Vec<String> {
        let bad = self.0.iter().filter(|rule| rule["health"] == "err");
        bad.map(|rule| format!("{}: {}", rule["name"], rule["lastError"])).collect()
    }

    /// The names of the alerts that fire or are about to. A slow machine is not looked at.
    pub fn firing(&self) -> Vec<String> {
        let firing = self
            .alerts()
            .filter(|(name, rule)| rule["state"] != "inactive" && *name != "MenagerieCommitSlow");
        firing.map(|(name, _)| name.to_owned()).collect()
    }
}
