//! What a character cannot know by itself, for the requests that need it: looked up for the
//! whole round, before it is stepped.

use chrono::Utc;
use uuid::Uuid;

use super::lookup::Found;
use crate::domain::character::{Action, Standing};
use crate::domain::input::Request;
use crate::domain::{CharacterKey, Input, TenantId};
use crate::engine::record::Target;
use crate::engine::request::ANSWERS_KEPT;
use crate::engine::round::{Answer, Item};
use crate::store::Asked;

/// What is to be asked about, besides pets and characters known to be stored.
#[derive(Default)]
pub struct Questions {
    pub characters: Asked,
    pub keys: Vec<(TenantId, Box<str>)>,
    /// Users of whom one character is to be selected, and the others to give way.
    pub selecting: Vec<(TenantId, Uuid)>,
}

impl Questions {
    /// Adds what this item raises.
    pub fn add(&mut self, item: &Item) {
        let Some(tenant) = item.cause.tenant.as_ref().map(|tenant| tenant.id) else { return };
        let Asked { uuids, names, users, .. } = &mut self.characters;
        if let Target::Character(tenant, uuid) = item.target {
            uuids.push((tenant, uuid));
        }
        if let Some(action) = action(item) {
            names.extend(action.name_key().map(|key| (tenant, key.into())));
            users.extend(action.user().map(|user| (tenant, user)));
            if let Action::Select { user, .. } = action {
                self.selecting.push((tenant, *user));
            }
        }
        if let Some(idempotency) = item.origin.idempotency() {
            self.keys.push((tenant, idempotency.key.clone()));
        }
    }

    pub fn sort(&mut self) {
        let Asked { uuids, names, users, numbers } = &mut self.characters;
        distinct(uuids);
        distinct(names);
        distinct(users);
        distinct(numbers);
        distinct(&mut self.keys);
    }
}

fn distinct<T: Ord>(items: &mut Vec<T>) {
    items.sort_unstable();
    items.dedup();
}

/// Whether SQL has to be asked before this item can be stepped, wherever its character is.
pub fn is_asking(item: &Item) -> bool {
    let is_repeatable = item.origin.idempotency().is_some();
    let wants = |action: &Action| action.name_key().is_some() || action.user().is_some();
    is_repeatable || action(item).is_some_and(wants)
}

/// Whether it is for a character of which there should be nothing yet.
pub fn is_creating(item: &Item) -> bool {
    matches!(action(item), Some(Action::Create(..)))
}

/// The first answer, if this was answered before; a failure, if nobody can tell.
pub fn repeated(item: &Item, found: &Found) -> Option<Answer> {
    let idempotency = item.origin.idempotency()?;
    let tenant = item.cause.tenant.as_ref()?.id;
    let is_mine = |(of, key): &(TenantId, Box<str>)| *of == tenant && *key == idempotency.key;
    if found.unreadable_keys.iter().any(is_mine) {
        return Some(Answer::Failed);
    }
    let kept =
        found.answers.iter().find(|kept| kept.tenant == tenant && kept.key == idempotency.key)?;
    let is_young = Utc::now() - kept.at < ANSWERS_KEPT;
    is_young.then(|| idempotency.repeat(kept.request_hash, &kept.answer))
}

/// Tells the item how its character stands among the others.
pub fn inform(item: &mut Item, key: CharacterKey, found: &Found) {
    let Input::Request(Request::Character(request)) = &mut item.input else { return };
    let (user, name) = (request.action.user(), request.action.name_key());
    let is_name_taken = name.is_some_and(|name| {
        found.known.holders.iter().any(|((tenant, held), holder)| {
            *tenant == key.tenant && **held == *name && *holder != key.character
        })
    });
    let others = found.known.users.iter().filter(|other| {
        other.tenant == key.tenant
            && Some(other.user) == user
            && other.character != key.character
            && !other.is_deleted
    });
    match &mut request.action {
        Action::Create(_, standing)
        | Action::Patch(_, standing)
        | Action::Restore { standing, .. } => {
            let taken_slots = others.filter_map(|other| other.slot).collect();
            *standing = Standing { is_name_taken, taken_slots };
        }
        Action::Select { others: active, .. } => {
            // Whether one is selected or online now, only itself knows: it may be so since the
            // last commit. One that is neither has nothing to do.
            *active = others.map(|other| other.character).collect();
        }
        _ => {}
    }
}

/// Characters that a selection among the drafted may have to make give way.
pub fn giving_way(found: &Found) -> impl Iterator<Item = CharacterKey> {
    let others =
        found.known.users.iter().filter(|other| {
            !other.is_deleted && found.selecting.contains(&(other.tenant, other.user))
        });
    others.map(|other| CharacterKey { tenant: other.tenant, character: other.character })
}

/// What is asked of the character itself, if that is what this item does.
pub(super) fn action(item: &Item) -> Option<&Action> {
    match &item.input {
        Input::Request(Request::Character(request)) => Some(&request.action),
        _ => None,
    }
}
