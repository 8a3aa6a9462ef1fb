//! What the character event log announced of the players, as a reader of it finds it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;
use uuid::Uuid;

use crate::domain::CharacterId;
use crate::edge::embedded::event_log::Delivery;
use crate::edge::embedded::subject::Filter;
use crate::engine::port::Message;
use crate::sidecar::Outside;

/// Events of the players, each counted once.
#[derive(Default)]
pub(super) struct Heard {
    /// Whose events count at once; others are a hero's or a visitor's.
    players: FxHashMap<Uuid, CharacterId>,
    /// Players whose session an operator has ended since they were last taken.
    kicked: Vec<CharacterId>,
    /// Events of the others, by character and type.
    others: FxHashMap<Uuid, BTreeMap<String, u64>>,
    /// The newest event of one of the others, in a few words.
    newest: Option<String>,
    event_ids: FxHashSet<Uuid>,
    pub(super) num_online: u64,
    pub(super) num_offline: u64,
    pub(super) num_moved: u64,
    pub(super) num_repeated: u64,
    /// Events that nobody can know of: this reader was too slow for the log.
    pub(super) num_missed: u64,
}

/// What every character event has.
#[derive(Deserialize)]
struct Envelope {
    event_id: Uuid,
    character_id: Uuid,
    /// Not every event has one.
    name: Option<String>,
    /// Why it went offline, of those events.
    reason: Option<String>,
}

/// Why players go offline that no operator sent away.
const BY_THEMSELVES: [&str; 2] = ["logout", "replaced"];

impl Heard {
    /// Reads the log from now on, until the engine ends.
    ///
    /// # Errors
    /// When the log is not the one in this process.
    pub(super) fn listen(
        outside: &Outside,
        players: impl Iterator<Item = (Uuid, CharacterId)>,
    ) -> anyhow::Result<Arc<Mutex<Self>>> {
        let log = outside.memory_log.clone().context("the demo has its own event log")?;
        let mut events = log.subscribe(">".parse::<Filter>()?);
        let heard = Arc::new(Mutex::new(Self { players: players.collect(), ..Self::default() }));
        let shared = Arc::clone(&heard);
        actix::spawn(async move {
            while let Some(delivery) = events.next().await {
                match delivery {
                    Delivery::Entry(entry) => shared.lock().hear(&entry.message),
                    Delivery::Lost(num_lost) => shared.lock().num_missed += num_lost,
                }
            }
        });
        Ok(heard)
    }

    fn hear(&mut self, message: &Message) {
        let envelope = match serde_json::from_slice::<Envelope>(&message.payload) {
            Ok(envelope) => envelope,
            Err(error) => {
                tracing::error!(subject = message.subject, "unreadable character event: {error}");
                return;
            }
        };
        if !self.event_ids.insert(envelope.event_id) {
            self.num_repeated += 1;
            return;
        }
        let Some(player) = self.players.get(&envelope.character_id) else {
            let counts = self.others.entry(envelope.character_id).or_default();
            *counts.entry(message.subject.clone()).or_default() += 1;
            let name = envelope.name.unwrap_or_default();
            self.newest = Some(format!("{} {name}", message.subject).trim_end().to_owned());
            return;
        };
        match message.subject.as_str() {
            "character.online" => self.num_online += 1,
            "character.offline" => {
                self.num_offline += 1;
                if envelope.reason.is_some_and(|reason| !BY_THEMSELVES.contains(&&*reason)) {
                    self.kicked.push(*player);
                }
            }
            "character.position.updated" => self.num_moved += 1,
            _ => {}
        }
    }

    /// How often this was announced of these characters, who are no players.
    pub(super) fn count(&self, event: &str, of: impl Iterator<Item = Uuid>) -> u64 {
        of.filter_map(|id| self.others.get(&id)?.get(event)).sum()
    }

    /// Players whose session an operator has ended.
    pub(super) fn take_kicked(&mut self) -> Vec<CharacterId> {
        std::mem::take(&mut self.kicked)
    }

    /// What was heard last of somebody who is no player.
    pub(super) fn take_newest(&mut self) -> Option<String> {
        self.newest.take()
    }

    pub(super) fn num_events(&self) -> usize {
        self.event_ids.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn event(subject: &str, event: u128, character: u128) -> Message {
        let (event, character) = (Uuid::from_u128(event), Uuid::from_u128(character));
        let payload = serde_json::json!({ "event_id": event, "character_id": character });
        Message {
            subject: subject.to_owned(),
            // The log's own, by which it drops duplicates; the books go by what readers see.
            id: Uuid::new_v4(),
            headers: Vec::new(),
            payload: payload.to_string().into(),
        }
    }

    fn player() -> FxHashMap<Uuid, CharacterId> {
        [(Uuid::from_u128(7), CharacterId(1_007))].into_iter().collect()
    }

    #[test]
    fn a_player_who_was_sent_away_is_told_of_once() {
        let mut heard = Heard { players: player(), ..Heard::default() };
        for (id, character, reason) in [(1, 7, "logout"), (2, 7, "maintenance"), (3, 8, "kicked")] {
            let mut event = event("character.offline", id, character);
            let mut payload: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
            payload["reason"] = reason.into();
            event.payload = payload.to_string().into();
            heard.hear(&event);
        }
        assert_eq!(heard.num_offline, 2);
        assert_eq!(heard.take_kicked(), [CharacterId(1_007)]);
        assert_eq!(heard.take_kicked(), []);
    }

    #[test]
    fn an_event_of_a_player_counts_once_and_one_of_a_visitor_never() {
        let mut heard = Heard { players: player(), ..Heard::default() };
        heard.hear(&event("character.online", 1, 7));
        heard.hear(&event("character.online", 1, 7));
        heard.hear(&event("character.offline", 2, 7));
        heard.hear(&event("character.online", 3, 8));
        assert_eq!((heard.num_online, heard.num_offline, heard.num_repeated), (1, 1, 1));
        let others = || [Uuid::from_u128(8), Uuid::from_u128(9)].into_iter();
        assert_eq!(heard.count("character.online", others()), 1);
        assert_eq!(heard.count("character.offline", others()), 0);
        assert_eq!(heard.take_newest().as_deref(), Some("character.online"));
    }
}
