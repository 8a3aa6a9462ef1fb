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
use crate::sim::players::Comings;

/// Events of the players, each counted once.
#[derive(Default)]
pub(super) struct Heard {
    /// Whose events count at once; others are a hero's or a visitor's.
    players: FxHashMap<Uuid, Heeded>,
    /// Those whose session somebody else has ended. None of their events counts: what they did
    /// before they knew may have had no effect.
    sent_away: Vec<CharacterId>,
    /// Events of the others, by character and type.
    others: FxHashMap<Uuid, BTreeMap<String, u64>>,
    /// The newest event of one of the others, in a few words.
    newest: Option<String>,
    event_ids: FxHashSet<Uuid>,
    pub(super) num_repeated: u64,
    /// Events that nobody can know of: this reader was too slow for the log.
    pub(super) num_missed: u64,
}

/// A player, and what was announced of it.
#[derive(Clone, Copy)]
struct Heeded {
    id: CharacterId,
    comings: Comings,
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

/// Why players go offline whom nobody sent away.
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
        let players = players.map(|(uuid, id)| (uuid, Heeded::new(id))).collect();
        let heard = Arc::new(Mutex::new(Self { players, ..Self::default() }));
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
        let Some(Heeded { id, comings }) = self.players.get_mut(&envelope.character_id) else {
            let counts = self.others.entry(envelope.character_id).or_default();
            *counts.entry(message.subject.clone()).or_default() += 1;
            let name = envelope.name.unwrap_or_default();
            self.newest = Some(format!("{} {name}", message.subject).trim_end().to_owned());
            return;
        };
        match message.subject.as_str() {
            "character.online" => comings.num_logins += 1,
            "character.offline"
                if envelope.reason.is_some_and(|reason| !BY_THEMSELVES.contains(&&*reason)) =>
            {
                self.sent_away.push(*id);
                self.players.remove(&envelope.character_id);
            }
            "character.offline" => comings.num_logouts += 1,
            "character.position.updated" => comings.num_travels += 1,
            _ => {}
        }
    }

    /// How often this was announced of these characters, who are no players.
    pub(super) fn count(&self, event: &str, of: impl Iterator<Item = Uuid>) -> u64 {
        of.filter_map(|id| self.others.get(&id)?.get(event)).sum()
    }

    /// What was announced of all players whom nobody sent away.
    pub(super) fn comings(&self) -> Comings {
        self.players.values().map(|player| player.comings).sum()
    }

    pub(super) fn sent_away(&self) -> &[CharacterId] {
        &self.sent_away
    }

    /// What was heard last of somebody who is no player.
    pub(super) fn take_newest(&mut self) -> Option<String> {
        self.newest.take()
    }

    pub(super) fn num_events(&self) -> usize {
        self.event_ids.len()
    }
}

impl Heeded {
    fn new(id: CharacterId) -> Self {
        Self { id, comings: Comings::default() }
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

    /// Two who play: 7 and 8.
    fn heard() -> Heard {
        let players = [7, 8].map(|player: u32| {
            (Uuid::from_u128(player.into()), Heeded::new(CharacterId(1_000 + player)))
        });
        Heard { players: players.into_iter().collect(), ..Heard::default() }
    }

    #[test]
    fn nothing_counts_of_a_player_who_was_sent_away() {
        let mut heard = heard();
        heard.hear(&event("character.online", 10, 7));
        heard.hear(&event("character.online", 11, 8));
        for (id, character, reason) in [(1, 7, "logout"), (2, 7, "maintenance"), (3, 9, "kicked")] {
            let mut event = event("character.offline", id, character);
            let mut payload: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
            payload["reason"] = reason.into();
            event.payload = payload.to_string().into();
            heard.hear(&event);
        }
        heard.hear(&event("character.position.updated", 12, 7));
        assert_eq!(heard.comings(), Comings { num_logins: 1, ..Comings::default() });
        assert_eq!(heard.sent_away(), [CharacterId(1_007)]);
    }

    #[test]
    fn an_event_of_a_player_counts_once_and_one_of_a_visitor_never() {
        let mut heard = heard();
        heard.hear(&event("character.online", 1, 7));
        heard.hear(&event("character.online", 1, 7));
        heard.hear(&event("character.offline", 2, 7));
        heard.hear(&event("character.online", 3, 9));
        let comings = Comings { num_logins: 1, num_logouts: 1, num_travels: 0 };
        assert_eq!((heard.comings(), heard.num_repeated), (comings, 1));
        let others = || [Uuid::from_u128(9), Uuid::from_u128(10)].into_iter();
        assert_eq!(heard.count("character.online", others()), 1);
        assert_eq!(heard.count("character.offline", others()), 0);
        assert_eq!(heard.take_newest().as_deref(), Some("character.online"));
    }
}
