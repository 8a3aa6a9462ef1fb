//! What a value must be, by itself and beside the others.

use std::net::SocketAddr;
use std::time::Duration;

use toml::{Table, Value};

use super::keys::{self, Key, Kind};
use super::{Auth, Config, Kafka, Nats, jwt};
use crate::telemetry::{logging, trace};

/// librdkafka properties that a promise rests on, with who sets them instead.
const OWNED_PROPERTIES: [(&str, &str); 18] = [
    ("acks", "an event counts as published when all in-sync replicas have it"),
    ("request.required.acks", "an event counts as published when all in-sync replicas have it"),
    ("auto.commit.enable", "offsets are committed with the state"),
    ("auto.offset.reset", "a partition starts at the offset in the database"),
    ("bootstrap.servers", "set kafka.bootstrap_servers"),
    ("delivery.report.only.error", "the outbox waits for each report"),
    ("enable.auto.commit", "offsets are committed with the state"),
    ("enable.auto.offset.store", "offsets are committed with the state"),
    ("enable.idempotence", "events leave once and in order"),
    ("group.id", "set kafka.group"),
    ("group.instance.id", "the lease in the database says who reads"),
    ("max.in.flight", "events leave once and in order"),
    ("max.in.flight.requests.per.connection", "events leave once and in order"),
    ("metadata.broker.list", "set kafka.bootstrap_servers"),
    ("partitioner", "the key decides the partition, as upstream"),
    ("queuing.strategy", "events leave once and in order"),
    ("test.mock.num.brokers", "set kafka.bootstrap_servers to embedded"),
    ("transactional.id", "events leave through the outbox"),
];

/// Durations of which nothing is a choice, as their keys say.
pub(super) const MAY_BE_NOTHING: [&str; 1] = ["characters.event_retention"];

/// A clock that is further off is a defect; it also keeps the sums of the verification small.
const MAX_LEEWAY: Duration = Duration::from_secs(60 * 60);

/// Checks one value against its key.
///
/// # Errors
/// Why it is refused. Secrets are not quoted.
pub(super) fn value(path: &str, value: &Value) -> Result<(), String> {
    let (key, entry) = keys::locate(path).expect("only known keys are set");
    if let Some(entry) = entry {
        property(entry)?;
    }
    if value.as_str() == Some("") {
        return Err("must not be empty".to_owned());
    }
    let mut alone = Table::new();
    keys::insert(&mut alone, path, value.clone());
    let config = alone.try_into::<Config>().map_err(|error| match key.kind {
        // The only list there is says what is wrong with it without quoting it.
        _ if !key.is_secret => error.message().to_owned(),
        Kind::List => error.message().to_owned(),
        _ => "is not text".to_owned(),
    })?;
    range(key, value)?;
    if key.is_duration
        && !MAY_BE_NOTHING.contains(&path)
        && keys::get(&keys::table_of(&config), path) == Some(&Value::from("0ns"))
    {
        return Err("must be longer than nothing".to_owned());
    }
    Ok(())
}

fn property(name: &str) -> Result<(), String> {
    match OWNED_PROPERTIES.iter().find(|(owned, _)| *owned == name) {
        Some((_, why)) => Err(format!("is not for you to set: {why}")),
        None => Ok(()),
    }
}

fn range(key: &Key, value: &Value) -> Result<(), String> {
    let Some(number) = value.as_integer() else { return Ok(()) };
    let (min, max) = (key.min.unwrap_or(i64::MIN), key.max.unwrap_or(i64::MAX));
    if (min..=max).contains(&number) {
        return Ok(());
    }
    Err(match key.max {
        Some(max) => format!("{number} is not in {min}..={max}"),
        None => format!("{number} is less than {min}"),
    })
}

/// What is wrong with values that are fine by themselves: key and reason.
pub(super) fn consistency(config: &Config) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    let mut refuse = |path, reason: &str| problems.push((path, reason.to_owned()));

    if config.shard.lease < Duration::from_secs(1) {
        refuse("shard.lease", "must be at least 1s: every commit and every idle moment renews it");
    }
    let url = config.database.url.expose();
    if !["postgres://", "postgresql://", "sqlite:"].iter().any(|scheme| url.starts_with(scheme)) {
        refuse("database.url", "must begin with postgres://, postgresql:// or sqlite:");
    }
    if let Err(error) = logging::parse_filter(&config.log.level) {
        refuse("log.level", &error.to_string());
    }
    if let Some(headers) = &config.trace.headers
        && let Err(reason) = trace::parse_headers(headers.expose())
    {
        refuse("trace.headers", &reason);
    }
    nats_credentials(&config.nats, &mut refuse);
    player_keys(&config.auth, &mut refuse);
    listeners(config, &mut refuse);
    topics(&config.kafka, &mut refuse);
    problems
}

