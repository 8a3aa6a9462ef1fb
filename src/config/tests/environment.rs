//! Variables, short names, secret files, and what looks like a variable of ours.

use super::*;

#[test]
fn each_key_has_a_variable() {
    let config: Config = load("", &[], &[]).unwrap().config;
    let table = keys::table_of(&config);
    for key in KEYS.iter().filter(|key| key.kind != Kind::Map) {
        let Some(value) = keys::get(&table, &key.path) else { continue };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let variable = keys::variable(&key.path);
        let loaded = from_env(&[(&variable, &text)]);
        assert_eq!(loaded.config, config, "{variable}");
        assert_eq!(loaded.origins[&key.path], Origin::Env(variable));
    }
}

#[test]
fn the_short_names_of_upstream_are_known() {
    let Config { database, kafka, nats, http, admin, log, trace, .. } = from_env(&[
        ("DATABASE_URL", "sqlite:zoo.db"),
        ("BOOTSTRAP_SERVERS", "kafka:9092"),
        ("NATS_URL", "nats://nats:4222"),
        ("REST_PORT", "8081"),
        ("ADMIN_PORT", "9091"),
        ("LOG_LEVEL", "debug"),
        ("TRACE_ENDPOINT", "http://otel:4318"),
        ("EVENT_TOPIC_CHARACTER_STATUS", "a"),
        ("EVENT_TOPIC_ASSET_STATUS", "b"),
        ("COMMAND_TOPIC_PET", "c"),
        ("COMMAND_TOPIC_PET_MOVEMENT", "d"),
        ("EVENT_TOPIC_PET_STATUS", "e"),
    ])
    .config;
    assert_eq!(database.url.expose(), "sqlite:zoo.db");
    assert_eq!(kafka.bootstrap_servers, "kafka:9092");
    assert_eq!(nats.url.expose(), "nats://nats:4222");
    assert_eq!(http.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(admin.listen.to_string(), "127.0.0.1:9091");
    assert_eq!(log.level, "debug");
    assert_eq!(trace.endpoint.as_deref(), Some("http://otel:4318"));
    let Topics { character_status, asset_status, pet_command, pet_movement, pet_status } =
        kafka.topics;
    let topics = [character_status, asset_status, pet_command, pet_movement, pet_status];
    assert_eq!(topics, ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_port_keeps_the_address_of_the_file() {
    let text = "http.listen = '127.0.0.7:80'";
    let loaded = load(text, &[("REST_PORT", "8081")], &[]).unwrap();
    assert_eq!(loaded.config.http.listen.to_string(), "127.0.0.7:8081");
}

#[test]
fn a_port_that_is_none_is_refused() {
    let problem = problem("", &[("REST_PORT", "http")], &[]);
    assert_says(&problem, &["`http.listen`", "REST_PORT", "`http` is not a port"]);
}

#[test]
fn a_secret_is_read_from_its_file() {
    let secret = file("hunter2\n");
    let path = secret.path().to_str().unwrap();
    let loaded =
        load("nats.user = 'zoo'", &[("MENAGERIE_NATS__PASSWORD_FILE", path)], &[]).unwrap();
    assert_eq!(loaded.config.nats.password.unwrap().expose(), "hunter2");
    assert_eq!(
        loaded.origins["nats.password"],
        Origin::EnvFile {
            variable: "MENAGERIE_NATS__PASSWORD_FILE".to_owned(),
            path: PathBuf::from(path)
        }
    );
}

#[test]
fn a_short_name_reads_a_secret_file_too() {
    let secret = file("postgres://zoo:hunter2@db/zoo");
    let loaded = from_env(&[("DATABASE_URL_FILE", secret.path().to_str().unwrap())]);
    assert_eq!(loaded.config.database.url.expose(), "postgres://zoo:hunter2@db/zoo");
}

#[test]
fn a_secret_file_that_is_missing_is_named() {
    let problem = problem("", &[("DATABASE_URL_FILE", "/nowhere/url")], &[]);
    assert_says(&problem, &["/nowhere/url", "DATABASE_URL_FILE", "No such file"]);
}

#[test]
fn a_secret_and_its_file_at_once_are_refused() {
    let env = [("NATS_URL", "nats://a"), ("NATS_URL_FILE", "/run/url")];
    assert_says(&problem("", &env, &[]), &["`nats.url`", "NATS_URL_FILE", "NATS_URL is set"]);
}

#[test]
fn a_misspelled_variable_is_refused_with_the_nearest_one() {
    let cases = [
        ("MENAGERIE_KAFKA__GRUOP", "MENAGERIE_KAFKA__GROUP"),
        ("MENAGERIE_KAFKA_GROUP", "MENAGERIE_KAFKA__GROUP"),
        ("MENAGERIE_KAFAK__GROUP", "MENAGERIE_KAFKA__GROUP"),
        ("MENAGERIE_LOG_LEVEL", "MENAGERIE_LOG__LEVEL"),
        ("MENAGERIE_SHARD__ID_FILE", "MENAGERIE_SHARD__ID"),
        ("MENAGERIE_KAFKA__TOPICS_PET_STATUS", "MENAGERIE_KAFKA__TOPICS__PET_STATUS"),
        ("MENAGERIE_ALOW_ANONYMOUS", "MENAGERIE_ALLOW_ANONYMOUS"),
        ("MENAGERIE_KAFAK_GROUP", "MENAGERIE_KAFKA__GROUP"),
        ("MENAGERIE_REST_PORT", "MENAGERIE_HTTP__LISTEN"),
        ("MENAGERIE_BOOTSTRAP_SERVERS", "MENAGERIE_KAFKA__BOOTSTRAP_SERVERS"),
        ("MENAGERIE_HTTP_PORT", "MENAGERIE_HTTP__"),
        ("MENAGERIE_CONFIG_FILE", "MENAGERIE_"),
    ];
    for (variable, nearest) in cases {
        let problem = problem("", &[(variable, "x")], &[]);
        assert_says(&problem, &[&format!("unknown key `{variable}`"), &format!("({nearest}")]);
    }
}

#[test]
fn variables_of_others_are_left_alone() {
    from_env(&[
        ("PATH", "/bin"),
        ("MENAGERIE_CONFIG", "zoo.toml"),
        ("MENAGERIE_ADMIN_TOKEN", "x"),
        ("MENAGERIE_LOAD_TOKEN", "x"),
        ("MENAGERIE_ADMIN_TOKEN_FILE", "/run/secrets/token"),
        ("MENAGERIE_TEST_KAFKA__GROUP", "x"),
        ("MENAGERIE_HTTP_PORT", "tcp://10.0.0.1:8080"),
        ("MENAGERIE_HTTP_SERVICE_HOST", "10.0.0.1"),
        ("MENAGERIE_SERVICE_HOST", "10.0.0.1"),
        ("MENAGERIE_SERVICE_PORT", "8080"),
        ("MENAGERIE_SERVICE_PORT_HTTP", "8080"),
        ("MENAGERIE_PORT", "tcp://10.0.0.1:8080"),
        ("MENAGERIE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("MENAGERIE_PORT_8080_TCP_PROTO", "tcp"),
        ("MENAGERIE_ADMIN_PORT_9090_TCP_ADDR", "10.0.0.1"),
    ]);
}

#[test]
fn the_key_of_a_variable_is_known_by_each_of_its_names() {
    for (variable, key) in [
        ("DATABASE_URL", Some("database.url")),
        ("DATABASE_URL_FILE", Some("database.url")),
        ("REST_PORT", Some("http.listen")),
        ("MENAGERIE_NATS__PASSWORD_FILE", Some("nats.password")),
        ("MENAGERIE_SHARD__ID", Some("shard.id")),
        ("MENAGERIE_SHARD__ID_FILE", None),
        ("LOG_LEVEL_FILE", None),
        ("PATH", None),
    ] {
        assert_eq!(key_of_variable(variable), key, "{variable}");
    }
}
