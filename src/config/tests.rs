//! Precedence, and what is refused.

#![allow(clippy::unwrap_used)]

mod auth;

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

mod precedence {
    use super::*;

    #[test]
    fn without_sources_each_key_has_its_default() {
        let loaded = Config::load(Sources::default()).unwrap();
        assert_eq!(loaded.config, Config::default());
        assert!(loaded.origins.values().all(|origin| *origin == Origin::Default));
    }

    #[test]
    fn the_file_beats_the_default() {
        let loaded = load("# a zoo\n[kafka]\ngroup = 'zoo'", &[], &[]).unwrap();
        assert_eq!(loaded.config.kafka.group, "zoo");
        assert!(matches!(&loaded.origins["kafka.group"], Origin::File { line: 3, .. }));
        assert_eq!(loaded.origins["kafka.topics.pet_command"], Origin::Default);
    }

    #[test]
    fn the_environment_beats_the_file() {
        let env = [("MENAGERIE_KAFKA__GROUP", "env")];
        let loaded = load("kafka.group = 'file'", &env, &[]).unwrap();
        assert_eq!(loaded.config.kafka.group, "env");
        assert_eq!(loaded.origins["kafka.group"], Origin::Env("MENAGERIE_KAFKA__GROUP".into()));
    }

    #[test]
    fn a_flag_beats_the_environment() {
        let env = [("MENAGERIE_KAFKA__GROUP", "env"), ("LOG_LEVEL", "warn")];
        let flags = [("kafka.group", "flag"), ("log.level", "debug")];
        let loaded = load("kafka.group = 'file'", &env, &flags).unwrap();
        assert_eq!(loaded.config.kafka.group, "flag");
        assert_eq!(loaded.config.log.level, "debug");
        assert_eq!(loaded.origins["kafka.group"], Origin::Flag);
    }

    #[test]
    fn the_last_of_two_flags_counts() {
        let flags = [("kafka.group", "first"), ("kafka.group", "second")];
        assert_eq!(load("", &[], &flags).unwrap().config.kafka.group, "second");
    }

    #[test]
    fn the_long_name_beats_the_short_one() {
        let loaded = from_env(&[("MENAGERIE_NATS__URL", "nats://a"), ("NATS_URL", "nats://b")]);
        assert_eq!(loaded.config.nats.url.expose(), "nats://a");
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let loaded = from_env(&[("TRACE_ENDPOINT", ""), ("MENAGERIE_KAFKA__GROUP", "")]);
        assert_eq!(loaded.config, Config::default());
    }

    #[test]
    fn a_value_that_is_overridden_need_not_be_valid() {
        let loaded = load("pets.max_spawned = 9", &[], &[("pets.max_spawned", "2")]).unwrap();
        assert_eq!(loaded.config.pets.max_spawned, 2);
    }
}

mod environment {
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
        ];
        for (variable, nearest) in cases {
            let problem = problem("", &[(variable, "x")], &[]);
            assert_says(&problem, &[&format!("unknown key `{variable}`"), &format!("({nearest})")]);
        }
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        from_env(&[
            ("PATH", "/bin"),
            ("MENAGERIE_CONFIG", "zoo.toml"),
            ("MENAGERIE_TEST_KAFKA__GROUP", "x"),
            ("MENAGERIE_IMAGE", "zoo:1"),
            ("MENAGERIE_HTTP_PORT", "tcp://10.0.0.1:8080"),
            ("MENAGERIE_HTTP_SERVICE_HOST", "10.0.0.1"),
            ("MENAGERIE_ADMIN_PORT_9090_TCP_ADDR", "10.0.0.1"),
        ]);
    }
}

mod properties {
    use super::*;

    fn properties(loaded: &Loaded) -> Vec<(&str, &str)> {
        loaded.config.kafka.properties.iter().collect()
    }

    const TWO: [(&str, &str); 2] = [("fetch.wait.max.ms", "5"), ("security.protocol", "SASL_SSL")];

    #[test]
    fn they_need_no_quotes_in_the_file() {
        let text = "[kafka.properties]\nfetch.wait.max.ms = 5\n'security.protocol' = 'SASL_SSL'";
        let loaded = load(text, &[], &[]).unwrap();
        assert_eq!(properties(&loaded), TWO);
        let origin = &loaded.origins["kafka.properties.security.protocol"];
        assert!(matches!(origin, Origin::File { line: 3, .. }), "{origin}");
    }