fn nats_credentials(nats: &Nats, refuse: &mut impl FnMut(&'static str, &str)) {
    if nats.user.is_some() != nats.password.is_some() {
        let lonely = if nats.user.is_some() { "nats.user" } else { "nats.password" };
        refuse(lonely, "nats.user and nats.password go together");
    }
    let ways = [nats.user.is_some(), nats.token.is_some(), nats.credentials_file.is_some()];
    if ways.into_iter().filter(|way| *way).count() > 1 {
        let one = if nats.token.is_some() { "nats.token" } else { "nats.credentials_file" };
        refuse(one, "user and password, token, credentials file: only one of them can count");
    }
}

/// Reads the key files: a process that could verify no player must not start.
fn player_keys(auth: &Auth, refuse: &mut impl FnMut(&'static str, &str)) {
    let jwt = &auth.jwt;
    if jwt.leeway > MAX_LEEWAY {
        refuse("auth.jwt.leeway", "must be at most 1h");
    }
    let ways = [jwt.secret.is_some(), jwt.public_key_file.is_some(), jwt.jwks_file.is_some()];
    match ways.into_iter().filter(|way| *way).count() {
        0 => {
            for (path, set) in
                [("auth.jwt.issuer", &jwt.issuer), ("auth.jwt.audience", &jwt.audience)]
            {
                if set.is_some() {
                    refuse(path, "needs a key: auth.jwt.secret, public_key_file or jwks_file");
                }
            }
        }
        1 => {
            if let Err(error) = jwt::load(jwt) {
                refuse(error.key, &error.reason);
            }
        }
        _ => {
            let one = match jwt.jwks_file {
                Some(_) => "auth.jwt.jwks_file",
                None => "auth.jwt.public_key_file",
            };
            refuse(one, "secret, public key file, JWKS file: only one of them can count");
        }
    }
}

fn listeners(config: &Config, refuse: &mut impl FnMut(&'static str, &str)) {
    let (http, admin) = (config.http.listen, config.admin.listen);
    // The operator's listener without credentials answers the probes and the metrics only.
    if !is_loopback(http) && !config.auth.guards_game() && !config.allow_anonymous {
        let reason = format!(
            "{http} is not loopback, and whoever reaches it may do everything: set a service's \
             token in auth.tokens, or a key in auth.jwt; or accept it with allow_anonymous = true"
        );
        refuse("http.listen", &reason);
    }
    if http == admin && http.port() != 0 {
        refuse("admin.listen", "is http.listen too");
    }
}

pub(super) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn topics(kafka: &Kafka, refuse: &mut impl FnMut(&'static str, &str)) {
    let topics = &kafka.topics;
    let named = [
        ("kafka.topics.character_status", Some(&topics.character_status)),
        ("kafka.topics.asset_status", Some(&topics.asset_status)),
        ("kafka.topics.pet_command", Some(&topics.pet_command)),
        ("kafka.topics.pet_movement", Some(&topics.pet_movement)),
        ("kafka.topics.pet_status", Some(&topics.pet_status)),
        ("kafka.dead_letter_topic", kafka.dead_letter_topic.as_ref()),
    ];
    for (index, (path, topic)) in named.iter().enumerate() {
        let Some(topic) = topic else { continue };
        if !is_topic_name(topic) {
            let reason = format!("`{topic}` is no topic name: 1 to 249 of a-z A-Z 0-9 . _ -");
            refuse(path, &reason);
        }
        if let Some((other, _)) = named[..index].iter().find(|(_, earlier)| *earlier == Some(topic))
        {
            refuse(path, &format!("`{topic}` is {other} too"));
        }
    }
}

/// Kafka's own rule (`org.apache.kafka.common.internals.Topic`).
fn is_topic_name(name: &str) -> bool {
    let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(is_legal)
}
