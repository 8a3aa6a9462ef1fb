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
    for variable in env.keys() {
        if let Some(path) = misspelled(variable) {
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

/// The path that a variable which looks like ours but is no key seems to mean.
fn misspelled(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(VARIABLE_PREFIX)?;
    if name == "CONFIG" || name.starts_with("TEST_") || is_known(variable) {
        return None;
    }
    let section = name.split('_').next()?.to_ascii_lowercase();
    let looks_like_ours =
        name.contains("__") || (keys::is_section(&section) && !is_service_link(name));
    looks_like_ours.then(|| {
        let name = name.to_ascii_lowercase();
        match name.contains("__") {
            true => name.replace("__", "."),
            // The commonest slip: one underscore between section and key.
            false => name.replacen('_', ".", 1),
        }
    })
}

fn is_known(variable: &str) -> bool {
    KEYS.iter().any(|key| {
        let rest = variable.strip_prefix(&keys::variable(&key.path));
        rest == Some("") || (rest == Some("_FILE") && key.is_secret)
    })
}

/// Kubernetes sets such variables in every container for a service named `menagerie-http`.
fn is_service_link(name: &str) -> bool {
    name.contains("_SERVICE_") || name.ends_with("_PORT") || name.contains("_PORT_")
}
