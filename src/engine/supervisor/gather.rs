//! Gathering: waiting inputs become a draft, grouped by the character they are for.

use rustc_hash::FxHashMap;
use uuid::Uuid;

use super::BrokerSupervisor;
use super::facts::is_asking;
use super::queue::Waiting;
use crate::domain::{CharacterId, CharacterKey, PetKey, TenantId};
use crate::engine::record::{Target, credits_of};
use crate::engine::request::Claims;
use crate::engine::round::{Item, Origin, Unrouted, UnroutedEnd};

/// The inputs of a round on their way to it.
#[derive(Default)]
pub struct Draft {
    groups: Vec<(CharacterKey, Vec<Item>)>,
    positions: FxHashMap<CharacterKey, usize>,
    /// For pets whose owner is not in memory, and those that need to know more.
    pub lost: Vec<Item>,
    /// Characters with inputs and no actor.
    pub absent: Vec<CharacterKey>,
    /// Characters that lost their actor and are to have one again, with inputs or without.
    pub orphans: Vec<CharacterKey>,
    pub unrouted: Vec<Unrouted>,
    /// The intake's credit that its records hold.
    pub credits: usize,
    /// What its requests lay claim to.
    pub claims: Claims,
    num_requests: usize,
    num_items: u32,
    /// A group got an item that is older than its last: sort before stepping.
    is_unordered: bool,
}

impl Draft {
    /// Whether every input has an actor, or none to have.
    pub fn is_resolved(&self) -> bool {
        self.lost.is_empty() && self.absent.is_empty() && self.orphans.is_empty()
    }

    /// Adds an item for a known owner. Says whether it is the first for that owner.
    pub fn add(&mut self, key: CharacterKey, item: Item) -> bool {
        match self.positions.get(&key) {
            Some(position) => {
                let items = &mut self.groups[*position].1;
                self.is_unordered |= items.last().is_some_and(|last| last.index > item.index);
                items.push(item);
                false
            }
            None => {
                self.positions.insert(key, self.groups.len());
                self.groups.push((key, vec![item]));
                true
            }
        }
    }

    /// The groups, each in the order in which its inputs were gathered.
    pub fn take_groups(&mut self) -> Vec<(CharacterKey, Vec<Item>)> {
        let mut groups = std::mem::take(&mut self.groups);
        groups.retain(|(_, items)| !items.is_empty());
        if self.is_unordered {
            for (_, items) in &mut groups {
                items.sort_by_key(|item| item.index);
            }
        }
        groups
    }

    /// The state of this character cannot be read: its inputs are dead letters.
    pub fn give_up(&mut self, key: CharacterKey, detail: &str) {
        self.absent.retain(|absent| *absent != key);
        let Some(position) = self.positions.remove(&key) else { return };
        for item in std::mem::take(&mut self.groups[position].1) {
            let (reason, detail) = ("unreadable_state".to_owned(), detail.to_owned());
            let end = UnroutedEnd::DeadLetter { reason, detail };
            self.unrouted.push(Unrouted { item, end });
        }
    }

    fn number(&mut self, item: &mut Item) {
        item.index = self.num_items;
        self.num_items += 1;
        match &mut item.origin {
            Origin::Record(record) => self.credits += credits_of(record.original.len()),
            Origin::Request(request) => {
                self.num_requests += 1;
                self.claims.append(&mut request.claims);
            }
            Origin::Clock | Origin::Consequence => {}
        }
    }
}

impl BrokerSupervisor {
    /// Takes what waits, up to the round's limit; a suspect alone.
    pub(super) fn gather(&mut self) -> Draft {
        let mut draft = Draft { orphans: std::mem::take(&mut self.orphans), ..Draft::default() };
        draft.orphans.retain(|key| !self.parts.registry.contains(*key));
        while (draft.num_items as usize) < self.parts.max_round {
            if draft.num_items > 0 && self.queue.next_is_suspect() {
                break;
            }
            let Some(waiting) = self.queue.pop(&mut self.claims) else { break };
            let is_suspect = self.admit(waiting, &mut draft);
            if is_suspect {
                break;
            }
        }
        self.crowd.gathered(draft.num_requests);
        draft
    }

    fn admit(&mut self, waiting: Waiting, draft: &mut Draft) -> bool {
        match waiting {
            Waiting::Dead { mut item, reason, detail } => {
                draft.number(&mut item);
                draft
                    .unrouted
                    .push(Unrouted { item, end: UnroutedEnd::DeadLetter { reason, detail } });
                false
            }
            Waiting::Item(mut item) => {
                draft.number(&mut item);
                let is_suspect = item.is_suspect;
                match item.owner(&self.directory, &self.uuids) {
                    Some(key) if !is_asking(&item) => {
                        if draft.add(key, item) && !self.parts.registry.contains(key) {
                            draft.absent.push(key);
                        }
                    }
                    _ => draft.lost.push(item),
                }
                is_suspect
            }
        }
    }
}

impl Item {
    /// The character it is for, when that is already certain.
    pub(super) fn owner(
        &self,
        directory: &FxHashMap<PetKey, CharacterId>,
        uuids: &FxHashMap<(TenantId, Uuid), CharacterId>,
    ) -> Option<CharacterKey> {
        match self.target {
            Target::Owner(key) => Some(key),
            Target::Pet(key) => directory
                .get(&key)
                .map(|character| CharacterKey { tenant: key.tenant, character: *character }),
            Target::Character(tenant, uuid) => uuids
                .get(&(tenant, uuid))
                .map(|character| CharacterKey { tenant, character: *character }),
            Target::Nobody => None,
        }
    }
}
