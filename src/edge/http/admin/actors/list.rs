//! A page of the actors alive: the engine's own before all characters.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use uuid::Uuid;

use super::{Actor, own_actor};
use crate::domain::{CharacterId, CharacterKey, TenantId};
use crate::edge::http::admin::{Admin, Page, json, limit, no_cursor};
use crate::edge::http::asked::query;
use crate::edge::http::error::{Code, Error};
use crate::engine::roll::{self, Filter, Place, Sort};
use crate::telemetry::mailbox::{KINDS, Kind};

/// What the cursor of a page begins with that follows so many of the engine's own.
const OWN: &str = "own";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    kind: Option<String>,
    online: Option<bool>,
    sort: Option<By>,
    q: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Mailbox,
    Wait,
    Idle,
    Rate,
}

/// Where a page begins.
#[derive(Clone, Copy)]
enum Start {
    /// Behind so many of the engine's own.
    Own(usize),
    /// Behind this character.
    Behind(Place),
}

pub(super) async fn list(admin: Data<Admin>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let Listing { kind, online, sort, q, limit: asked, cursor } = query(&request)?;
    let limit = limit(asked)?;
    let unknown = || Error::new(Code::InvalidQuery, "kind: there is no such actor");
    let kind = kind
        .map(|name| KINDS.into_iter().find(|kind| kind.name() == name).ok_or_else(unknown))
        .transpose()?;
    let start = match cursor {
        None => Start::Own(0),
        Some(cursor) => start(&cursor).ok_or_else(no_cursor)?,
    };
    let shard = admin.shard()?;
    let mut data = Vec::new();
    let mut total = 0;
    let mut next_cursor = None;
    if online.is_none() && q.is_none() && kind != Some(Kind::Character) {
        let own = shard.actors().filter(|(own, _)| kind.is_none_or(|kind| kind == *own));
        let own: Vec<_> = own.map(|(kind, is_alive)| own_actor(kind, is_alive)).collect();
        total += own.len();
        if let Start::Own(num_before) = start {
            let num_seen = total.min(num_before.saturating_add(limit));
            data.extend(own.into_iter().take(num_seen).skip(num_before));
            next_cursor = (num_seen < total).then(|| own_cursor(num_seen));
        }
    }
    if kind.is_none_or(|kind| kind == Kind::Character) {
        let filter = filter(online, q.as_deref())?;
        let sort = match sort {
            None => Sort::Key,
            Some(By::Mailbox) => Sort::Mailbox,
            Some(By::Wait) => Sort::Wait,
            Some(By::Idle) => Sort::Idle,
            Some(By::Rate) => Sort::Rate,
        };
        let after = match start {
            Start::Own(_) => None,
            Start::Behind(place) => Some(place),
        };
        let room = limit - data.len();
        let page = roll::page(shard.handle().registry(), filter, sort, after, room);
        let is_next = room == 0 && page.total > 0;
        next_cursor = next_cursor
            .or_else(|| page.next.map(cursor_of))
            .or_else(|| is_next.then(|| own_cursor(total)));
        total += page.total;
        data.extend(page.seen.into_iter().map(Actor::from));
    }
    Ok(json(&Page { data, next_cursor, total: Some(total) }))
}

fn filter(online: Option<bool>, q: Option<&str>) -> Result<Filter, Error> {
    let filter = Filter { online, ..Filter::default() };
    let Some(q) = q.map(str::trim).filter(|q| !q.is_empty()) else { return Ok(filter) };
    if let Ok(number) = q.trim_start_matches("n:").parse() {
        return Ok(Filter { number: Some(number), ..filter });
    }
    match Uuid::try_parse(q) {
        Ok(tenant) => Ok(Filter { tenant: Some(TenantId(tenant)), ..filter }),
        Err(_) => Err(Error::new(Code::InvalidQuery, "q: neither a number nor a tenant")),
    }
}

/// Opaque to callers: rank and key of the last one.
fn cursor_of(place: Place) -> String {
    let Place { rank, key } = place;
    format!("{:016x}{}{:08x}", rank.to_bits(), key.tenant.0.simple(), key.character.0)
}

fn own_cursor(num_before: usize) -> String {
    format!("{OWN}{num_before}")
}

fn start(cursor: &str) -> Option<Start> {
    if let Some(num_before) = cursor.strip_prefix(OWN) {
        return num_before.parse().ok().map(Start::Own);
    }
    let is_hex = cursor.len() == 56 && cursor.bytes().all(|byte| byte.is_ascii_hexdigit());
    let cursor = is_hex.then_some(cursor)?;
    let rank = f64::from_bits(u64::from_str_radix(&cursor[..16], 16).ok()?);
    let tenant = TenantId(Uuid::try_parse(&cursor[16..48]).ok()?);
    let character = CharacterId(u32::from_str_radix(&cursor[48..], 16).ok()?);
    Some(Start::Behind(Place { rank, key: CharacterKey { tenant, character } }))
}
