//! Precedence, and what is refused.

#![allow(clippy::unwrap_used)]

mod auth;
mod consistency;
mod environment;
mod errors;
mod meaning;
mod precedence;
mod properties;
mod ranges;
mod shown;

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::NamedTempFile;

use super::keys::{self, KEYS, Kind};
use super::*;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn load(text: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let file = file(text);
    let sources =
        Sources { file: Some(file.path().to_owned()), env: pairs(env), flags: pairs(flags) };
    Config::load(sources)
}

fn from_env(env: &[(&str, &str)]) -> Loaded {
    load("", env, &[]).unwrap()
}

/// The one problem that the sources have, as the operator reads it.
fn problem(text: &str, env: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let problems = load(text, env, flags).unwrap_err().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].to_string()
}

fn problem_of_flag(key: &str, value: &str) -> String {
    problem("", &[], &[(key, value)])
}

fn assert_says(problem: &str, parts: &[&str]) {
    for part in parts {
        assert!(problem.contains(part), "`{part}` is missing in: {problem}");
    }
}