    #[test]
    fn a_variable_is_a_list_or_an_inline_table() {
        for text in [
            "fetch.wait.max.ms=5, security.protocol=SASL_SSL",
            "{ fetch.wait.max.ms = 5, 'security.protocol' = 'SASL_SSL' }",
        ] {
            let loaded = from_env(&[("MENAGERIE_KAFKA__PROPERTIES", text)]);
            assert_eq!(properties(&loaded), TWO, "{text}");
        }
    }

    #[test]
    fn they_are_merged_one_by_one() {
        let text = "[kafka.properties]\n'fetch.wait.max.ms' = 1\n'client.id' = 'file'";
        let env = [("MENAGERIE_KAFKA__PROPERTIES", "client.id=env")];
        let flags = [("kafka.properties.linger.ms", "1")];
        let loaded = load(text, &env, &flags).unwrap();
        let merged = [("client.id", "env"), ("fetch.wait.max.ms", "1"), ("linger.ms", "1")];
        assert_eq!(properties(&loaded), merged);
    }

    #[test]
    fn those_that_a_promise_rests_on_are_refused() {
        for name in ["enable.idempotence", "acks", "group.id", "enable.auto.commit"] {
            let key = format!("kafka.properties.{name}");
            assert_says(&problem_of_flag(&key, "x"), &[&key, "--set", "not for you to set"]);
        }
    }

    #[test]
    fn a_list_that_is_none_is_refused_without_quoting_it() {
        let problem = problem("", &[("MENAGERIE_KAFKA__PROPERTIES", "hunter2")], &[]);
        assert_says(&problem, &["`kafka.properties`", "MENAGERIE_KAFKA__PROPERTIES"]);
        assert!(!problem.contains("hunter2"), "{problem}");
    }
}

mod errors {
    use super::*;

    #[test]
    fn an_unknown_key_of_the_file_is_named_with_its_line_and_the_nearest_key() {
        let problem = problem("[kafka]\n\ngruop = 'zoo'", &[], &[]);
        assert_says(&problem, &["unknown key `kafka.gruop`", ":3)", "`kafka.group`"]);
    }

    #[test]
    fn an_unknown_key_of_a_flag_is_named_with_the_nearest_key() {
        let cases = [
            ("kafka.gruop", "kafka.group"),
            ("kafak.group", "kafka.group"),
            ("group", "kafka.group"),
            ("grace", "shutdown.grace"),
            ("kafka.pet_command", "kafka.topics.pet_command"),
            ("kafka", "kafka.group"),
        ];
        for (key, nearest) in cases {
            let problem = problem_of_flag(key, "x");
            assert_says(&problem, &[&format!("unknown key `{key}` (--set)"), "nearest"]);
            let section = nearest.split('.').next().unwrap();
            let expected = if key == "kafka" { section } else { nearest };
            assert_says(&problem, &[&format!("key is `{expected}")]);
        }
    }

    #[test]
    fn an_unknown_section_is_refused_even_when_it_is_empty() {
        assert_says(&problem("[zoo]", &[], &[]), &["unknown key `zoo`"]);
        assert_eq!(load("[kafka]", &[], &[]).unwrap().config, Config::default());
    }

    #[test]
    fn a_value_of_the_wrong_form_is_named_with_its_source() {
        let cases = [
            ("pets.hunger_interval", "soon", "`soon` is not a duration"),
            ("pets.max_spawned", "many", "expected u8"),
            ("allow_anonymous", "perhaps", "expected a boolean"),
            ("http.listen", "localhost", "socket address"),
            ("log.format", "xml", "unknown variant `xml`"),
            ("tenancy.default", "GMS", "neither `uuid` nor"),
            ("kafka.group", "", "must not be empty"),
        ];
        for (key, value, reason) in cases {
            assert_says(&problem_of_flag(key, value), &[&format!("`{key}` (--set)"), reason]);
        }
    }

    #[test]
    fn a_table_in_place_of_a_value_is_refused() {
        assert_says(&problem("kafka.group.name = 'zoo'", &[], &[]), &["`kafka.group`", ":1)"]);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let text = "[pets]\nmax_spawned = 4\nmax_spawn = 4";
        let env = [("MENAGERIE_SHARD__LEASE", "0s")];
        let problems = load(text, &env, &[("log.level", "inof")]).unwrap_err().problems;
        let text = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert_eq!(problems.len(), 4, "{text}");
        assert_says(&text, &["pets.max_spawned`", "pets.max_spawn`", "shard.lease", "log.level"]);
    }

