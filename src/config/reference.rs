//! `config/menagerie.toml` is written from the doc comments of the configuration, and a test
//! keeps it that way. `MENAGERIE_TEST_BLESS=1 cargo test --lib config::reference` writes it
//! anew.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;
use toml::Value;

use super::keys::{self, KEYS, Key, Kind};
use super::{Config, Sources, env};

const HEADER: &str = "\
# Every key of Menagerie with its default. A key that is commented out (#key = …) has no
# default; what stands there is an example.
#
# A value comes from a file like this one (--config FILE, or MENAGERIE_CONFIG), from the
# environment, or from a flag, the later beating the earlier:
#   kafka.group          MENAGERIE_KAFKA__GROUP=zoo          --set kafka.group=zoo
#   kafka.topics.pet_command   MENAGERIE_KAFKA__TOPICS__PET_COMMAND=pets
# A variable with an empty value counts as unset. A key marked \"secret\" can also be read
# from a file: MENAGERIE_DATABASE__URL_FILE=/run/secrets/database-url. A few keys have a
# short variable too; the long one beats it.
#
# Durations are a number and a unit: 250ms, 10s, 3m, 2h, 30d, or several such. All but
# where it says so are longer than nothing. An unknown key is an error,
# and so is a variable that begins with MENAGERIE_ and is none of ours.
#
# `menagerie config print` shows what is in force and where it comes from,
# `menagerie config schema` prints the JSON Schema of this file.
";

const WIDTH: usize = 92;

fn reference() -> String {
    let schema = Config::schema().to_value();
    let defaults = keys::table_of(&Config::default());
    let mut text = HEADER.to_owned();
    let mut open = "";
    for key in KEYS.iter() {
        let (section, name) = match key.kind {
            Kind::Map => (key.path.as_str(), ""),
            _ => key.path.rsplit_once('.').unwrap_or(("", &key.path)),
        };
        text.push('\n');
        if section != open {
            comment(&mut text, &description(&schema, section));
            if key.kind == Kind::Map {
                comment(&mut text, &remarks(key));
            }
            writeln!(text, "[{section}]").unwrap();
            open = section;
        }
        if key.kind == Kind::Map {
            for (name, value) in key.example.as_ref().unwrap().as_object().unwrap() {
                writeln!(text, "#\"{name}\" = {value}").unwrap();
            }
            continue;
        }
        comment(&mut text, &format!("{} {}", description(&schema, &key.path), remarks(key)));
        match (keys::get(&defaults, &key.path), &key.example) {
            (Some(value), _) => writeln!(text, "{name} = {value}").unwrap(),
            (None, example) => writeln!(text, "#{name} = {}", example.as_ref().unwrap()).unwrap(),
        }
    }
    text
}

fn description(schema: &Json, path: &str) -> String {
    let node = path.split('.').fold(schema, |node, name| &node["properties"][name]);
    node["description"].as_str().unwrap_or_else(|| panic!("{path} has no doc comment")).to_owned()
}

/// What the schema and the environment add to a description.
fn remarks(key: &Key) -> String {
    let mut remarks = String::new();
    match (key.min.filter(|min| *min > 0), key.max) {
        (_, Some(max)) => write!(remarks, "{}..={max}. ", key.min.unwrap_or(0)).unwrap(),
        (Some(min), None) => write!(remarks, "At least {min}. ").unwrap(),
        (None, None) => {}
    }
    if key.is_secret {
        remarks.push_str("Secret. ");
    }
    for (variable, _) in env::SHORT_NAMES.iter().filter(|(_, path)| *path == key.path) {
        write!(remarks, "Short variable: {variable}. ").unwrap();
    }
    for (variable, _) in env::PORTS.iter().filter(|(_, path)| *path == key.path) {
        write!(remarks, "Short variable for the port: {variable}. ").unwrap();
    }
    remarks
}

fn comment(text: &mut String, words: &str) {
    let mut line = "#".to_owned();
    for word in words.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            writeln!(text, "{line}").unwrap();
            line = "#".to_owned();
        }
        write!(line, " {word}").unwrap();
    }
    if line.len() > 1 {
        writeln!(text, "{line}").unwrap();
    }
}

fn path() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config/menagerie.toml"))
}

fn text() -> String {
    if std::env::var_os("MENAGERIE_TEST_BLESS").is_some() {
        std::fs::write(path(), reference()).unwrap();
    }
    std::fs::read_to_string(path()).unwrap()
}

/// The file with `#key = …` turned into `key = …`; prose has a blank after its `#`.
fn uncommented() -> String {
    let is_setting =
        |rest: &str| rest.starts_with(|first: char| first.is_alphanumeric() || first == '"');
    let lines = text();
    let lines = lines.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if is_setting(rest) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn leaves(text: &str) -> BTreeSet<String> {
    fn walk(table: &toml::Table, section: &str, leaves: &mut BTreeSet<String>) {
        for (name, value) in table {
            let path = keys::join(section, name);
            match value {
                Value::Table(inner) if keys::locate(&path).is_none() => walk(inner, &path, leaves),
                _ => drop(leaves.insert(path)),
            }
        }
    }
    let mut leaves = BTreeSet::new();
    walk(&toml::from_str(text).unwrap(), "", &mut leaves);
    leaves
}

#[test]
fn the_file_says_what_the_doc_comments_say() {
    assert!(text() == reference(), "run with MENAGERIE_TEST_BLESS=1 to write {:?} anew", path());
}

#[test]
fn the_file_holds_each_key_and_no_other() {
    let keys: BTreeSet<String> = KEYS.iter().map(|key| key.path.clone()).collect();
    assert_eq!(leaves(&uncommented()), keys);
}

#[test]
fn the_file_as_it_is_changes_no_default() {
    let sources = Sources { file: Some(path().to_owned()), ..Sources::default() };
    assert_eq!(Config::load(sources).unwrap().config, Config::default());
    let with_default = keys::table_of(&Config::default());
    for key in KEYS.iter().filter(|key| keys::get(&with_default, &key.path).is_some()) {
        assert!(leaves(&text()).contains(&key.path), "{} is commented out", key.path);
    }
}

#[test]
fn the_examples_in_the_file_are_valid() {
    let config: Config = toml::from_str(&uncommented()).unwrap();
    assert!(config.tenancy.default.is_some());
    assert_eq!(config.kafka.properties.iter().count(), 1);
}
