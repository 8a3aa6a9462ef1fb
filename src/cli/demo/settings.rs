//! What the demo runs with: settings of its own, over them the environment, over both flags.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use crate::cli::exit::Failure;
use crate::config::{Config, Loaded, Origin, Sources, key_of_variable};
use crate::domain::Tenant;

/// Keys, and sections of them, in which the environment has no say. It may well be that of
/// an operator: the demo must not touch real services, and its books count on these rules.
const OWN: [&str; 8] = [
    "auth.",
    "database.",
    "kafka.",
    "nats.",
    "tenancy.",
    "catalog.",
    "pets.max_spawned",
    "pets.closeness_on_failed_command",
];
/// Shorter than in earnest, so that hunger is seen.
const HUNGER_INTERVAL: &str = "5s";
const PORTS: [(&str, u16, &str); 2] =
    [("http.listen", 8080, "REST_PORT"), ("admin.listen", 9090, "ADMIN_PORT")];

#[derive(Debug)]
pub(super) struct Settings {
    pub(super) config: Config,
    /// What the operator should know of it, a line each.
    pub(super) notes: Vec<String>,
}

/// Everything embedded, and on the usual ports if they are free or others are named.
///
/// # Errors
/// A bad configuration, or flags that name services outside.
pub(super) fn load(
    folder: &Path,
    tenant: &Tenant,
    env: Vec<(String, String)>,
    flags: Vec<(String, String)>,
) -> anyhow::Result<Settings> {
    let database = format!("sqlite://{}", folder.join("menagerie.db").display());
    let Tenant { id, region, major, minor } = tenant;
    let tenant = format!("{id}/{region}/{major}/{minor}");
    let [http, admin] = PORTS.map(|(_, port, _)| free(port).to_string());
    let defaults = [
        ("database.url", database.as_str()),
        ("kafka.bootstrap_servers", "embedded"),
        ("nats.url", "embedded"),
        // So that a record can be sent with tools that cannot make the tenant's headers.
        ("tenancy.default", &tenant),
        ("log.level", "warn"),
        ("pets.hunger_interval", HUNGER_INTERVAL),
        ("http.listen", &http),
        ("admin.listen", &admin),
    ];
    let (ignored, env): (Vec<_>, _) =
        env.into_iter().partition(|(variable, text)| !text.is_empty() && is_own(variable));
    let loaded = Config::load_over(&defaults, Sources { file: None, env, flags })?;
    own_services(&loaded.config)?;
    let mut notes: Vec<String> = PORTS
        .iter()
        .filter(|(key, ..)| is_evasion(&loaded, key))
        .map(|(key, port, variable)| {
            format!("port {port} is taken, so {key} has another; {variable}=PORT chooses one")
        })
        .collect();
    if !ignored.is_empty() {
        let names: Vec<&str> = ignored.iter().map(|(variable, _)| variable.as_str()).collect();
        let names = names.join(", ");
        notes.push(format!("{names}: ignored, the demo has its own services, tenant and rules"));
    }
    Ok(Settings { config: loaded.config, notes })
}

fn is_own(variable: &str) -> bool {
    key_of_variable(variable).is_some_and(|key| OWN.iter().any(|own| key.starts_with(own)))
}

/// Whether the usual port is taken and nobody named another.
fn is_evasion(loaded: &Loaded, key: &str) -> bool {
    let listen = match key {
        "http.listen" => loaded.config.http.listen,
        _ => loaded.config.admin.listen,
    };
    listen.port() == 0 && loaded.origins[key] == Origin::Default
}

/// A flag is meant, but what it asks for here is no demo.
fn own_services(config: &Config) -> Result<(), Failure> {
    let outside = match () {
        () if !config.database.is_sqlite() => "database.url",
        () if !config.kafka.is_embedded() => "kafka.bootstrap_servers",
        () if !config.nats.is_embedded() => "nats.url",
        () => return Ok(()),
    };
    let reason = "the demo uses no service outside; `menagerie serve` does";
    Err(Failure::Usage(format!("`{outside}` (--set): {reason}")))
}

