//! What requests leave beside the characters they changed.

use std::borrow::Cow;

use serde::Serialize;
use uuid::Uuid;

use super::{array, hex, instant};
use crate::store::table::{Conflict, Kind, Table};
use crate::store::work::{AnswerRow, HistoryRow};

pub(in crate::store) const HISTORY: Table = Table {
    name: "character_events",
    key: &["tenant", "character", "seq"],
    columns: &[
        ("tenant", Kind::Uuid),
        ("character", Kind::Uuid),
        ("seq", Kind::BigInt),
        ("event_id", Kind::Uuid),
        ("type", Kind::Text),
        ("decided_at", Kind::Instant),
        ("body", Kind::Text),
    ],
    conflict: Conflict::Keep,
};

pub(in crate::store) const ANSWERS: Table = Table {
    name: "idempotency_keys",
    key: &["tenant", "key"],
    columns: &[
        ("tenant", Kind::Uuid),
        ("key", Kind::Text),
        ("request_hash", Kind::Bytes),
        ("answer", Kind::Bytes),
        ("created_at", Kind::Instant),
    ],
    conflict: Conflict::Overwrite,
};

#[derive(Serialize)]
struct HistoryJson<'a> {
    #[serde(with = "uuid::serde::simple")]
    tenant: Uuid,
    #[serde(with = "uuid::serde::simple")]
    character: Uuid,
    seq: i64,
    #[serde(with = "uuid::serde::simple")]
    event_id: Uuid,
    r#type: &'a str,
    decided_at: String,
    /// JSON is text; anything else is kept as far as it is.
    body: Cow<'a, str>,
}

#[derive(Serialize)]
struct AnswerJson<'a> {
    #[serde(with = "uuid::serde::simple")]
    tenant: Uuid,
    key: &'a str,
    request_hash: String,
    answer: String,
    created_at: String,
}

pub(in crate::store) fn history(rows: &[HistoryRow]) -> String {
    array(rows, |row| HistoryJson {
        tenant: row.tenant.0,
        character: row.character,
        seq: row.seq.cast_signed(),
        event_id: row.event_id,
        r#type: row.kind,
        decided_at: instant(row.at),
        body: String::from_utf8_lossy(&row.body),
    })
}

pub(in crate::store) fn answers(rows: &[AnswerRow]) -> String {
    array(rows, |row| AnswerJson {
        tenant: row.tenant.0,
        key: &row.key,
        request_hash: hex(&row.request_hash),
        answer: hex(&row.answer),
        created_at: instant(row.at),
    })
}
