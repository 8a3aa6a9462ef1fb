#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::character::StatusChange;
use crate::domain::input::Request;
use crate::domain::pet::Order;
use crate::domain::testing::{
    OWNER, Scene, kitty, login, new_pet, request, spawned, tenant, three_out,
};

#[test]
fn nothing_stepped_is_nothing_to_write() {
    assert!(Scene::online(three_out()).owner.take_changes().is_empty());
}

#[test]
fn awards_and_slots_are_vitals() {
    let mut scene = Scene::with([spawned(0, kitty(1)), kitty(2)]);
    scene.order(1, Order::AwardCloseness { amount: 6 });
    scene.order(2, Order::Spawn { lead: true });
    let vitals = |pet, level, closeness, slot| Vitals {
        pet: PetId(pet),
        level,
        closeness,
        fullness: 100,
        slot,
    };
    let changes =
        Changes { vitals: vec![vitals(1, 4, 6, 1), vitals(2, 1, 0, 0)], ..Changes::default() };
    assert_eq!(scene.owner.take_changes(), changes);
}

#[test]
fn several_changes_of_a_pet_are_written_once_in_their_last_state() {
    let mut scene = Scene::with([spawned(0, kitty(1))]);
    scene.order(1, Order::AwardCloseness { amount: 6 });
    scene.order(1, Order::Exclude { items: [1].into() });
    scene.order(1, Order::AwardCloseness { amount: 6 });
    let changes = Changes { pets: vec![scene.pet(1).clone()], ..scene.owner.take_changes() };
    assert_eq!(changes.pets[0].closeness, 12);
    assert!(changes.vitals.is_empty());
}

#[test]
fn what_was_taken_is_clean() {
    let mut scene = Scene::with([kitty(1)]);
    scene.status(login());
    scene.order(1, Order::Exclude { items: [1].into() });
    scene.apply(&request(Request::CreatePet(Box::new(new_pet(2)))));
    assert!(!scene.owner.take_changes().is_empty());
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn a_pet_taken_is_equal_to_one_restored() {
    let mut scene = Scene::with([]);
    scene.apply(&request(Request::CreatePet(Box::new(new_pet(2)))));
    let changes = scene.owner.take_changes();
    assert_eq!(changes.pets, scene.owner.pets());
}

#[test]
fn a_pet_created_and_deleted_is_not_written() {
    let mut scene = Scene::with([]);
    scene.apply(&request(Request::CreatePet(Box::new(new_pet(2)))));
    scene.apply(&request(Request::DeletePet { pet: PetId(2) }));
    let changes = scene.owner.take_changes();
    assert!(changes.pets.is_empty());
    assert_eq!(changes.removed_pets, [PetId(2)]);
}

#[test]
fn the_first_row_of_a_character_is_created_and_later_ones_are_written() {
    let mut scene = Scene::with([]);
    let character = |scene: &Scene| Box::new(scene.owner.character().cloned().unwrap());
    scene.status(login());
    let created = CharacterChange::Create(character(&scene));
    assert_eq!(scene.owner.take_changes().character, created);
    scene.status(StatusChange::Logout);
    let written = CharacterChange::Write(character(&scene));
    assert_eq!(scene.owner.take_changes().character, written);
}

#[test]
fn a_row_is_known_by_having_been_read_whatever_it_says() {
    let mut scene = Scene::online([]);
    let mut character = scene.owner.character().cloned().unwrap();
    character.version = 0;
    scene.owner = Owner::restored(tenant(), OWNER, Some(character), Vec::new());
    scene.status(StatusChange::Logout);
    let written = CharacterChange::Write(scene.owner.character().cloned().unwrap().into());
    assert_eq!(scene.owner.take_changes().character, written);
}

#[test]
fn a_character_changes_once_in_a_round_of_many_steps() {
    let whole_round = |steps: &[StatusChange], mut scene: Scene| {
        let mut changes = Changes::default();
        for step in steps {
            scene.status(step.clone());
            changes.absorb(scene.owner.take_changes());
        }
        let character = scene.owner.character().cloned().map(Box::new);
        (changes.character, character)
    };
    let (logout, deleted) = (StatusChange::Logout, StatusChange::Deleted);
    let (change, character) = whole_round(&[login(), logout.clone()], Scene::with([]));
    assert_eq!(Some(change), character.map(CharacterChange::Create));
    let (change, _) = whole_round(&[login(), deleted.clone()], Scene::with([]));
    assert_eq!(change, CharacterChange::Remove);
    // Its row is still there when it comes again.
    let (change, character) = whole_round(&[deleted, login(), logout], Scene::online([]));
    assert_eq!(Some(change), character.map(CharacterChange::Write));
}
