//! The second wave of a round: what steps of the first want others to do, stepped before the
//! round is committed, so that both stand or neither.

use std::sync::Arc;

use super::facts::action;
use crate::domain::character::{Action, request};
use crate::domain::input::Request;
use crate::domain::{CharacterKey, Input};
use crate::engine::record::Target;
use crate::engine::round::{Item, Origin, Stepped};

/// Inputs by the character they are for.
pub type Wave = Vec<(CharacterKey, Vec<Item>)>;

/// Whether others may have to act upon it in the same round.
pub fn may_follow(item: &Item) -> bool {
    matches!(action(item), Some(Action::Select { others, .. }) if !others.is_empty())
}

/// What the first wave of a round has others do, if anything. Taken out of its steps.
pub fn second(stepped: &mut [Stepped]) -> Wave {
    let mut wave = Wave::new();
    for Stepped { key, items, ended, .. } in stepped {
        for (cause, ended) in items.iter().zip(ended) {
            for (who, action) in std::mem::take(&mut ended.consequences) {
                let key = CharacterKey { tenant: key.tenant, character: who };
                let item = consequence(cause, key, action);
                match wave.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, items)) => items.push(item),
                    None => wave.push((key, vec![item])),
                }
            }
        }
    }
    wave
}

/// An item that comes again whenever its cause does.
fn consequence(cause: &Item, key: CharacterKey, action: Action) -> Item {
    let request = Box::new(request::Request::internal(action));
    Item {
        origin: Origin::Consequence,
        target: Target::Owner(key),
        input: Input::Request(Request::Character(request)),
        cause: Arc::clone(&cause.cause),
        index: cause.index,
        is_suspect: cause.is_suspect,
    }
}

/// Both waves of a round, each actor once.
pub fn merged(mut first: Vec<Stepped>, second: Vec<Stepped>) -> Vec<Stepped> {
    for later in second {
        match first.iter_mut().find(|stepped| stepped.key == later.key) {
            Some(stepped) => stepped.absorb(later),
            None => first.push(later),
        }
    }
    first
}
