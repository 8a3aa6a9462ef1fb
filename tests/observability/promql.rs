//! What a PromQL expression speaks of, and which labels its result has.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::label::MatchOp;
use promql_parser::parser::token::TokenType;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    self, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality, VectorSelector,
};

use crate::families::{Families, family_of};

pub type Labels = BTreeSet<String>;

/// What every target of `config/prometheus/prometheus.yaml` has.
const TARGET: [&str; 3] = ["job", "shard", "instance"];

/// The series there are, and their labels.
pub struct Vocabulary {
    families: Families,
    /// Labels of what rules record.
    recorded: BTreeMap<String, Labels>,
    /// Recorded names are taken as they come.
    trusts_records: bool,
}

/// What was read of one expression.
#[derive(Default, Debug)]
pub struct Reading {
    pub labels: Labels,
    pub families: BTreeSet<String>,
    pub problems: Vec<String>,
}

impl Vocabulary {
    pub fn new(families: Families) -> Self {
        Self { families, recorded: BTreeMap::new(), trusts_records: false }
    }

    /// For whoever only asks which families are named.
    pub fn with_records_unread(families: Families) -> Self {
        Self { trusts_records: true, ..Self::new(families) }
    }

    /// A rule records `name` with these labels.
    pub fn record(&mut self, name: &str, labels: Labels) {
        self.recorded.insert(name.to_owned(), labels);
    }

    pub fn read(&self, expression: &str) -> Reading {
        let mut reader = Reader { vocabulary: self, reading: Reading::default() };
        match parser::parse(expression) {
            Ok(parsed) => reader.reading.labels = reader.labels(&parsed),
            Err(error) => reader.problem(format!("is no PromQL: {error}")),
        }
        let mut reading = reader.reading;
        reading.problems.iter_mut().for_each(|problem| *problem += &format!(" in: {expression}"));
        reading
    }
}

struct Reader<'a> {
    vocabulary: &'a Vocabulary,
    reading: Reading,
}

impl Reader<'_> {
    fn problem(&mut self, problem: String) {
        self.reading.problems.push(problem);
    }

    fn labels(&mut self, expression: &Expr) -> Labels {
        match expression {
            Expr::Aggregate(aggregate) => {
                let inner = self.labels(&aggregate.expr);
                match &aggregate.modifier {
                    None => Labels::new(),
                    Some(LabelModifier::Include(by)) => self.wanted(&by.labels, &inner),
                    Some(LabelModifier::Exclude(without)) => {
                        let gone = self.wanted(&without.labels, &inner);
                        &inner - &gone
                    }
                }
            }
            Expr::Unary(unary) => self.labels(&unary.expr),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Paren(paren) => self.labels(&paren.expr),
            Expr::Subquery(subquery) => self.labels(&subquery.expr),
            Expr::VectorSelector(selector) => self.selected(selector),
            Expr::MatrixSelector(selector) => self.selected(&selector.vs),
            Expr::Call(call) => self.call(call),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Labels::new(),
        }
    }

    /// These labels, each of which has to be among those there are.
    fn wanted(&mut self, wanted: &[String], there: &Labels) -> Labels {
        for label in wanted.iter().filter(|label| !there.contains(*label)) {
            self.problem(format!("no label `{label}` among {there:?}"));
        }
        set(wanted)
    }

    fn call(&mut self, call: &Call) -> Labels {
        let mut labels = Labels::new();
        for argument in &call.args.args {
            labels.append(&mut self.labels(argument));
        }
        match call.func.name {
            "histogram_quantile" => {
                self.wanted(&["le".to_owned()], &labels);
                labels.remove("le");
                labels
            }
            "vector" | "time" | "scalar" => Labels::new(),
            _ => labels,
        }
    }

    fn binary(&mut self, binary: &BinaryExpr) -> Labels {
        let (left, right) = (self.labels(&binary.lhs), self.labels(&binary.rhs));
        let is_scalar = |side: &Expr| side.value_type() == ValueType::Scalar;
        if is_scalar(&binary.lhs) {
            return right;
        }
        if is_scalar(&binary.rhs) {
            return left;
        }
        let matching = binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref());
        let matched = match matching {
            Some(LabelModifier::Include(on)) => {
                self.wanted(&on.labels, &left);
                self.wanted(&on.labels, &right)
            }
            Some(LabelModifier::Exclude(ignoring)) => &left - &set(&ignoring.labels),
            None => {
                if left != right && !is_or(binary.op) {
                    self.problem(format!("{left:?} never match {right:?}"));
                }
                left.clone()
            }
        };
        if is_or(binary.op) {
            return &left | &right;
        }
        if binary.op.is_set_operator() {
            return left;
        }
        match binary.modifier.as_ref().map(|modifier| &modifier.card) {
            Some(VectorMatchCardinality::ManyToOne(more)) => &left | &set(&more.labels),
            Some(VectorMatchCardinality::OneToMany(more)) => &right | &set(&more.labels),
            _ => matched,
        }
    }

    fn selected(&mut self, selector: &VectorSelector) -> Labels {
        let name = selector.name.clone().unwrap_or_default();
        let labels = self.series(&name);
        for matcher in &selector.matchers.matchers {
            self.wanted(std::slice::from_ref(&matcher.name), &labels);
            let family = self.vocabulary.families.get(&name);
            let values = family.and_then(|family| family.values(&matcher.name));
            if let (MatchOp::Equal, Some(values)) = (&matcher.op, values)
                && !values.contains(&matcher.value)
            {
                let (label, value) = (&matcher.name, &matcher.value);
                self.problem(format!("`{label}` is never `{value}`, but one of {values:?}"));
            }
        }
        labels
    }

    fn series(&mut self, name: &str) -> Labels {
        let target = || TARGET.map(str::to_owned).into_iter();
        if name == "up" {
            return target().collect();
        }
        if let Some(labels) = self.vocabulary.recorded.get(name) {
            return labels.clone();
        }
        if self.vocabulary.trusts_records && name.contains(':') {
            return Labels::new();
        }
        let families = &self.vocabulary.families;
        let is_histogram = |name: &str| families.get(name).map(|it| it.kind == "histogram");
        let (family, le) = match is_histogram(name) {
            Some(false) => (name, None),
            None if is_histogram(family_of(name)) == Some(true) => {
                (family_of(name), name.ends_with("_bucket").then(|| "le".to_owned()))
            }
            Some(true) | None => {
                self.problem(format!("no metric `{name}`"));
                return target().collect();
            }
        };
        self.reading.families.insert(family.to_owned());
        families[family].labels.iter().cloned().chain(target()).chain(le).collect()
    }
}

fn set(labels: &[String]) -> Labels {
    labels.iter().cloned().collect()
}

fn is_or(operator: TokenType) -> bool {
    operator.to_string() == "or"
}