    #[test]
    fn a_file_that_is_not_toml_is_named_with_the_line() {
        let problem = problem("[kafka]\ngroup = \npassword = \"hunter2\"", &[], &[]);
        assert_says(&problem, &[":2: "]);
        assert!(!problem.contains("hunter2"), "{problem}");
    }

    #[test]
    fn a_file_that_is_missing_is_named() {
        let sources = Sources { file: Some("/nowhere/zoo.toml".into()), ..Sources::default() };
        let error = Config::load(sources).unwrap_err().to_string();
        assert_says(&error, &["/nowhere/zoo.toml", "--config"]);
    }

    #[test]
    fn a_secret_of_the_wrong_form_is_not_quoted() {
        let problem = problem("nats.password = 31415926", &[], &[]);
        assert_says(&problem, &["`nats.password`", "is not text"]);
        assert!(!problem.contains("31415926"), "{problem}");
    }
}

mod ranges {
    use super::*;

    #[test]
    fn integers_stay_in_the_range_of_the_schema() {
        for (key, value, reason) in [
            ("pets.max_spawned", "0", "0 is not in 1..=3"),
            ("pets.max_spawned", "4", "4 is not in 1..=3"),
            ("engine.max_round", "0", "0 is not in 1..=65536"),
            ("outbox.max_rows", "0", "0 is less than 1"),
            ("nats.replicas", "6", "6 is not in 1..=5"),
            ("engine.arbiters", "-1", "expected usize"),
        ] {
            assert_says(&problem_of_flag(key, value), &[&format!("`{key}`"), reason]);
        }
    }

    #[test]
    fn no_duration_is_nothing() {
        for key in KEYS.iter().filter(|key| key.is_duration) {
            assert_says(&problem_of_flag(&key.path, "0s"), &[&key.path, "longer than nothing"]);
        }
    }

    #[test]
    fn a_lease_is_at_least_a_second() {
        assert_says(&problem_of_flag("shard.lease", "999ms"), &["shard.lease", "at least 1s"]);
        let loaded = load("", &[], &[("shard.lease", "1s")]).unwrap();
        assert_eq!(loaded.config.shard.lease, Duration::from_secs(1));
    }

    #[test]
    fn each_required_integer_is_at_least_one() {
        for key in KEYS.iter().filter(|key| key.kind == Kind::Integer) {
            if key.path != "engine.arbiters" {
                assert_says(&problem_of_flag(&key.path, "0"), &[&key.path]);
            }
        }
    }
}

mod consistency {
    use super::*;

    #[test]
    fn the_listeners_do_not_share_a_port() {
        let flags = [("admin.listen", "127.0.0.1:8080")];
        assert_says(&problem("", &[], &flags), &["`admin.listen`", "http.listen"]);
        load("", &[], &[("admin.listen", "127.0.0.1:0"), ("http.listen", "127.0.0.1:0")]).unwrap();
    }

    #[test]
    fn a_topic_has_one_meaning() {
        let problem = problem_of_flag("kafka.topics.pet_status", "COMMAND_TOPIC_PET");
        assert_says(&problem, &["`kafka.topics.pet_status`", "kafka.topics.pet_command"]);
        let problem = problem_of_flag("kafka.dead_letter_topic", "COMMAND_TOPIC_PET");
        assert_says(&problem, &["`kafka.dead_letter_topic`"]);
        assert_says(&problem_of_flag("kafka.dead_letter_topic", "a b"), &["no topic name"]);
    }

    #[test]
    fn nats_takes_one_kind_of_credentials() {
        let both = [("nats.user", "u"), ("nats.password", "p"), ("nats.token", "t")];
        assert_says(&problem("", &[], &both), &["`nats.token`"]);
        assert_says(&problem_of_flag("nats.user", "u"), &["`nats.user`", "go together"]);
        assert_says(&problem_of_flag("nats.password", "p"), &["`nats.password`", "go together"]);
    }

    #[test]
    fn addresses_have_a_scheme_that_is_understood() {
        let problem = problem_of_flag("database.url", "mysql://u:hunter2@db");
        assert_says(&problem, &["`database.url`", "postgres://"]);
        assert!(!problem.contains("hunter2"), "{problem}");
        assert_says(&problem_of_flag("trace.endpoint", "otel:4318"), &["`trace.endpoint`"]);
    }