/// This port on loopback, or any free one if it is taken.
fn free(port: u16) -> SocketAddr {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match TcpListener::bind(address) {
        Ok(_) => address,
        Err(_) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::cli::exit::{self, Exit};

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn settings(env: &[(&str, &str)], flags: &[(&str, &str)]) -> anyhow::Result<Settings> {
        load(Path::new("/tmp/zoo"), &super::super::tenant(), pairs(env), pairs(flags))
    }

    #[test]
    fn the_environment_beats_the_demos_settings_and_a_flag_beats_both() {
        let env = [("REST_PORT", "18080"), ("ADMIN_PORT", "19090"), ("LOG_LEVEL", "info")];
        let flags = [("log.level", "debug"), ("pets.hunger_interval", "1s")];
        let Settings { config, notes } = settings(&env, &flags).unwrap();
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:18080");
        assert_eq!(config.admin.listen.to_string(), "127.0.0.1:19090");
        assert_eq!(config.log.level, "debug");
        assert_eq!(config.pets.hunger_interval.as_secs(), 1);
        assert_eq!(notes, Vec::<String>::new());
    }

    #[test]
    fn an_operators_environment_does_not_lead_to_real_services_and_that_is_said() {
        let env = [
            ("DATABASE_URL", "postgres://zoo:hunter2@db/zoo"),
            ("MENAGERIE_DATABASE__MIGRATE_ON_START", "false"),
            ("BOOTSTRAP_SERVERS", "kafka:9092"),
            ("COMMAND_TOPIC_PET", "pets"),
            ("MENAGERIE_KAFKA__PROPERTIES", "security.protocol=SASL_SSL"),
            ("NATS_URL_FILE", "/run/secrets/nats"),
            ("MENAGERIE_NATS__USER", "zoo"),
            ("MENAGERIE_TENANCY__DEFAULT", "083839c6-c47c-42a6-9585-76492795d123"),
            ("MENAGERIE_CATALOG__DIR", "/etc/menagerie"),
            ("MENAGERIE_PETS__MAX_SPAWNED", "1"),
        ];
        let plain = settings(&[("REST_PORT", "1"), ("ADMIN_PORT", "2")], &[]).unwrap();
        let mut all = vec![("REST_PORT", "1"), ("ADMIN_PORT", "2")];
        all.extend(env);
        let Settings { config, notes } = settings(&all, &[]).unwrap();
        assert_eq!(config, plain.config);
        assert!(config.database.is_sqlite() && config.kafka.is_embedded());
        assert!(config.nats.is_embedded() && config.database.migrate_on_start());
        let [note] = &notes[..] else { panic!("{notes:?}") };
        for (variable, _) in env {
            assert!(note.contains(variable), "`{variable}` is missing in: {note}");
        }
        assert!(!note.contains("hunter2"), "{note}");
    }

    #[test]
    fn a_flag_that_names_a_real_service_is_refused() {
        for (key, value) in [
            ("database.url", "postgres://db/zoo"),
            ("kafka.bootstrap_servers", "kafka:9092"),
            ("nats.url", "nats://nats:4222"),
        ] {
            let error = settings(&[], &[(key, value)]).unwrap_err();
            assert_eq!(exit::code_of_failure(&error), Exit::Usage);
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn a_usual_port_that_is_taken_is_said_with_what_changes_it() {
        // Whoever holds it already serves as well, but not a test beside this that only looks
        // whether it is free.
        let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)).ok();
        let _taken = (0..1_000).find_map(bind);
        let Settings { config, notes } = settings(&[("ADMIN_PORT", "2")], &[]).unwrap();
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:0");
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert!(note.contains("8080") && note.contains("REST_PORT"), "{note}");
        // A port that somebody named is no fallback.
        assert_eq!(
            settings(&[("ADMIN_PORT", "2"), ("REST_PORT", "0")], &[]).unwrap().notes.len(),
            0
        );
    }
}
