use super::*;
use crate::domain::input::Request;
use crate::domain::pet::Order;
use crate::domain::testing::{Scene, kitty, login, new_pet, request, spawned, three_out};

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
fn a_login_writes_the_character() {
    let mut scene = Scene::with([]);
    scene.status(login());
    let character = scene.owner.character().cloned().map(Box::new);
    assert_eq!(scene.owner.take_changes().character, Some(character));
}
