//! Settings from a TOML file, each with its line.

use std::ops::Range;
use std::path::Path;

use toml::de::DeTable;
use toml::{Table, Value};

use super::keys::{self, Kind};
use super::layers::Layers;
use super::{Origin, Problem};

/// Reads the file named by `--config`. A file that cannot be read or parsed is a problem,
/// and sets nothing.
pub(super) fn read(path: &Path, layers: &mut Layers) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            layers.problems.push(Problem::Unreadable {
                path: path.to_owned(),
                named_by: "--config or MENAGERIE_CONFIG".to_owned(),
                reason: error.to_string(),
            });
            return;
        }
    };
    // Parsed twice: only the first form knows where things stand, only the second is values.
    let parsed = DeTable::parse(&text).and_then(|spans| Ok((spans, toml::from_str(&text)?)));
    match parsed {
        Ok((spans, table)) => {
            File { path, text: &text, layers }.walk(spans.get_ref(), table, "");
        }
        Err(error) => layers.problems.push(Problem::Syntax {
            path: path.to_owned(),
            line: line(&text, error.span().unwrap_or_default()),
            reason: error.message().replace('\n', ", "),
        }),
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
    layers: &'a mut Layers,
}

impl File<'_> {
    fn walk(&mut self, spans: &DeTable<'_>, mut table: Table, section: &str) {
        for (name, span) in spans.iter() {
            let Some(value) = table.remove(name.get_ref().as_ref()) else { continue };
            let path = keys::join(section, name.get_ref());
            match (value, span.get_ref().as_table()) {
                (Value::Table(inner), Some(spans)) if holds_keys(&path, &inner) => {
                    self.walk(spans, inner, &path);
                }
                (value, _) => {
                    let line = line(self.text, name.span());
                    let origin = Origin::File { path: self.path.to_owned(), line };
                    self.layers.set(&path, value, origin);
                }
            }
        }
    }
}

/// Whether to look into a table. One that stands where a single value belongs, or an empty
/// one with an unknown name, is reported as a whole.
fn holds_keys(path: &str, table: &Table) -> bool {
    match keys::locate(path) {
        Some((key, _)) => key.kind == Kind::Map,
        None => !table.is_empty() || keys::is_section(path),
    }
}

fn line(text: &str, span: Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}
