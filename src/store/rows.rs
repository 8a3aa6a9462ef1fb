//! Rows of a round as the JSON that [`Table::insert`] reads.

mod character;
mod created;
mod request;

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::table::{Conflict, Kind, Table};
use super::work::{DeadLetter, PetRow, Source};
use crate::domain::Tenant;

pub(super) use character::{CHARACTERS, characters};
pub(super) use created::{CREATED, NEW_CHARACTERS, created, created_columns};
pub(super) use request::{ANSWERS, HISTORY, answers, history};

pub(super) const PETS: Table = Table {
    name: "pets",
    key: &["tenant", "id"],
    columns: &[
        ("tenant", Kind::Uuid),
        ("id", Kind::BigInt),
        ("owner", Kind::BigInt),
        ("template_id", Kind::BigInt),
        ("cash_id", Kind::BigInt),
        ("name", Kind::Text),
        ("level", Kind::SmallInt),
        ("closeness", Kind::Int),
        ("fullness", Kind::SmallInt),
        ("slot", Kind::SmallInt),
        ("expiration", Kind::Instant),
        ("flag", Kind::Int),
        ("purchase_by", Kind::BigInt),
        ("excludes", Kind::Json),
        ("asset_id", Kind::BigInt),
        ("asset_slot", Kind::SmallInt),
    ],
    conflict: Conflict::Overwrite,
};

pub(super) const TENANTS: Table = Table {
    name: "tenants",
    key: &["id"],
    columns: &[
        ("id", Kind::Uuid),
        ("region", Kind::Text),
        ("major_version", Kind::Int),
        ("minor_version", Kind::Int),
    ],
    conflict: Conflict::Overwrite,
};

pub(super) const SOURCES: Table = Table {
    name: "sources",
    key: &["shard", "topic", "partition"],
    columns: &[
        ("shard", Kind::Shard),
        ("topic", Kind::Text),
        ("partition", Kind::Int),
        ("next_offset", Kind::BigInt),
    ],
    conflict: Conflict::Overwrite,
};

pub(super) const DEAD_LETTERS: Table = Table {
    name: "dead_letters",
    key: &["shard", "topic", "partition", "offset"],
    columns: &[
        ("shard", Kind::Shard),
        ("tenant", Kind::Uuid),
        ("topic", Kind::Text),
        ("partition", Kind::Int),
        ("offset", Kind::BigInt),
        ("key", Kind::Bytes),
        ("headers", Kind::Text),
        ("payload", Kind::Bytes),
        ("reason", Kind::Text),
        ("detail", Kind::Text),
        ("created_at", Kind::Instant),
    ],
    // The same place in a topic that was made anew holds another record.
    conflict: Conflict::Overwrite,
};

#[derive(Serialize)]
struct PetJson<'a> {
    #[serde(with = "uuid::serde::simple")]
    tenant: Uuid,
    id: u32,
    owner: u32,
    template_id: u32,
    cash_id: i64,
    name: &'a str,
    level: u8,
    closeness: u16,
    fullness: u8,
    slot: i8,
    expiration: Option<String>,
    flag: u16,
    purchase_by: u32,
    excludes: &'a [u32],
    asset_id: Option<u32>,
    asset_slot: Option<i16>,
}

#[derive(Serialize)]
struct TenantJson<'a> {
    #[serde(with = "uuid::serde::simple")]
    id: Uuid,
    region: &'a str,
    major_version: u16,
    minor_version: u16,
}

#[derive(Serialize)]
struct SourceJson<'a> {
    topic: &'a str,
    partition: i32,
    next_offset: i64,
}

#[derive(Serialize)]
struct DeadLetterJson<'a> {
    tenant: Option<String>,
    topic: &'a str,
    partition: i32,
    offset: i64,
    key: Option<String>,
    headers: String,
    payload: String,
    reason: &'a str,
    detail: String,
    created_at: String,
}

