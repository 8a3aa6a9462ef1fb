//! The keys there are, read off the schema.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value as Json;
use toml::{Table, Value};

use super::Config;
use super::values::DURATION_FORMAT;

/// What the text of an environment variable or a flag is read as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
    /// Text, or a list in the file.
    List,
    /// Names that the schema does not know to texts; each entry is set by itself.
    Map,
}

/// A key of the configuration.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Its name with its sections, such as `kafka.topics.pet_command`.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// Not shown, and accepted from a file named by `…_FILE`.
    pub(super) is_secret: bool,
    pub(super) is_duration: bool,
    /// Bounds of an integer, inclusive.
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
    /// What an operator could write; only for a key without default.
    pub(super) example: Option<Json>,
}

/// All keys in the order in which the documentation lists them.
pub(super) static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let mut keys = Vec::new();
    collect(Config::schema().as_value(), "", &mut keys);
    let order = paths_in_order(&keys);
    keys.sort_by_key(|key| order.iter().position(|path| *path == key.path));
    keys
});

fn collect(section: &Json, prefix: &str, keys: &mut Vec<Key>) {
    for (name, schema) in section["properties"].as_object().into_iter().flatten() {
        let path = join(prefix, name);
        if schema.get("properties").is_some() {
            collect(schema, &path, keys);
            continue;
        }
        let is = |kind: &str| match &schema["type"] {
            Json::Array(kinds) => kinds.iter().any(|one| one == kind),
            one => one == kind,
        };
        let bound = |name: &str| schema.get(name).and_then(Json::as_i64);
        keys.push(Key {
            kind: match () {
                () if is("object") => Kind::Map,
                () if is("integer") => Kind::Integer,
                () if is("boolean") => Kind::Boolean,
                () if is("array") => Kind::List,
                () => Kind::Text,
            },
            is_secret: schema["writeOnly"] == true,
            is_duration: schema["format"] == DURATION_FORMAT,
            min: bound("minimum"),
            max: bound("maximum"),
            example: schema["examples"].get(0).cloned(),
            path,
        });
    }
}

/// The schema sorts its properties by name; serialization keeps the order of declaration.
fn paths_in_order(keys: &[Key]) -> Vec<String> {
    let text = toml::to_string(&complete(keys)).expect("a configuration is a table");
    let mut paths = Vec::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            paths.push(section.clone());
        } else if let Some((name, _)) = line.split_once(" = ") {
            paths.push(join(&section, name));
        }
    }
    paths
}

/// The default configuration, with the example of each key that has no default.
fn complete(keys: &[Key]) -> Config {
    let mut table = Table::new();
    for key in keys {
        if let Some(example) = &key.example {
            let value = Value::deserialize(example).expect("an example is text, a flag or a table");
            // Not `insert`: that asks for the keys, which are being made here.
            let (section, name) = key.path.rsplit_once('.').unwrap_or(("", &key.path));
            insert_at(&mut table, section, name, value);
        }
    }
    table.try_into().expect("examples are valid")
}

/// The key at `path`, and for an entry of a map the name of the entry.
pub(super) fn locate(path: &str) -> Option<(&'static Key, Option<&str>)> {
    KEYS.iter().find_map(|key| match path.strip_prefix(&key.path)? {
        "" => Some((key, None)),
        rest if key.kind == Kind::Map => Some((key, Some(rest.strip_prefix('.')?))),
        _ => None,
    })
}

/// Whether keys stand under this name.
pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.path.split_once('.').is_some_and(|(section, _)| section == name))
}

/// The key that looks most like `path`. A section that exists is taken at its word.
pub(super) fn nearest(path: &str) -> &'static str {
    let (section, name) = path.split_once('.').unwrap_or(("", path));
    let stays = is_section(section);
    let likeness = |key: &Key| {
        let last = key.path.rsplit('.').next().unwrap_or_default();
        let whole = strsim::normalized_damerau_levenshtein(path, &key.path);
        let part = strsim::normalized_damerau_levenshtein(name, last);
        if stays { whole.max(part) } else { whole.max(0.9 * part) }
    };
    KEYS.iter()
        .filter(|key| !stays || key.path.starts_with(&format!("{section}.")))
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .map(|key| key.path.as_str())
        .expect("there are keys, and some in each section")
}

/// The environment variable of a key.
pub(super) fn variable(path: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", path.replace('.', "__").to_ascii_uppercase())
}

/// What the names of all our variables begin with.
pub(super) const VARIABLE_PREFIX: &str = "MENAGERIE_";

/// Sets a leaf of a nested table. Sections that are missing are made.
pub(super) fn insert(table: &mut Table, path: &str, value: Value) {
    let (section, name) = match locate(path) {
        Some((key, Some(entry))) => (key.path.as_str(), entry),
        _ => path.rsplit_once('.').unwrap_or(("", path)),
    };
    insert_at(table, section, name, value);
}

fn insert_at(table: &mut Table, section: &str, name: &str, value: Value) {
    let mut target = table;
    for part in section.split('.').filter(|part| !part.is_empty()) {
        let inner = target.entry(part).or_insert_with(|| Value::Table(Table::new()));
        target = inner.as_table_mut().expect("a section is only ever a table");
    }
    target.insert(name.to_owned(), value);
}

/// The value of a leaf of a nested table.
pub(super) fn get<'t>(table: &'t Table, path: &str) -> Option<&'t Value> {
    let mut parts = path.split('.');
    let first = table.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.get(part))
}

/// A configuration as nested tables, secrets redacted; keys without value are absent.
pub(super) fn table_of(config: &Config) -> Table {
    Table::try_from(config).expect("a configuration is a table")
}

pub(super) fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}
