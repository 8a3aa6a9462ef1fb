use crate::domain::character::AssetChange;
use crate::domain::effects::{Outcome, Reason};
use crate::domain::ids::PetId;
use crate::domain::input::Input;
use crate::domain::pet::{self, Pet};
use crate::domain::testing::{KITTY, SNOWMAN, Scene, asset, kitty, spawned, three_out};

fn at(id: u32, slot: i16, pet: Pet) -> Pet {
    Pet { asset: Some(pet::Asset { id, slot }), ..pet }
}

fn recorded(id: u32, slot: i16, pet: u32) -> Input {
    asset(id, KITTY, slot, AssetChange::Recorded { name: "CREATED", pet: PetId(pet) })
}

fn moved(id: u32, old_slot: i16, slot: i16) -> Input {
    asset(id, KITTY, slot, AssetChange::Moved { old_slot: Some(old_slot) })
}

fn deleted(id: u32, slot: i16) -> Input {
    asset(id, KITTY, slot, AssetChange::Deleted)
}

#[test]
fn the_item_that_stands_for_a_pet_is_recorded() {
    let mut scene = Scene::with([kitty(1)]);
    assert!(scene.apply(&recorded(900, 15, 1)).is_empty());
    assert_eq!(scene.pet(1).asset, Some(pet::Asset { id: 900, slot: 15 }));
    assert_eq!(scene.owner.take_changes().pets.len(), 1);
}

#[test]
fn what_is_recorded_already_is_not_written_again() {
    let mut scene = Scene::with([at(900, 15, kitty(1))]);
    scene.apply(&recorded(900, 15, 1));
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn an_item_of_a_pet_that_is_not_here_is_ignored() {
    let outcome = Scene::with([kitty(1)]).refuse(&recorded(900, 15, 2));
    assert_eq!(outcome, Outcome::Ignored(Reason::UnknownPet));
}

#[test]
fn a_moved_item_is_known_by_its_id() {
    let mut scene = Scene::with([at(900, 15, kitty(1)), at(901, 3, kitty(2))]);
    assert!(scene.apply(&moved(900, 3, 20)).is_empty());
    assert_eq!(scene.pet(1).asset, Some(pet::Asset { id: 900, slot: 20 }));
    assert_eq!(scene.pet(2).asset, Some(pet::Asset { id: 901, slot: 3 }));
}

#[test]
fn a_moved_item_of_unknown_id_is_known_by_template_and_old_slot() {
    let snowman = Pet { template_id: SNOWMAN, ..kitty(2) };
    let mut scene = Scene::with([at(900, 15, kitty(1)), at(901, 15, snowman)]);
    scene.apply(&moved(950, 15, 20));
    assert_eq!(scene.pet(1).asset, Some(pet::Asset { id: 950, slot: 20 }));
}

#[test]
fn a_moved_item_nothing_points_at_is_ignored() {
    let mut scene = Scene::with([at(900, 15, kitty(1)), kitty(2)]);
    let outcome = scene.refuse(&moved(950, 14, 20));
    assert_eq!(outcome, Outcome::Ignored(Reason::UnknownPet));
}

#[test]
fn a_moved_item_several_pets_could_be_is_ignored() {
    let mut scene = Scene::with([at(900, 15, kitty(1)), at(901, 15, kitty(2))]);
    let outcome = scene.refuse(&moved(950, 15, 20));
    assert_eq!(outcome, Outcome::Ignored(Reason::UnknownPet));
}

#[test]
fn a_deleted_item_is_known_by_its_id_before_all_else() {
    let mut scene = Scene::with([at(900, 1, kitty(1)), at(901, 15, kitty(2))]);
    assert_eq!(scene.apply(&deleted(900, 15)), ["1 deleted"]);
}

#[test]
fn a_deleted_item_of_unknown_id_is_known_by_template_and_slot() {
    let mut scene = Scene::with([at(900, 1, kitty(1)), at(901, 15, kitty(2)), kitty(3)]);
    assert_eq!(scene.apply(&deleted(950, 15)), ["2 deleted"]);
}

#[test]
fn the_only_pet_of_its_template_is_the_one() {
    let snowman = Pet { template_id: SNOWMAN, ..kitty(2) };
    let mut scene = Scene::with([kitty(1), snowman]);
    assert_eq!(scene.apply(&deleted(950, 15)), ["1 deleted"]);
}

#[test]
fn an_item_no_pet_could_be_is_rejected() {
    let mut scene = Scene::with([Pet { template_id: SNOWMAN, ..kitty(2) }]);
    let outcome = scene.refuse(&deleted(950, 15));
    assert_eq!(outcome, Outcome::Rejected(Reason::UnknownPet));
}

#[test]
fn a_guess_is_never_deleted() {
    let mut scene = Scene::with([kitty(1), kitty(2)]);
    let outcome = scene.refuse(&deleted(950, 15));
    assert_eq!(outcome, Outcome::DeadLetter(Reason::AmbiguousAsset));
}

#[test]
fn two_pets_recorded_for_one_item_are_ambiguous_though_one_has_the_slot() {
    let mut scene = Scene::with([at(900, 15, kitty(1)), at(900, 16, kitty(2))]);
    let outcome = scene.refuse(&deleted(900, 15));
    assert_eq!(outcome, Outcome::DeadLetter(Reason::AmbiguousAsset));
}

#[test]
fn the_slot_of_a_deleted_pet_is_closed_before_it_goes() {
    let [first, second, third, fourth] = three_out();
    let mut scene = Scene::with([at(900, 15, first), second, third, fourth]);
    assert_eq!(scene.apply(&deleted(900, 15)), ["2 slot 1 > 0", "3 slot 2 > 1", "1 deleted"]);
    assert_eq!(scene.line_up(), [2, 3]);
    assert_eq!(scene.owner.take_changes().removed_pets, [PetId(1)]);
}

#[test]
fn the_deletion_of_a_pet_at_home_moves_nobody() {
    let mut scene = Scene::with([spawned(0, kitty(1)), at(900, 15, kitty(2))]);
    assert_eq!(scene.apply(&deleted(900, 15)), ["2 deleted"]);
}
