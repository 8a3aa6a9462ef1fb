//! Characters that log out, come back and change maps, and what is heard of it on NATS.

use std::collections::BTreeMap;

use async_nats::jetstream::{self, consumer};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use menagerie::domain::character::{Status, StatusChange};
use menagerie::domain::{CharacterId, Tenant};
use menagerie::sim::Sender;
use serde_json::Value;
use uuid::Uuid;

use super::process::SOON;

const STREAM: &str = "CHARACTER_EVENTS";
const MAP: u32 = 100_000_000;
/// What one journey is heard as.
const JOURNEY: [&str; 3] = ["character.offline", "character.online", "character.position.updated"];

/// The journeys sent so far.
#[derive(Default)]
pub(super) struct Journeys {
    sent: BTreeMap<CharacterId, usize>,
    num_sent: u32,
}

/// A message of the stream.
pub(super) struct Heard {
    pub(super) subject: String,
    /// The id that other services deduplicate on.
    id: String,
    seq: u64,
    body: Value,
}

impl Journeys {
    /// Logs a character that is online out, in again, and lets it change maps.
    pub(super) fn send(&mut self, owner: CharacterId, sender: &Sender) {
        *self.sent.entry(owner).or_default() += 1;
        self.num_sent += 1;
        let (channel, map, instance) = (1, MAP, Uuid::nil());
        let target = Some((i16::try_from(self.num_sent % 100).unwrap(), 0));
        for change in [
            StatusChange::Logout,
            StatusChange::Login { channel, map, instance },
            StatusChange::MapChanged { channel, map: MAP + 1, instance, target },
        ] {
            let status = Status { transaction: Uuid::new_v4(), world: 0, at: Utc::now(), change };
            sender.status(owner, &status).unwrap();
        }
    }

    /// What is wrong with what was heard of these characters, which were logged in before.
    pub(super) fn differences(&self, owners: &[CharacterId], heard: &[Heard]) -> Vec<String> {
        let mut differences = Vec::new();
        let mut ids: Vec<&str> = heard.iter().map(|heard| heard.id.as_str()).collect();
        ids.sort_unstable();
        for pair in ids.windows(2).filter(|pair| pair[0] == pair[1]) {
            differences.push(format!("event {} stands twice", pair[0]));
        }
        let mut by_character: BTreeMap<&str, Vec<&Heard>> = BTreeMap::new();
        for heard in heard {
            by_character
                .entry(heard.body["character_id"].as_str().unwrap())
                .or_default()
                .push(heard);
        }
        let mut by_name: BTreeMap<&str, Vec<&Heard>> = BTreeMap::new();
        for (uuid, heard) in by_character {
            // A position carries no name, but it is never the first that is heard.
            by_name.insert(heard[0].body["name"].as_str().unwrap_or(uuid), heard);
        }
        for owner in owners {
            let num_journeys = self.sent.get(owner).copied().unwrap_or_default();
            let first = "character.online";
            let subjects =
                std::iter::once(first).chain(std::iter::repeat_n(JOURNEY, num_journeys).flatten());
            let expected: Vec<(u64, &str)> = (1..).zip(subjects).collect();
            let heard = by_name.remove(&*format!("character-{owner}")).unwrap_or_default();
            let is: Vec<(u64, &str)> =
                heard.iter().map(|heard| (heard.seq, heard.subject.as_str())).collect();
            if is != expected {
                differences.push(format!("character {owner}: {expected:?} expected, {is:?} heard"));
            }
        }
        differences.extend(by_name.keys().map(|name| format!("nobody sent {name} anywhere")));
        differences
    }
}

/// Everything that came onto the stream for a tenant since, in the stream's order.
pub(super) async fn hear_all(url: &str, since: DateTime<Utc>, tenant: &Tenant) -> Vec<Heard> {
    let context = jetstream::new(async_nats::connect(url).await.unwrap());
    let stream = context.get_stream(STREAM).await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let config = consumer::pull::OrderedConfig {
        deliver_policy: consumer::DeliverPolicy::ByStartTime { start_time: since },
        ..Default::default()
    };
    let mut messages = stream.create_consumer(config).await.unwrap().messages().await.unwrap();
    let mut heard = Vec::new();
    let mut at = 0;
    while at < last {
        let message = tokio::time::timeout(SOON, messages.next()).await.unwrap().unwrap().unwrap();
        at = message.info().unwrap().stream_sequence;
        let headers = message.headers.as_ref().unwrap();
        let header = |name: &str| headers.get(name).unwrap().as_str();
        if header("TENANT_ID") == tenant.id.to_string() {
            heard.push(Heard {
                subject: message.subject.to_string(),
                id: header("Nats-Msg-Id").to_owned(),
                seq: header("character-seq").parse().unwrap(),
                body: serde_json::from_slice(&message.payload).unwrap(),
            });
        }
    }
    heard
}
