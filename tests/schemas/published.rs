//! What was published before, in `docs/schemas`.

use std::collections::BTreeMap;
use std::path::Path;

use menagerie::schema::{self, breaking::breaking};
use serde_json::Value;

const COMMAND: &str = "cargo run -- schema write docs/schemas";

/// The files as they are checked in.
fn checked_in() -> BTreeMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn no_published_schema_has_changed_so_that_it_breaks_somebody() {
    let before = checked_in();
    let mut breaks = Vec::new();
    for published in schema::published() {
        let name = published.name;
        // One that is new breaks nobody; that its file is missing is for the next test to say.
        let Some(before) = before.get(&format!("{name}.json")) else { continue };
        let before: Value = serde_json::from_str(before).unwrap();
        let found = breaking(&before, &published.schema, published.direction);
        breaks.extend(found.iter().map(|found| format!("{name} {found}")));
    }
    assert!(
        breaks.is_empty(),
        "this would break those who read or write these messages:\n  {}\nKeep what was published \
         and add to it. Only if nobody uses the old form yet: {COMMAND}",
        breaks.join("\n  ")
    );
}

#[test]
fn no_published_schema_is_gone() {
    let now: Vec<_> = schema::files().into_iter().map(|(name, _)| name).collect();
    let gone: Vec<_> = checked_in().into_keys().filter(|name| !now.contains(name)).collect();
    assert!(gone.is_empty(), "messages that were published are not any more: {gone:?}");
}

#[test]
fn the_checked_in_files_are_the_generated_ones() {
    let before = checked_in();
    let stale = |(name, text): (String, String)| (before.get(&name) != Some(&text)).then_some(name);
    let stale: Vec<_> = schema::files().into_iter().filter_map(stale).collect();
    assert!(stale.is_empty(), "not up to date: {}; run: {COMMAND}", stale.join(", "));
}
