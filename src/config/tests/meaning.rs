//! What values mean.

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
    let config = from_env(&[("BOOTSTRAP_SERVERS", "embedded"), ("NATS_URL", "embedded")]).config;
    assert!(config.kafka.is_embedded() && config.nats.is_embedded());
    assert!(!Config::default().kafka.is_embedded() && !Config::default().nats.is_embedded());
}

#[test]
fn a_collector_without_a_scheme_is_spoken_to_by_http() {
    for (text, endpoint) in [
        ("otel:4317", "http://otel:4317"),
        ("[::1]:4317", "http://[::1]:4317"),
        ("http://otel", "http://otel"),
        ("https://otel/v1/traces", "https://otel/v1/traces"),
    ] {
        let trace = from_env(&[("TRACE_ENDPOINT", text)]).config.trace;
        assert_eq!(trace.endpoint.as_deref(), Some(endpoint));
    }
}
