//! The effective configuration for people.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::keys::{self, KEYS, Kind};
use super::{Loaded, Origin};

/// TOML with dotted keys: apart from redacted secrets it can be read back.
pub(super) fn lines(loaded: &Loaded) -> String {
    let table = keys::table_of(&loaded.config);
    let mut text = String::new();
    for key in KEYS.iter() {
        let value = keys::get(&table, &key.path);
        match (key.kind, value) {
            (Kind::Map, Some(Value::Table(entries))) => {
                entry_lines(&mut text, loaded, &key.path, entries)
            }
            (_, Some(value)) => {
                line(&mut text, &format!("{} = {value}", key.path), &loaded.origins[&key.path]);
            }
            (_, None) => {
                line(&mut text, &format!("# {} is not set", key.path), &loaded.origins[&key.path]);
            }
        }
    }
    text
}

fn entry_lines(text: &mut String, loaded: &Loaded, path: &str, entries: &Table) {
    for (name, value) in entries {
        let origin = &loaded.origins[&keys::join(path, name)];
        line(text, &format!("{path}.{} = {value}", Value::String(name.clone())), origin);
    }
}

fn line(text: &mut String, setting: &str, origin: &Origin) {
    writeln!(text, "{setting:<64} # {origin}").expect("a String takes all text");
}
