//! Settings from environment variables.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::keys::{self, KEYS, VARIABLE_PREFIX};
use super::layers::Layers;
use super::{Config, Origin, Problem};

/// Names that operators of the upstream services know, for keys of ours.
pub(super) const SHORT_NAMES: [(&str, &str); 10] = [
    ("DATABASE_URL", "database.url"),
    ("BOOTSTRAP_SERVERS", "kafka.bootstrap_servers"),
    ("NATS_URL", "nats.url"),
    ("LOG_LEVEL", "log.level"),
    ("TRACE_ENDPOINT", "trace.endpoint"),
    ("EVENT_TOPIC_CHARACTER_STATUS", "kafka.topics.character_status"),
    ("EVENT_TOPIC_ASSET_STATUS", "kafka.topics.asset_status"),
    ("COMMAND_TOPIC_PET", "kafka.topics.pet_command"),
    ("COMMAND_TOPIC_PET_MOVEMENT", "kafka.topics.pet_movement"),
    ("EVENT_TOPIC_PET_STATUS", "kafka.topics.pet_status"),
];

/// Short names for the port alone; the IP address stays what the file says.
pub(super) const PORTS: [(&str, &str); 2] =
    [("REST_PORT", "http.listen"), ("ADMIN_PORT", "admin.listen")];

/// Variables of ours that are no keys: the command line reads them.
const NO_KEYS: [&str; 4] = [
    "MENAGERIE_CONFIG",
    "MENAGERIE_ADMIN_TOKEN",
    "MENAGERIE_ADMIN_TOKEN_FILE",
    "MENAGERIE_LOAD_TOKEN",
];

/// What the names of variables begin with that only tests set.
const TEST_PREFIX: &str = "MENAGERIE_TEST_";

/// The key that a variable sets by its long or its short name, or names a file for.
pub fn key_of(variable: &str) -> Option<&'static str> {
    let named = |name: &str| {
        let long = || KEYS.iter().find(|key| keys::variable(&key.path) == name);
        short_named(name).or_else(|| long().map(|key| key.path.as_str()))
    };
    let is_secret = |path: &&str| keys::locate(path).is_some_and(|(key, _)| key.is_secret);
    named(variable).or_else(|| named(variable.strip_suffix("_FILE")?).filter(is_secret))
}

fn short_named(name: &str) -> Option<&'static str> {
    SHORT_NAMES.iter().chain(&PORTS).find(|(short, _)| *short == name).map(|(_, path)| *path)
}

/// Reads the short names, then the long ones over them. An empty variable counts as unset,
/// since that is how compose files pass on what is not there.
pub(super) fn read(env: &[(String, String)], layers: &mut Layers) {
    let env: BTreeMap<&str, &str> = env
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    for (variable, path) in SHORT_NAMES {
        read_key(&env, variable, path, layers);
    }
    for (variable, path) in PORTS {
        if let Some(text) = env.get(variable) {
            read_port(variable, text, path, layers);
        }
    }
    for key in KEYS.iter() {
        read_key(&env, &keys::variable(&key.path), &key.path, layers);
    }
    for (variable, text) in &env {
        if let Some(path) = misspelled(variable, text) {
            layers.unknown(variable, &path, Origin::Env((*variable).to_owned()));
        }
    }
}

fn read_key(env: &BTreeMap<&str, &str>, variable: &str, path: &str, layers: &mut Layers) {
    let is_secret = keys::locate(path).is_some_and(|(key, _)| key.is_secret);
    let file_variable = format!("{variable}_FILE");
    let file = env.get(file_variable.as_str()).filter(|_| is_secret);
    match (env.get(variable), file) {
        (Some(_), Some(_)) => {
            let reason = format!("{variable} is set too, and only one of the two can count");
            layers.bad_value(path, Origin::Env(file_variable), reason);
        }
        (Some(text), None) => layers.set_text(path, text, Origin::Env(variable.to_owned())),
        (None, Some(file)) => read_secret(file_variable, file, path, layers),
        (None, None) => {}
    }
}

fn read_secret(variable: String, file: &str, path: &str, layers: &mut Layers) {
    let file = PathBuf::from(file);
    match std::fs::read_to_string(&file) {
        // Editors and `echo` end a file with a line end that is no part of the secret.
        Ok(text) => {
            let text = text.trim_end_matches(['\r', '\n']);
            layers.set_text(path, text, Origin::EnvFile { variable, path: file });
        }
        Err(error) => layers.problems.push(Problem::Unreadable {
            path: file,
            named_by: variable,
            reason: error.to_string(),
        }),
    }
}

fn read_port(variable: &str, text: &str, path: &str, layers: &mut Layers) {
    let origin = Origin::Env(variable.to_owned());
    let Ok(port) = text.parse() else {
        return layers.bad_value(path, origin, format!("`{text}` is not a port"));
    };
    let default = Config::default();
    let mut listen = match path {
        "http.listen" => default.http.listen,
        _ => default.admin.listen,
    };
    if let Some(setting) = layers.get(path) {
        match setting.value.as_str().map(str::parse::<SocketAddr>) {
            Some(Ok(address)) => listen = address,
            // The address is wrong already, and is reported as such.
            _ => return,
        }
    }
    listen.set_port(port);
    layers.set_text(path, &listen.to_string(), origin);
}

/// The path that a variable which has our prefix and is none of ours seems to mean.
fn misspelled(variable: &str, text: &str) -> Option<String> {
    let name = variable.strip_prefix(VARIABLE_PREFIX)?;
    let is_ours = NO_KEYS.contains(&variable)
        || variable.starts_with(TEST_PREFIX)
        || key_of(variable).is_some();
    if is_ours || is_service_link(variable, text) {
        return None;
    }
    if let Some(path) = short_named(name) {
        return Some(path.to_owned());
    }
    let name = name.to_ascii_lowercase();
    let first = name.split('_').next().unwrap_or_default();
    Some(match () {
        () if name.contains("__") => name.replace("__", "."),
        // The commonest slip: one underscore between section and key.
        () if keys::is_section(first) => name.replacen('_', ".", 1),
        () => name,
    })
}

/// Kubernetes sets such variables in every container for services named `menagerie` or
/// `menagerie-http`: `…_SERVICE_HOST`, `…_SERVICE_PORT`, `…_SERVICE_PORT_HTTP`,
/// `…_PORT=tcp://10.0.0.1:80`, `…_PORT_80_TCP` and what that is made of.
fn is_service_link(variable: &str, text: &str) -> bool {
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || (variable.ends_with("_PORT") && text.contains("://"))
        || variable
            .split_once("_PORT_")
            .is_some_and(|(_, rest)| rest.starts_with(|first: char| first.is_ascii_digit()))
}
