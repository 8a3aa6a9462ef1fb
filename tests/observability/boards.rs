//! The dashboards in `config/grafana/dashboards`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::file;
use crate::promql::Vocabulary;

/// What Grafana puts in place of its own variables, as far as PromQL is concerned.
const VARIABLES: [(&str, &str); 5] = [
    ("$__rate_interval", "5s"),
    ("$__interval", "5s"),
    ("$job", ".*"),
    ("$shard", ".*"),
    ("$instance", ".*"),
];

pub struct Board {
    pub name: String,
    json: Value,
}

pub fn all() -> Vec<Board> {
    let folder = file("config/grafana/dashboards");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let boards: Vec<Board> = paths
        .iter()
        .map(|path| Board {
            name: path.file_name().unwrap().to_string_lossy().into_owned(),
            json: serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(),
        })
        .collect();
    assert!(boards.len() > 1);
    boards
}

fn array<'a>(json: &'a Value, pointer: &str) -> &'a [Value] {
    json.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn with_values(expression: &str) -> String {
    VARIABLES.iter().fold(expression.to_owned(), |text, (name, value)| text.replace(name, value))
}

impl Board {
    fn panels(&self) -> &[Value] {
        array(&self.json, "/panels")
    }

    fn graphs(&self) -> impl Iterator<Item = &Value> {
        self.panels().iter().filter(|panel| text(panel, "/type") != "row")
    }

    /// Every expression of panels, annotations and variables.
    pub fn expressions(&self) -> Vec<String> {
        let targets = self.graphs().flat_map(|panel| array(panel, "/targets"));
        let annotations = array(&self.json, "/annotations/list").iter();
        let variables = self.variables().map(|(expression, _)| expression);
        let all = targets.chain(annotations).filter_map(|json| json.get("expr")?.as_str());
        all.chain(variables).map(with_values).collect()
    }

    /// `label_values(EXPRESSION, LABEL)` of each variable that asks Prometheus.
    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        array(&self.json, "/templating/list")
            .iter()
            .filter(|variable| text(variable, "/type") == "query")
            .map(|variable| {
                let query = text(variable, "/query/query");
                let inner = query.strip_prefix("label_values(").and_then(|q| q.strip_suffix(')'));
                inner.and_then(|inner| inner.rsplit_once(", ")).unwrap()
            })
    }

    /// Expressions of the panels of the first row, which have something to show at all times.
    pub fn always_there(&self) -> Vec<String> {
        let first = self.panels().iter().skip(1).take_while(|panel| text(panel, "/type") == "stat");
        let targets = first.flat_map(|panel| array(panel, "/targets"));
        targets.map(|target| with_values(text(target, "/expr"))).collect()
    }

    /// Names in expressions and legends that do not exist.
    pub fn misnamed(&self, vocabulary: &Vocabulary) -> Vec<String> {
        let mut problems = Vec::new();
        for expression in self.expressions() {
            problems.extend(vocabulary.read(&expression).problems);
        }
        for target in self.graphs().flat_map(|panel| array(panel, "/targets")) {
            let labels = vocabulary.read(&with_values(text(target, "/expr"))).labels;
            let legend = text(target, "/legendFormat");
            let unknown = legend.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
            let unknown = unknown.filter(|label| !labels.contains(label.trim()));
            problems.extend(unknown.map(|label| format!("legend `{legend}`: no label `{label}`")));
        }
        for (expression, label) in self.variables() {
            if !vocabulary.read(&with_values(expression)).labels.contains(label) {
                problems.push(format!("variable: no label `{label}` in {expression}"));
            }
        }
        problems.iter().map(|problem| format!("{}: {problem}", self.name)).collect()
    }

    /// Anchors of the operations guide that panels point to.
    pub fn anchors(&self) -> Vec<String> {
        let texts = self.graphs().map(|panel| text(panel, "/description"));
        let links = texts.flat_map(|text| text.split("(${runbook}#").skip(1));
        links.filter_map(|rest| Some(rest.split(')').next()?.to_owned())).collect()
    }

    /// What is wrong with the panels by themselves.
    pub fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in self.panels() {
            let mut flaw = |what: &str| {
                flaws.push(format!("{}: `{}` {what}", self.name, text(panel, "/title")));
            };
            if !panel["id"].as_u64().is_some_and(|id| ids.insert(id)) {
                flaw("has no id of its own");
            }
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64());
            let (Some(x), Some(y), Some(w), Some(h)) = (x, y, w, h) else {
                flaw("has no place");
                continue;
            };
            if w == 0 || h == 0 || x + w > 24 {
                flaw("does not fit the 24 columns");
            }
            let cells = (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y)));
            let num_taken = cells.filter(|cell| !taken.insert(*cell)).count();
            if num_taken > 0 {
                flaw("lies over another");
            }
            if text(panel, "/type") == "row" {
                continue;
            }
            if text(panel, "/fieldConfig/defaults/unit").is_empty() {
                flaw("has no unit");
            }
            if !text(panel, "/description").contains("[What to do](${runbook}#") {
                flaw("does not say what to do");
            }
            if array(panel, "/targets").is_empty() {
                flaw("shows nothing");
            }
            let mut sources = array(panel, "/targets").iter().chain([panel]);
            if sources.any(|it| text(it, "/datasource/uid") != "${datasource}") {
                flaw("is bound to one data source");
            }
        }
        for key in ["/uid", "/title", "/description"] {
            if text(&self.json, key).is_empty() {
                flaws.push(format!("{}: no {key}", self.name));
            }
        }
        flaws
    }
}
