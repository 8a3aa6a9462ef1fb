//! A SQLite file is looked at and left as it is; each stream is told by itself.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::config::Sources;
use crate::edge::nats::{Difference, StreamState};
use crate::sidecar::ports::store_options;

struct Zoo {
    folder: TempDir,
    config: Config,
}

impl Zoo {
    fn new(migrate_on_start: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("zoo.db"), migrate_on_start);
        Self { folder, config }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("zoo.db")
    }

    async fn migrate(&self) -> Store {
        let store = Store::connect(store_options(&self.config)).await.unwrap();
        store.migrate_up().await.unwrap();
        store
    }

    /// What stands in the folder, except that readers take their turns in the shared index.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let entries = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let is_index = |path: &PathBuf| path.to_str().unwrap().ends_with("-shm");
        entries
            .map(|path| {
                let bytes = if is_index(&path) { Vec::new() } else { fs::read(&path).unwrap() };
                (path, bytes)
            })
            .collect()
    }

    /// The one thing that is found, with nothing changed by looking.
    async fn finding(&self) -> Finding {
        let before = self.files();
        let findings = check_store(&self.config).await;
        assert!(self.files() == before, "looking changed something");
        let [(service, finding)] = &findings[..] else { panic!("{findings:?}") };
        assert_eq!(*service, "database");
        finding.clone()
    }
}

