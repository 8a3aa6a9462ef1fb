//! What is committed, live, as server-sent events.

use std::fmt::Write as _;
use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Admin, instant};
use crate::domain::{CharacterId, Reason};
use crate::edge::embedded::subject::Filter;
use crate::edge::http::asked::query;
use crate::edge::http::error::{Code, Error};
use crate::edge::http::{reading, resource};
use crate::edge::operations::characters::character_ref;
use crate::engine::outbox::kind;
use crate::engine::outbox::row::{Entry, Row};
use crate::store::{CharacterRef, Sink};

/// How long nothing may be sent: proxies close what is silent.
const SILENCE: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    subject: Option<String>,
    tenant: Option<Uuid>,
    /// By its number, which may be written as `n:12345`, or by its UUID.
    character: Option<String>,
    pet: Option<u32>,
}

struct Taste {
    subject: Filter,
    tenant: Option<Uuid>,
    character: Option<u32>,
    pet: Option<u32>,
}

/// One event as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    subject: &'a str,
    tenant: Uuid,
    character: u32,
    pet: Option<u32>,
    #[serde(serialize_with = "instant")]
    at: DateTime<Utc>,
    event: &'a RawValue,
}

/// What of a pet's event says which pet it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AboutPet {
    pet_id: u32,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/admin/events", "GET").route(web::get().guard(reading()).to(events)));
}

async fn events(admin: Data<Admin>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let Wanted { subject, tenant, character, pet } = query(&request)?;
    let subject = match subject {
        None => Filter::all(),
        Some(pattern) => pattern
            .parse()
            .map_err(|error| Error::new(Code::InvalidQuery, format!("subject: {error}")))?,
    };
    let mut taste = Taste { subject, tenant, character: None, pet };
    if let Some(id) = character {
        taste.only(&id, &admin).await?;
    }
    let rows = admin.shard()?.watch().look();
    let stream = futures::stream::unfold((rows, taste), |(mut rows, taste)| async move {
        let chunk = next(&mut rows, &taste, SILENCE).await?;
        Some((Ok::<_, Error>(Bytes::from(chunk)), (rows, taste)))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(stream)))
}

/// None once the shard is given up.
async fn next(
    rows: &mut Receiver<(Sink, Row)>,
    taste: &Taste,
    silence: Duration,
) -> Option<String> {
    let mut chunk = String::new();
    // Also while there are rows, none of which is wanted here.
    let silent = Instant::now() + silence;
    loop {
        match tokio::time::timeout_at(silent, rows.recv()).await {
            Err(_) => chunk.push_str(": still here\n\n"),
            Ok(Err(RecvError::Closed)) => return None,
            Ok(Err(RecvError::Lagged(num_rows))) => {
                // A row is missed as a whole; how many events it had nobody knows any more.
                let _ = write!(chunk, "event: missed\ndata: {{\"missed\": {num_rows}}}\n\n");
            }
            Ok(Ok((sink, row))) => {
                for entry in row.entries() {
                    taste.tell(sink, &row, &entry, &mut chunk);
                }
            }
        }
        if !chunk.is_empty() {
            return Some(chunk);
        }
    }
}

impl Taste {
    /// Of one character, in its own tenant if it is named by its UUID.
    async fn only(&mut self, id: &str, admin: &Admin) -> Result<(), Error> {
        let number = id.parse().ok().map(|number| CharacterRef::Number(CharacterId(number)));
        match number.or_else(|| character_ref(id)) {
            Some(CharacterRef::Number(number)) => self.character = Some(number.0),
            Some(CharacterRef::Uuid(uuid)) => {
                let keys = admin.stored(move |store| async move { store.keys_of(uuid).await });
                let is_meant = |tenant| self.tenant.is_none_or(|meant| meant == tenant);
                let key = keys.await?.into_iter().find(|key| is_meant(key.tenant.0));
                let key = key.ok_or(Reason::UnknownCharacter)?;
                self.tenant = Some(key.tenant.0);
                self.character = Some(key.character.0);
            }
            None => {
                let detail = "character: expected a number, such as 12345 or n:12345, or a UUID";
                return Err(Error::new(Code::InvalidQuery, detail));
            }
        }
        Ok(())
    }

    fn tell(&self, sink: Sink, row: &Row, entry: &Entry<'_>, out: &mut String) {
        let Some((subject, pet)) = name(sink, entry) else { return };
        let is_wanted = self.subject.matches(&subject)
            && self.tenant.is_none_or(|tenant| tenant == entry.context.tenant)
            && self.character.is_none_or(|character| character == entry.owner)
            && self.pet.is_none_or(|wanted| pet == Some(wanted));
        if !is_wanted {
            return;
        }
        let Ok(event) = serde_json::from_slice(entry.payload) else { return };
        let shown = Shown {
            subject: &subject,
            tenant: entry.context.tenant,
            character: entry.owner,
            pet,
            at: row.decided_at,
            event,
        };
        // JSON has no line feed of its own.
        let data = serde_json::to_string(&shown).expect("text and numbers are JSON");
        let _ = write!(out, "id: {}\nevent: {subject}\ndata: {data}\n\n", entry.id);
    }
}

/// Subject and pet. None for the copy of a dead letter, which is no event.
fn name(sink: Sink, entry: &Entry<'_>) -> Option<(String, Option<u32>)> {
    let kind = usize::from(entry.kind);
    match sink {
        Sink::Nats => Some(((*kind::CHARACTER.get(kind)?).to_owned(), None)),
        Sink::Kafka => {
            let subject = format!("pet.{}", kind::PET.get(kind)?.to_ascii_lowercase());
            let pet = serde_json::from_slice::<AboutPet>(entry.payload).ok();
            Some((subject, pet.map(|about| about.pet_id)))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use tokio::sync::broadcast;

    use super::*;
    use crate::domain::{Tenant, TenantId};
    use crate::engine::outbox::row::{About, Writer};
    use crate::engine::record::Cause;

    fn row_of(owner: u32) -> Row {
        let id = TenantId(Uuid::from_u128(1));
        let tenant = Tenant { id, region: "GMS".into(), major: 83, minor: 1 };
        let mut writer = Writer::new();
        let about = About { owner, seq: 1 };
        writer.push(0, &Arc::new(Cause::of(Arc::new(tenant))), None, about, |_, body| {
            body.extend_from_slice(b"{}");
        });
        writer.into_row(1, Utc::now())
    }

    #[actix_rt::test]
    async fn a_listener_hears_that_it_is_not_forgotten_while_only_others_have_events() {
        let (tell, mut rows) = broadcast::channel(16);
        let teller = actix_rt::spawn(async move {
            while tell.send((Sink::Nats, row_of(7))).is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        let taste = Taste { subject: Filter::all(), tenant: None, character: Some(8), pet: None };
        let heard = next(&mut rows, &taste, Duration::from_millis(50));
        let heard = tokio::time::timeout(Duration::from_secs(30), heard).await.unwrap();
        assert_eq!(heard.as_deref(), Some(": still here\n\n"));
        let taste = Taste { character: Some(7), ..taste };
        let heard = next(&mut rows, &taste, Duration::from_secs(30)).await.unwrap();
        assert!(heard.contains("\"character\":7"), "{heard}");
        drop(rows);
        teller.await.unwrap();
    }
}
