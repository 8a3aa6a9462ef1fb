//! `docs/operations.md`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use menagerie::cli::exit::Exit;

use crate::families::Families;
use crate::file;

const BEGIN: &str =
    "<!-- metrics: written by MENAGERIE_TEST_BLESS=1 cargo test --test observability -->";
const END: &str = "<!-- metrics: end -->";

fn path() -> PathBuf {
    file("docs/operations.md")
}

pub fn text() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// The anchors of the headings, as Git hosts make them.
pub fn anchors() -> BTreeSet<String> {
    anchors_of(&text())
}

fn anchors_of(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| slug(line.trim_start_matches('#').trim())).collect()
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Links of the guide to headings and files that are not there.
pub fn dead_links() -> Vec<String> {
    let text = text();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let dead = targets.filter(|target| {
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let page = match path {
            "" => text.clone(),
            _ => match std::fs::read_to_string(file("docs").join(path)) {
                Ok(page) => page,
                Err(_) => return !file("docs").join(path).exists(),
            },
        };
        !anchor.is_empty() && !anchors_of(&page).contains(anchor)
    });
    dead.map(|target| format!("docs/operations.md: {target}")).collect()
}

/// The table of metrics, which is written anew if that is wanted.
#[track_caller]
pub fn assert_lists_metrics(families: &Families) {
    let text = text();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}\n{}{END}{after}", table(families));
    if std::env::var_os("MENAGERIE_TEST_BLESS").is_some() {
        std::fs::write(path(), &wanted).unwrap();
    } else {
        assert!(text == wanted, "run with MENAGERIE_TEST_BLESS=1 to write the table anew");
    }
}

fn table(families: &Families) -> String {
    let mut table = String::from("\n| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (name, family) in families {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (kind, help) = (&family.kind, family.help.trim_end_matches('.'));
        table.push_str(&format!("| `{name}` | {kind} | {} | {help} |\n", labels.join(", ")));
    }
    table.push('\n');
    table
}

#[track_caller]
pub fn assert_lists_exit_codes() {
    let text = text();
    let (_, section) = text.split_once("\n## Exit codes\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    for exit in [Exit::Done, Exit::Usage, Exit::Unavailable, Exit::Internal] {
        let row = format!("\n| {} | ", exit as u8);
        assert!(section.contains(&row), "no row for exit code {}", exit as u8);
    }
}
