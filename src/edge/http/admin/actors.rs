//! The actors alive: a page of them, one inside, and what can be done to it.

mod list;

use std::sync::Arc;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{Admin, Deed, LastError, NoFields, instant, json, optional_instant};
use crate::domain::character::{Action, Character, Whereabouts, request};
use crate::domain::input::Request;
use crate::domain::pet::{MAX_FULLNESS, Pet};
use crate::domain::{CharacterId, CharacterKey, Outcome, Reason, TenantId};
use crate::edge::http::error::{Code, Error};
use crate::edge::http::{reading, resource};
use crate::edge::operations::document::Document;
use crate::engine::character;
use crate::engine::character::inspect::Snapshot;
use crate::engine::character::recent::Handled;
use crate::engine::handle::Inspected;
use crate::engine::record::{Cause, Target};
use crate::engine::request::Errand;
use crate::engine::roll::Seen;
use crate::engine::round::{Answer, Census};
use crate::engine::supervisor::leave::{Left, Way};
use crate::store::Stored;
use crate::telemetry::mailbox::{self, Kind};
use crate::telemetry::metrics::METRICS;
use crate::telemetry::vitals::{Mishap, Reading};

/// The reason in the event of a session that was ended.
const KICKED: &str = "kicked";

/// One line of the list.
#[derive(Serialize)]
struct Actor {
    kind: &'static str,
    key: String,
    tenant: Option<Uuid>,
    number: Option<u32>,
    state: &'static str,
    mailbox: Mailbox,
    oldest_wait_seconds: Option<f64>,
    processed: u64,
    /// Messages a second.
    rate: f64,
    last_error: Option<LastError>,
    idle_seconds: Option<f64>,
    location: Option<Location>,
}

#[derive(Serialize)]
struct Mailbox {
    messages: u32,
    deepest: u32,
    capacity: i64,
}

#[derive(Serialize)]
struct Location {
    world_id: u8,
    channel_id: u8,
    map_id: u32,
    instance: Uuid,
}

/// One character's actor, inside.
#[derive(Serialize)]
struct Inside<'a> {
    #[serde(flatten)]
    actor: Actor,
    uuid: Option<Uuid>,
    round: Option<i64>,
    epoch: Option<i64>,
    version: Option<u64>,
    event_seq: Option<u64>,
    character: Option<Document<'a>>,
    pets: Vec<PetState<'a>>,
    #[serde(serialize_with = "optional_instant")]
    next_due: Option<DateTime<Utc>>,
    progress: Vec<Progress<'a>>,
    messages: Vec<Message>,
}

#[derive(Serialize)]
struct PetState<'a> {
    id: u32,
    template_id: u32,
    name: &'a str,
    level: u8,
    closeness: u16,
    fullness: u8,
    slot: i8,
    #[serde(serialize_with = "optional_instant")]
    expiration: Option<DateTime<Utc>>,
    hungry: bool,
    excludes: &'a [u32],
    x: Option<i16>,
    y: Option<i16>,
    stance: Option<u8>,
    fh: Option<i16>,
}

#[derive(Serialize)]
struct Progress<'a> {
    topic: &'a str,
    partition: i32,
    offset: i64,
}

#[derive(Serialize)]
struct Message {
    #[serde(serialize_with = "instant")]
    at: DateTime<Utc>,
    message: &'static str,
    /// More than 1 where movement is counted together.
    num_inputs: u32,
    wait_seconds: f64,
    duration_seconds: f64,
    outcome: &'static str,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    let one =
        |rest: &str, allow| resource(&format!("/admin/actors/{{tenant}}/{{number}}{rest}"), allow);
    config
        .service(
            resource("/admin/actors", "GET, HEAD")
                .route(web::route().guard(reading()).to(list::list)),
        )
        .service(one("", "GET, HEAD").route(web::route().guard(reading()).to(inspect)))
        .service(one("/passivate", "POST").route(web::post().to(passivate)))
        .service(one("/kick", "POST").route(web::post().to(kick)))
        .service(one("/restart", "POST").route(web::post().to(restart)));
}

async fn inspect(admin: Data<Admin>, request: HttpRequest) -> Result<HttpResponse, Error> {
    let key = key(&request)?;
    let shard = admin.shard()?;
    if let Some((inspected, snapshot)) = shard.handle().inspect(key).await {
        let mut inside = Inside::of(key, &inspected, &snapshot);
        inside.epoch = Some(shard.fence().epoch);
        return Ok(json(&inside));
    }
    let stored = admin.stored(move |store| async move { store.load(&[key]).await }).await?;
    let stored = stored.first().ok_or(Reason::UnknownCharacter)?;
    Ok(json(&Inside::stored(stored)))
}

