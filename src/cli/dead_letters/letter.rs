//! A dead letter, for people.

use std::fmt;
use std::io::{self, Write};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::cli::table::{instant, or_dash, plain, show_facts};

pub(super) const COLUMNS: [&str; 7] = ["ID", "AT", "REASON", "RECORD", "TENANT", "BYTES", "DETAIL"];

/// What names a letter: text in the contract, a number in the database.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Id {
    Text(String),
    Number(i64),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(id) => f.write_str(id),
            Self::Number(id) => id.fmt(f),
        }
    }
}

/// What the list has of it.
#[derive(Deserialize)]
pub(super) struct Letter {
    id: Id,
    at: DateTime<Utc>,
    reason: String,
    detail: Option<String>,
    topic: String,
    partition: i64,
    offset: i64,
    tenant: Option<String>,
    size: u64,
}

/// All of it.
#[derive(Deserialize)]
pub(super) struct Opened {
    #[serde(flatten)]
    letter: Letter,
    /// Base64.
    key: Option<String>,
    value: Option<String>,
    /// The value, if it is text.
    text: Option<String>,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
struct Header {
    name: String,
    /// Base64.
    value: Option<String>,
    text: Option<String>,
}

impl Letter {
    /// Topic, partition and offset.
    fn record(&self) -> String {
        format!("{}/{}@{}", self.topic, self.partition, self.offset)
    }
}

pub(super) fn row(letter: Letter) -> [String; 7] {
    let record = letter.record();
    [
        letter.id.to_string(),
        instant(letter.at),
        letter.reason,
        record,
        or_dash(letter.tenant),
        letter.size.to_string(),
        or_dash(letter.detail),
    ]
}

/// The bytes stand last: as text with its line ends, if they are text, else in base64.
pub(super) fn show(opened: &Opened, out: &mut impl Write) -> io::Result<()> {
    let Opened { letter, key, value, text, headers } = opened;
    show_facts(
        out,
        [
            ("id", letter.id.to_string()),
            ("at", instant(letter.at)),
            ("reason", letter.reason.clone()),
            ("detail", or_dash(letter.detail.as_ref())),
            ("record", letter.record()),
            ("tenant", or_dash(letter.tenant.as_ref())),
            ("key", or_dash(key.as_ref().map(|key| format!("base64 {key}")))),
            ("bytes", letter.size.to_string()),
        ],
    )?;
    if !headers.is_empty() {
        writeln!(out)?;
        show_facts(out, headers.iter().map(|header| (header.name.as_str(), header.shown())))?;
    }
    writeln!(out)?;
    match (text, value) {
        (Some(text), _) => text.lines().try_for_each(|line| writeln!(out, "{}", plain(line))),
        (None, Some(value)) => writeln!(out, "base64 {}", plain(value)),
        (None, None) => writeln!(out, "no value"),
    }
}

impl Header {
    fn shown(&self) -> String {
        match (&self.text, &self.value) {
            (Some(text), _) => text.clone(),
            (None, Some(value)) => format!("base64 {value}"),
            (None, None) => "-".to_owned(),
        }
    }
}
