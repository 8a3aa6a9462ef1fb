use crate::domain::effects::{Outcome, Reason};
use crate::domain::ids::PetId;
use crate::domain::input::{NewPet, Request};
use crate::domain::pet::{self, Pet};
use crate::domain::testing::{KITTY, Scene, kitty, new_pet, request, start, three_out};

fn create(new: NewPet) -> crate::domain::Input {
    request(Request::CreatePet(Box::new(new)))
}

#[test]
fn a_created_pet_has_what_was_asked_for_and_is_at_home() {
    let new = NewPet {
        level: 5,
        closeness: 20,
        fullness: 60,
        expiration: Some(start()),
        flag: 3,
        excludes: [4, 0, 4].into(),
        asset: Some(pet::Asset { id: 9, slot: 2 }),
        ..new_pet(7)
    };
    let mut scene = Scene::with([kitty(3), kitty(9)]);
    assert_eq!(scene.apply(&create(new)), ["7 created"]);
    scene.owner.take_changes();
    let pet = Pet {
        cash_id: 70,
        name: "Tom".into(),
        level: 5,
        closeness: 20,
        fullness: 60,
        slot: -1,
        expiration: Some(start()),
        flag: 3,
        purchase_by: 5,
        excludes: [4].into(),
        asset: Some(pet::Asset { id: 9, slot: 2 }),
        ..Pet::new(PetId(7), KITTY)
    };
    assert_eq!(scene.pet(7), &pet);
}

#[test]
fn a_created_pet_is_written_whole() {
    let mut scene = Scene::with([]);
    scene.apply(&create(new_pet(7)));
    assert_eq!(scene.owner.take_changes().pets, [scene.pet(7).clone()]);
}

#[test]
fn what_is_created_is_within_its_ranges() {
    let mut scene = Scene::with([]);
    let new = NewPet { level: 99, closeness: 40_000, fullness: 255, ..new_pet(7) };
    scene.apply(&create(new));
    let pet = scene.pet(7);
    assert_eq!((pet.level, pet.closeness, pet.fullness), (30, 30_000, 100));
}

#[test]
fn a_pet_that_is_here_already_is_not_created_again() {
    let mut scene = Scene::with(three_out());
    assert!(scene.apply(&create(new_pet(1))).is_empty());
    assert_eq!(scene.pet(1).slot, 0);
}

#[test]
fn a_rename_is_written_and_told_to_nobody() {
    let mut scene = Scene::with([kitty(1)]);
    let rename = request(Request::RenamePet { pet: PetId(1), name: "Felix".into() });
    assert!(scene.apply(&rename).is_empty());
    assert_eq!(&*scene.pet(1).name, "Felix");
    assert_eq!(scene.owner.take_changes().pets, [scene.pet(1).clone()]);
}

#[test]
fn a_pet_deleted_on_request_leaves_no_gap() {
    let mut scene = Scene::with(three_out());
    let delete = request(Request::DeletePet { pet: PetId(2) });
    assert_eq!(scene.apply(&delete), ["3 slot 2 > 1", "2 deleted"]);
    assert_eq!(scene.owner.take_changes().removed_pets, [PetId(2)]);
}

#[test]
fn a_request_for_a_pet_that_is_not_here_is_rejected() {
    let mut scene = Scene::with([kitty(1)]);
    let rename = Request::RenamePet { pet: PetId(2), name: "Felix".into() };
    for unknown in [rename, Request::DeletePet { pet: PetId(2) }] {
        assert_eq!(scene.refuse(&request(unknown)), Outcome::Rejected(Reason::UnknownPet));
    }
}