pub(super) fn pets(rows: &[PetRow]) -> String {
    array(rows, |PetRow { tenant, owner, pet }| PetJson {
        tenant: tenant.0,
        id: pet.id.0,
        owner: owner.0,
        template_id: pet.template_id,
        cash_id: pet.cash_id.cast_signed(),
        name: &pet.name,
        level: pet.level,
        closeness: pet.closeness,
        fullness: pet.fullness,
        slot: pet.slot,
        expiration: pet.expiration.map(instant),
        flag: pet.flag,
        purchase_by: pet.purchase_by,
        excludes: &pet.excludes,
        asset_id: pet.asset.map(|asset| asset.id),
        asset_slot: pet.asset.map(|asset| asset.slot),
    })
}

pub(super) fn tenants<'a>(rows: impl IntoIterator<Item = &'a Tenant>) -> String {
    array(rows, |tenant| TenantJson {
        id: tenant.id.0,
        region: &tenant.region,
        major_version: tenant.major,
        minor_version: tenant.minor,
    })
}

pub(super) fn sources(rows: &[Source]) -> String {
    array(rows, |source| SourceJson {
        topic: &source.topic,
        partition: source.partition,
        next_offset: source.next_offset,
    })
}

pub(super) fn dead_letters(rows: &[DeadLetter]) -> String {
    array(rows, |letter| DeadLetterJson {
        tenant: letter.tenant.map(|tenant| tenant.0.simple().to_string()),
        topic: &letter.topic,
        partition: letter.partition,
        offset: letter.offset,
        key: letter.key.as_deref().map(hex),
        headers: encode_headers(&letter.headers),
        payload: hex(&letter.payload),
        reason: &letter.reason,
        // It may quote the record; a NUL is the one character PostgreSQL cannot keep.
        detail: letter.detail.replace('\0', "\u{fffd}"),
        created_at: instant(letter.at),
    })
}

fn array<T, R: Serialize>(rows: impl IntoIterator<Item = T>, row: impl Fn(T) -> R) -> String {
    let rows: Vec<R> = rows.into_iter().map(row).collect();
    // About what names and values come to: growing a text of a round's size is dear.
    let mut json = Vec::with_capacity(2 * size_of_val(&*rows) + 2);
    serde_json::to_writer(&mut json, &rows).expect("text and numbers always have a JSON form");
    String::from_utf8(json).expect("JSON is UTF-8")
}

/// Microseconds on both backends: PostgreSQL keeps no more.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A header's value: as text where a person can read it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum HeaderValue {
    Text(String),
    Hex { hex: String },
}

/// `[["REGION", "GMS"], ["MAJOR_VERSION", {"hex": "0053"}]]`.
fn encode_headers(headers: &[(String, Vec<u8>)]) -> String {
    let headers: Vec<(&str, HeaderValue)> = headers
        .iter()
        .map(|(name, value)| {
            let text =
                std::str::from_utf8(value).ok().filter(|text| !text.contains(char::is_control));
            let value = match text {
                Some(text) => HeaderValue::Text(text.to_owned()),
                None => HeaderValue::Hex { hex: hex(value) },
            };
            (name.as_str(), value)
        })
        .collect();
    serde_json::to_string(&headers).expect("text always has a JSON form")
}

/// The inverse of what [`dead_letters`] writes; `None` when it is something else.
pub(super) fn decode_headers(json: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let headers: Vec<(String, HeaderValue)> = serde_json::from_str(json).ok()?;
    headers
        .into_iter()
        .map(|(name, value)| match value {
            HeaderValue::Text(text) => Some((name, text.into_bytes())),
            HeaderValue::Hex { hex } => Some((name, unhex(&hex)?)),
        })
        .collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn headers_of_any_bytes_come_back() {
        let headers = vec![
            ("REGION".to_owned(), b"GMS".to_vec()),
            ("MAJOR_VERSION".to_owned(), vec![0, 83]),
            ("REGION".to_owned(), vec![0xff, 0xfe]),
            ("empty".to_owned(), vec![]),
        ];
        let json = encode_headers(&headers);
        assert!(
            json.starts_with(r#"[["REGION","GMS"],["MAJOR_VERSION",{"hex":"0053"}]"#),
            "{json}"
        );
        assert_eq!(decode_headers(&json).unwrap(), headers);
    }
}