async fn passivate(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    let key = key(&request)?;
    let work = move |admin: Arc<Admin>| async move { admin.leave(key, Way::Passivate).await };
    admin.audited(Deed::on(&request, "passivate", name(key)), work).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn restart(
    admin: Data<Admin>,
    request: HttpRequest,
    _: NoFields,
) -> Result<HttpResponse, Error> {
    let key = key(&request)?;
    let work = move |admin: Arc<Admin>| async move { admin.leave(key, Way::Restart).await };
    admin.audited(Deed::on(&request, "restart", name(key)), work).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn kick(
    admin: Data<Admin>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let key = key(&request)?;
    let mut body = super::body(&request, payload).await?;
    let reason = body.text("reason")?.unwrap_or_else(|| KICKED.into());
    body.end()?;
    let detail = Some(reason.to_string());
    let work = move |admin: Arc<Admin>| async move {
        admin.end_session(key, reason).await?;
        match admin.leave(key, Way::Passivate).await {
            // It came back at once: what was wanted, its session's end, is done.
            Err(error) if error.code == Code::CharacterOnline => Ok(()),
            left => left,
        }
    };
    let deed = Deed { detail, ..Deed::on(&request, "kick", name(key)) };
    admin.audited(deed, work).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl Admin {
    /// Takes a character out of memory. One that is only stored is out already.
    async fn leave(&self, key: CharacterKey, way: Way) -> Result<(), Error> {
        match self.shard()?.handle().leave(key, way).await? {
            Left::Done => Ok(()),
            Left::Online => Err(Error::new(Code::CharacterOnline, "kick it first")),
            Left::Absent => {
                let stored = self.stored(move |store| async move { store.load(&[key]).await });
                match stored.await?.is_empty() {
                    true => Err(Reason::UnknownCharacter.into()),
                    false => Ok(()),
                }
            }
        }
    }

    async fn end_session(&self, key: CharacterKey, reason: Box<str>) -> Result<(), Error> {
        let action = Action::Offline { reason };
        let asked = Request::Character(Box::new(request::Request::internal(action)));
        // As the clock's work: in the tenant of the character, whoever it is.
        let errand = Errand::new(Target::Owner(key), asked, Cause::none().into());
        let handle = self.shard()?.handle();
        match handle.ask(errand, self.game.request_timeout).await? {
            Answer::Refused(reason) => Err(reason.into()),
            Answer::Failed => Err(Error::new(Code::Internal, "the request failed")),
            _ => Ok(()),
        }
    }
}

impl Actor {
    fn of_character(
        key: CharacterKey,
        state: &'static str,
        reading: Reading,
        last_error: Option<Mishap>,
        idle_seconds: Option<f64>,
        whereabouts: Option<Whereabouts>,
    ) -> Self {
        Self {
            kind: Kind::Character.name(),
            key: name(key),
            tenant: Some(key.tenant.0),
            number: Some(key.character.0),
            state,
            mailbox: Mailbox {
                messages: reading.waiting,
                deepest: reading.deepest,
                capacity: i64::try_from(character::CAPACITY).unwrap_or(i64::MAX),
            },
            oldest_wait_seconds: reading.oldest_wait.map(|wait| wait.as_secs_f64()),
            processed: reading.processed,
            rate: rounded(reading.rate),
            last_error: last_error.map(LastError::from),
            idle_seconds,
            location: whereabouts.map(Location::from),
        }
    }
}

impl From<Seen> for Actor {
    fn from(seen: Seen) -> Self {
        let Seen { place, reading, last_error, census, idle_seconds } = seen;
        let (idle, whereabouts) = (Some(idle_seconds), census.whereabouts);
        Self::of_character(place.key, state(census), reading, last_error, idle, whereabouts)
    }
}

impl<'a> Inside<'a> {
    fn of(key: CharacterKey, inspected: &Inspected, snapshot: &'a Snapshot) -> Self {
        let Inspected { reading, last_error, census, idle_seconds, round } = inspected;
        let whereabouts = census.whereabouts;
        let actor = Actor::of_character(
            key,
            state(*census),
            *reading,
            last_error.clone(),
            Some(*idle_seconds),
            whereabouts,
        );
        Self {
            round: Some(*round),
            next_due: snapshot.next_due,
            progress: snapshot
                .progress
                .iter()
                .map(|(source, offset)| Progress {
                    topic: &source.topic,
                    partition: source.partition,
                    offset: *offset,
                })
                .collect(),
            messages: snapshot.handled.iter().map(Message::from).collect(),
            ..Self::holding(key, actor, snapshot.character.as_ref(), &snapshot.pets)
        }
    }

    /// One that is not in memory.
    fn stored(stored: &'a Stored) -> Self {
        let reading = Reading::default();
        let actor = Actor::of_character(stored.key, "stored", reading, None, None, None);
        Self::holding(stored.key, actor, stored.character.as_ref(), &stored.pets)
    }

    fn holding(
        key: CharacterKey,
        actor: Actor,
        character: Option<&'a Character>,
        pets: &'a [Pet],
    ) -> Self {
        Self {
            actor,
            uuid: character.map(|character| character.uuid),
            round: None,
            epoch: None,
            version: character.map(|character| character.version),
            event_seq: character.map(|character| character.event_seq),
            character: character.map(|character| Document::new(key.character, character)),
            pets: pets.iter().map(PetState::from).collect(),
            next_due: None,
            progress: Vec::new(),
            messages: Vec::new(),
        }
    }
}

impl<'a> From<&'a Pet> for PetState<'a> {
    fn from(pet: &'a Pet) -> Self {
        Self {
            id: pet.id.0,
            template_id: pet.template_id,
            name: &pet.name,
            level: pet.level,
            closeness: pet.closeness,
            fullness: pet.fullness,
            slot: pet.slot,
            expiration: pet.expiration,
            hungry: pet.is_spawned() && pet.fullness < MAX_FULLNESS,
            excludes: &pet.excludes,
            x: pet.position.map(|position| position.x),
            y: pet.position.map(|position| position.y),
            stance: pet.position.map(|position| position.stance),
            fh: pet.position.map(|position| position.fh),
        }
    }
}

impl From<&Handled> for Message {
    fn from(handled: &Handled) -> Self {
        Self {
            at: handled.at(),
            message: handled.command(),
            num_inputs: handled.num_inputs,
            wait_seconds: handled.wait().as_secs_f64(),
            duration_seconds: handled.duration().as_secs_f64(),
            outcome: match handled.outcome {
                Outcome::Applied => "applied",
                Outcome::Ignored(_) => "ignored",
                Outcome::Rejected(reason) | Outcome::DeadLetter(reason) => reason.code(),
            },
        }
    }
}

impl From<Whereabouts> for Location {
    fn from(whereabouts: Whereabouts) -> Self {
        let Whereabouts { world, channel, map, instance } = whereabouts;
        Self { world_id: world, channel_id: channel, map_id: map, instance }
    }
}

fn own_actor(kind: Kind, is_alive: bool) -> Actor {
    let vitals = mailbox::vitals(kind);
    let reading = vitals.read(std::time::Instant::now());
    let capacity = METRICS.mailbox.capacity.with_label_values(&[kind.name()]).get();
    Actor {
        kind: kind.name(),
        key: kind.name().to_owned(),
        tenant: None,
        number: None,
        state: if is_alive { "running" } else { "gone" },
        mailbox: Mailbox { messages: reading.waiting, deepest: reading.deepest, capacity },
        oldest_wait_seconds: reading.oldest_wait.map(|wait| wait.as_secs_f64()),
        processed: reading.processed,
        rate: rounded(reading.rate),
        last_error: vitals.last_error().map(LastError::from),
        idle_seconds: reading.idle.map(|idle| idle.as_secs_f64()),
        location: None,
    }
}

fn state(census: Census) -> &'static str {
    if census.is_online { "online" } else { "offline" }
}

/// To a thousandth: the rest is noise.
fn rounded(rate: f32) -> f64 {
    (f64::from(rate) * 1_000.0).round() / 1_000.0
}

fn name(key: CharacterKey) -> String {
    format!("{}/{}", key.tenant.0, key.character.0)
}

fn key(request: &HttpRequest) -> Result<CharacterKey, Error> {
    let part = |name| request.match_info().get(name).unwrap_or_default();
    let tenant = Uuid::try_parse(part("tenant")).ok().map(TenantId);
    let number = part("number");
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    let character = is_number.then(|| number.parse().ok()).flatten().map(CharacterId);
    let key = tenant.zip(character).map(|(tenant, character)| CharacterKey { tenant, character });
    key.ok_or_else(|| Reason::UnknownCharacter.into())
}
