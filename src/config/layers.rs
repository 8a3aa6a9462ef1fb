//! Settings of several sources, the stronger over the weaker.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::keys::{self, KEYS, Kind};
use super::{Config, ConfigError, Loaded, Origin, Problem, check};

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What the sources read so far say, and what is wrong with them.
#[derive(Debug, Default)]
pub(super) struct Layers {
    settings: BTreeMap<String, Setting>,
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    /// The setting of a key, if a source read so far has one.
    pub(super) fn get(&self, path: &str) -> Option<&Setting> {
        self.settings.get(path)
    }

    /// Sets a key over whatever it was. An entry of a map replaces that entry only.
    pub(super) fn set(&mut self, path: &str, value: Value, origin: Origin) {
        let value = match (keys::locate(path), value) {
            (None, _) => return self.unknown(path, path, origin),
            // librdkafka's properties are texts, whatever they look like.
            (Some((_, Some(_))), Value::Integer(number)) => Value::String(number.to_string()),
            (Some((_, Some(_))), Value::Float(number)) => Value::String(number.to_string()),
            (Some((_, Some(_))), Value::Boolean(flag)) => Value::String(flag.to_string()),
            (Some(_), value) => value,
        };
        self.settings.insert(path.to_owned(), Setting { value, origin });
    }

    /// Sets a key from the text of a variable or a flag.
    pub(super) fn set_text(&mut self, path: &str, text: &str, origin: Origin) {
        let as_text = || Value::String(text.to_owned());
        let value = match keys::locate(path) {
            Some((key, None)) => match key.kind {
                Kind::Text | Kind::List => as_text(),
                Kind::Integer => text.parse().map_or_else(|_| as_text(), Value::Integer),
                Kind::Boolean => text.parse().map_or_else(|_| as_text(), Value::Boolean),
                Kind::Map => return self.set_map(path, text, &origin),
            },
            _ => as_text(),
        };
        self.set(path, value, origin);
    }

    fn set_map(&mut self, path: &str, text: &str, origin: &Origin) {
        match parse_map(text) {
            Some(entries) => {
                for (name, value) in entries {
                    self.set(&keys::join(path, &name), value, origin.clone());
                }
            }
            None => {
                let reason = "is neither an inline table nor `name=value` separated by commas";
                self.bad_value(path, origin.clone(), reason);
            }
        }
    }

    /// Notes a name that is no key; `spelled` is how its source spells it.
    pub(super) fn unknown(&mut self, spelled: &str, path: &str, origin: Origin) {
        let nearest = keys::nearest(path).to_owned();
        self.problems.push(Problem::UnknownKey { key: spelled.to_owned(), origin, nearest });
    }

    pub(super) fn bad_value(&mut self, path: &str, origin: Origin, reason: impl Into<String>) {
        let (key, reason) = (path.to_owned(), reason.into());
        self.problems.push(Problem::BadValue { key, origin, reason });
    }

    /// Checks each setting, then how they fit together.
    pub(super) fn finish(mut self) -> Result<Loaded, ConfigError> {
        let mut table = Table::new();
        let mut origins: BTreeMap<_, _> = KEYS
            .iter()
            .filter(|key| key.kind != Kind::Map)
            .map(|key| (key.path.clone(), Origin::Default))
            .collect();
        for (path, Setting { value, origin }) in std::mem::take(&mut self.settings) {
            match check::value(&path, &value) {
                Ok(()) => keys::insert(&mut table, &path, value),
                Err(reason) => self.bad_value(&path, origin.clone(), reason),
            }
            origins.insert(path, origin);
        }
        let config: Config = table.try_into().expect("each value was accepted by itself");
        for (path, reason) in check::consistency(&config) {
            // A value that was refused above has been left out: its default is no news.
            let is_reported =
                |problem: &Problem| matches!(problem, Problem::BadValue { key, .. } if key == path);
            if !self.problems.iter().any(is_reported) {
                self.bad_value(path, origins[path].clone(), reason);
            }
        }
        match self.problems.is_empty() {
            true => Ok(Loaded { config, origins }),
            false => Err(ConfigError { problems: self.problems }),
        }
    }
}

/// `{ "a.b" = "c" }`, or `a.b=c` separated by commas or line ends.
fn parse_map(text: &str) -> Option<Vec<(String, Value)>> {
    let text = text.trim();
    if text.starts_with('{') {
        let mut table: Table = toml::from_str(&format!("map = {text}")).ok()?;
        let Some(Value::Table(entries)) = table.remove("map") else { return None };
        let mut flat = Vec::new();
        flatten(entries, "", &mut flat);
        return Some(flat);
    }
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (name, value) = entry.split_once('=')?;
            Some((name.trim().to_owned(), Value::String(value.trim().to_owned())))
        })
        .collect()
}

/// `a.b = "c"` without quotes is a table `a` to TOML, and the property `a.b` to us.
fn flatten(table: Table, prefix: &str, entries: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let name = keys::join(prefix, &name);
        match value {
            Value::Table(inner) => flatten(inner, &name, entries),
            value => entries.push((name, value)),
        }
    }
}
