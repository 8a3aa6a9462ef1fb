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

#[tokio::test]
async fn a_file_that_is_not_there_is_not_created() {
    let zoo = Zoo::new(false);
    assert_differs(&zoo.finding().await, &["zoo.db does not exist", "menagerie migrate up"]);
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
    assert_differs(&zoo.finding().await, &[&first, "menagerie migrate up"]);
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
    assert_eq!(zoo.finding().await, Finding::Good("schema is current".into()));
}

#[tokio::test]
async fn a_file_that_a_process_has_open_is_looked_at_too() {
    let zoo = Zoo::new(false);
    let store = zoo.migrate().await;
    assert_eq!(zoo.finding().await, Finding::Good("schema is current".into()));
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
    let wrong = || Finding::Wrong(String::new());
    let exit = |findings: &[Finding]| exit(findings.iter());
    assert_eq!(exit(&[good(), differs()]), Exit::Done);
    assert_eq!(exit(&[missing(), differs()]), Exit::Unavailable);
    assert_eq!(exit(&[wrong(), missing(), good()]), Exit::Usage);
}