fn config(file: &Path, migrate_on_start: bool) -> Config {
    let flags = [
        ("database.url", format!("sqlite:{}", file.display())),
        ("database.migrate_on_start", migrate_on_start.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    Config::load(Sources { flags: flags.into(), ..Sources::default() }).unwrap().config
}

fn assert_differs(finding: &Finding, parts: &[&str]) {
    let Finding::Differs(what) = finding else { panic!("{finding:?}") };
    for part in parts {
        assert!(what.contains(part), "`{part}` is missing in: {what}");
    }
}

fn assert_missing(finding: &Finding, parts: &[&str]) {
    let Finding::Missing(what) = finding else { panic!("{finding:?}") };
    for part in parts {
        assert!(what.contains(part), "`{part}` is missing in: {what}");
    }
}

fn assert_good(finding: &Finding, part: &str) {
    let Finding::Good(what) = finding else { panic!("{finding:?}") };
    assert!(what.contains(part), "`{part}` is missing in: {what}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_not_created() {
    let zoo = Zoo::new(false);
    assert_missing(&zoo.finding().await, &["zoo.db does not exist", "menagerie migrate up"]);
    assert_differs(&Zoo::new(true).finding().await, &["zoo.db does not exist", "menagerie serve"]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_missing() {
    let config = config(Path::new("/nowhere/zoo.db"), true);
    let findings = check_store(&config).await;
    assert!(matches!(&findings[..], [(_, Finding::Missing(what))] if what.contains("/nowhere")));
}

#[tokio::test]
async fn a_file_without_our_tables_misses_all_migrations() {
    let zoo = Zoo::new(false);
    let store = Store::connect(store_options(&zoo.config)).await.unwrap();
    let first = menagerie_migrations::names().remove(0);
    assert_missing(&zoo.finding().await, &[&first, "menagerie migrate up"]);
    let willing = Zoo { config: config(&zoo.file(), true), folder: zoo.folder };
    assert_differs(&willing.finding().await, &[&first, "menagerie serve"]);
    drop(store);
}

#[tokio::test]
async fn a_file_that_nobody_has_open_is_looked_at_and_left_alone() {
    let zoo = Zoo::new(false);
    drop(zoo.migrate().await);
    let log = zoo.folder.path().join("zoo.db-wal");
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while log.exists() {
        assert!(std::time::Instant::now() < deadline, "the store is not closed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_good(&zoo.finding().await, "schema is current");
}

#[tokio::test]
async fn a_file_that_a_process_has_open_is_looked_at_too() {
    let zoo = Zoo::new(false);
    let store = zoo.migrate().await;
    assert_good(&zoo.finding().await, "schema is current");
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_missing() {
    let zoo = Zoo::new(true);
    fs::write(zoo.file(), "a zoo is no database, and this is long enough to say so").unwrap();
    assert!(matches!(zoo.finding().await, Finding::Missing(_)));
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_the_configurations_fault() {
    let mut config = Config::default();
    config.database.url = "sqlite::memory:".into();
    let findings = check_store(&config).await;
    assert!(matches!(&findings[..], [(_, Finding::Wrong(what))] if what.contains("database.url")));
}

#[test]
fn the_catalog_is_told_with_where_it_comes_from_and_how_much_it_has() {
    let mut config = Config::default();
    assert_good(&check_catalog(&config), "builtin");
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/config/catalog"));
    let num_templates = Catalog::builtin().templates().count();
    config.catalog.dir = Some(dir);
    assert_good(&check_catalog(&config), &format!("config/catalog, {num_templates} pet templates"));
}

#[test]
fn a_catalog_that_cannot_be_used_is_wrong_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.catalog.dir = Some(folder.path().join("nowhere"));
    let is_wrong = |finding: &Finding, part: &str| matches!(finding, Finding::Wrong(what) if what.contains(part));
    assert!(is_wrong(&check_catalog(&config), "nowhere/pets.toml"));
    fs::write(folder.path().join("pets.toml"), "\n[[pet]]\ntemplate_id = 7\n").unwrap();
    fs::write(folder.path().join("maps.toml"), "").unwrap();
    config.catalog.dir = Some(folder.path().to_owned());
    let finding = check_catalog(&config);
    assert!(is_wrong(&finding, "pets.toml:"), "{finding:?}");
}

#[test]
fn a_port_that_is_taken_differs_and_a_free_one_is_good() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    assert_differs(&check_listener("http.listen", address), &["is taken", "http.listen"]);
    drop(taken);
    assert_good(&check_listener("http.listen", address), "is free");
}

#[tokio::test]
async fn each_service_that_nobody_offers_is_unreachable_and_says_why() {
    let closed = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (database, kafka, nats) = (closed(), closed(), closed());
    let flags = [
        ("database.url", format!("postgres://zoo@{database}/zoo")),
        ("kafka.bootstrap_servers", kafka.clone()),
        ("nats.url", format!("nats://{nats}")),
    ]
    .map(|(key, value)| (key.to_owned(), value));
    let config =
        Config::load(Sources { flags: flags.into(), ..Sources::default() }).unwrap().config;
    let findings = look_at_all(&config).await;
    for (thing, address) in [("database", database), ("kafka", kafka), ("nats", nats)] {
        let (_, finding) = findings.iter().find(|(name, _)| *name == thing).unwrap();
        let Finding::Unreachable(what) = finding else { panic!("{finding:?}") };
        assert!(what.contains(&address), "{what}");
        assert!(what.to_lowercase().contains("connection refused"), "{what}");
    }
}

#[test]
fn only_the_stream_that_differs_is_shown_as_differing() {
    let status = |state| StreamStatus { name: "ZOO".to_owned(), state };
    let difference =
        Difference { field: "max_age", ours: "30d".to_owned(), theirs: "7d".to_owned() };
    assert!(matches!(stream(&status(StreamState::AsWanted)), Finding::Good(_)));
    assert_differs(&stream(&status(StreamState::Differs(vec![difference]))), &["max_age is 7d"]);
    assert_differs(&stream(&status(StreamState::Missing)), &["ZOO is missing"]);
}

#[test]
fn the_exit_code_is_that_of_the_worst_finding() {
    let good = || Finding::Good(String::new());
    let differs = || Finding::Differs(String::new());
    let missing = || Finding::Missing(String::new());
    let unreachable = || Finding::Unreachable(String::new());
    let wrong = || Finding::Wrong(String::new());
    let exit = |findings: &[Finding]| exit(findings.iter());
    assert_eq!(exit(&[good(), differs()]), Exit::Done);
    assert_eq!(exit(&[missing(), differs()]), Exit::Unavailable);
    assert_eq!(exit(&[unreachable(), good()]), Exit::Unavailable);
    assert_eq!(exit(&[wrong(), missing(), good()]), Exit::Usage);
}