    #[test]
    fn a_level_is_a_level_or_directives() {
        assert_says(&problem_of_flag("log.level", "inof"), &["`log.level`", "`inof`"]);
        load("", &[], &[("log.level", "warn,menagerie::engine=debug")]).unwrap();
    }
}

mod shown {
    use super::*;

    #[test]
    fn print_has_each_key_with_its_source() {
        let text = load("", &[("LOG_LEVEL", "debug")], &[("pets.max_spawned", "2")]).unwrap();
        let text = text.print();
        for key in KEYS.iter().filter(|key| key.kind != Kind::Map) {
            assert!(text.contains(&key.path), "{} is missing", key.path);
        }
        let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap();
        assert!(line("log.level = \"debug\"").ends_with("# LOG_LEVEL"));
        assert!(line("pets.max_spawned = 2").ends_with("# --set"));
        assert!(line("characters.restore_window = \"30d\"").ends_with("# default"));
        assert!(line("# tenancy.default is not set").ends_with("# default"));
    }

    #[test]
    fn print_shows_no_secret() {
        let env = [
            ("DATABASE_URL", "postgres://zoo:hunter2@db/zoo"),
            ("MENAGERIE_NATS__USER", "zoo"),
            ("MENAGERIE_NATS__PASSWORD", "hunter2"),
            ("MENAGERIE_KAFKA__PROPERTIES", "sasl.password=hunter2"),
        ];
        let loaded = from_env(&env);
        let text = loaded.print();
        assert_says(&text, &["postgres://zoo:***@db/zoo", "nats.password = \"***\""]);
        assert_says(&text, &["kafka.properties.\"sasl.password\" = \"***\""]);
        assert!(!text.contains("hunter2") && !format!("{loaded:?}").contains("hunter2"), "{text}");
    }

    #[test]
    fn what_print_shows_can_be_read_back() {
        let env = [
            ("MENAGERIE_TENANCY__DEFAULT", "083839c6-c47c-42a6-9585-76492795d123/GMS/83/1"),
            ("MENAGERIE_KAFKA__PROPERTIES", "client.id=zoo"),
            ("MENAGERIE_PETS__HUNGER_INTERVAL", "1m 30s"),
        ];
        let loaded = from_env(&env);
        assert_eq!(load(&loaded.print(), &[], &[]).unwrap().config, loaded.config);
    }

    #[test]
    fn the_schema_describes_each_key() {
        let schema = Config::schema().to_value();
        for key in KEYS.iter() {
            let node = key.path.split('.').fold(&schema, |node, name| &node["properties"][name]);
            assert!(node["description"].is_string(), "{} is not described", key.path);
            assert!(node.get("default").is_some(), "{} has no default", key.path);
        }
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["kafka"]["additionalProperties"], false);
    }
}

mod meaning {
    use super::*;

    #[test]
    fn a_tenant_is_a_uuid_with_or_without_region_and_version() {
        let uuid = "083839c6-c47c-42a6-9585-76492795d123";
        let tenant = |text: &str| {
            load("", &[], &[("tenancy.default", text)]).unwrap().config.tenancy.default.unwrap()
        };
        let full = tenant(&format!("{uuid}/GMS/83/1"));
        assert_eq!((full.id.to_string().as_str(), &*full.region), (uuid, "GMS"));
        assert_eq!((full.major, full.minor), (83, 1));
        let bare = tenant(uuid);
        assert_eq!((&*bare.region, bare.major, bare.minor), ("", 0, 0));
    }

    #[test]
    fn the_embedded_backend_migrates_by_itself() {
        let database = |env: &[(&str, &str)]| from_env(env).config.database;
        assert!(!database(&[]).migrate_on_start());
        assert!(database(&[("DATABASE_URL", "sqlite::memory:")]).migrate_on_start());
        let set = ("MENAGERIE_DATABASE__MIGRATE_ON_START", "false");
        assert!(!database(&[("DATABASE_URL", "sqlite::memory:"), set]).migrate_on_start());
    }

    #[test]
    fn the_word_embedded_chooses_the_adapter_inside() {
        let config =
            from_env(&[("BOOTSTRAP_SERVERS", "embedded"), ("NATS_URL", "embedded")]).config;
        assert!(config.kafka.is_embedded() && config.nats.is_embedded());
        assert!(!Config::default().kafka.is_embedded() && !Config::default().nats.is_embedded());
    }
}
