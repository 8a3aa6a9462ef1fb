#![allow(clippy::unwrap_used)]

use chrono::TimeDelta;

use crate::domain::Owner;
use crate::domain::effects::{Outcome, Reason};
use crate::domain::ids::PetId;
use crate::domain::pet::{Body, DespawnReason, Order, Position};
use crate::domain::testing::{
    KITTY, OWNER, Scene, command, kitty, movement, only_pet_event, spawned, start, tenant,
    three_out,
};

const SPAWN: Order = Order::Spawn { lead: false };
const LEAD: Order = Order::Spawn { lead: true };

#[test]
fn a_pet_spawns_in_the_lowest_free_slot() {
    let mut scene = Scene::with([kitty(1), spawned(0, kitty(2)), spawned(1, kitty(3))]);
    assert_eq!(scene.order(1, SPAWN), ["1 slot -1 > 2", "1 spawned 2"]);
    assert_eq!(scene.line_up(), [2, 3, 1]);
}

#[test]
fn a_pet_that_is_out_already_stays_where_it_is() {
    let mut scene = Scene::with(three_out());
    assert!(scene.order(2, SPAWN).is_empty());
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn a_fourth_pet_is_refused() {
    let mut scene = Scene::with(three_out());
    assert_eq!(scene.rejection(4, SPAWN), Reason::SlotsFull);
    assert_eq!(scene.rejection(4, LEAD), Reason::SlotsFull);
}

#[test]
fn no_more_are_out_than_the_operator_allows() {
    let mut scene = Scene::with([spawned(0, kitty(1)), kitty(2)]);
    scene.rules.max_spawned = 1;
    assert_eq!(scene.rejection(2, SPAWN), Reason::SlotsFull);
    scene.rules.max_spawned = 2;
    assert_eq!(scene.order(2, SPAWN).len(), 2);
}

#[test]
fn no_more_are_out_than_the_character_may_have() {
    for (own, rules, is_full) in [(1, 3, true), (2, 3, false), (3, 1, true)] {
        let mut scene = Scene::online([spawned(0, kitty(1)), kitty(2)]);
        let mut character = scene.owner.character().cloned().unwrap();
        character.profile.max_spawned = Some(own);
        let pets = scene.owner.pets().to_vec();
        scene.owner = Owner::restored(tenant(), OWNER, Some(character), pets);
        scene.rules.max_spawned = rules;
        let (outcome, _) = scene.step(&command(OWNER, 2, SPAWN));
        let full = Outcome::Rejected(Reason::SlotsFull);
        assert_eq!(outcome, if is_full { full } else { Outcome::Applied }, "{own} {rules}");
    }
}

#[test]
fn a_limit_beyond_the_slots_there_are_means_all_of_them() {
    let mut scene = Scene::with(three_out());
    scene.rules.max_spawned = 200;
    assert_eq!(scene.rejection(4, SPAWN), Reason::SlotsFull);
}

#[test]
fn an_expired_pet_does_not_spawn() {
    let mut pet = kitty(1);
    pet.expiration = Some(start());
    assert_eq!(Scene::with([pet.clone()]).rejection(1, SPAWN), Reason::Expired);
    pet.expiration = Some(start() + TimeDelta::milliseconds(1));
    assert_eq!(Scene::with([pet]).order(1, SPAWN).len(), 2);
}

#[test]
fn that_the_slots_are_full_is_said_before_that_it_is_expired() {
    let mut pets = three_out();
    pets[3].expiration = Some(start());
    assert_eq!(Scene::with(pets).rejection(4, SPAWN), Reason::SlotsFull);
}

#[test]
fn a_new_lead_moves_the_others_up_from_the_highest() {
    let mut scene = Scene::with([spawned(0, kitty(1)), spawned(1, kitty(2)), kitty(3)]);
    assert_eq!(
        scene.order(3, LEAD),
        ["2 slot 1 > 2", "1 slot 0 > 1", "3 slot -1 > 0", "3 spawned 0"]
    );
    assert_eq!(scene.line_up(), [3, 1, 2]);
}

#[test]
fn the_last_one_out_becomes_lead_without_spawning_again() {
    let mut scene = Scene::with(three_out());
    assert_eq!(scene.order(3, LEAD), ["2 slot 1 > 2", "1 slot 0 > 1", "3 slot 2 > 0"]);
    assert_eq!(scene.line_up(), [3, 1, 2]);
}

#[test]
fn those_behind_a_new_lead_stay() {
    let mut scene = Scene::with(three_out());
    assert_eq!(scene.order(2, LEAD), ["1 slot 0 > 1", "2 slot 1 > 0"]);
    assert_eq!(scene.line_up(), [2, 1, 3]);
}

#[test]
fn the_lead_stays_lead() {
    let mut scene = Scene::with(three_out());
    assert!(scene.order(1, LEAD).is_empty());
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn one_that_is_out_becomes_lead_though_its_time_is_up() {
    let mut pets = three_out();
    pets[1].expiration = Some(start());
    assert_eq!(Scene::with(pets).order(2, LEAD).len(), 2);
}

#[test]
fn a_despawn_closes_the_gap_before_the_pet_goes() {
    let mut scene = Scene::with(three_out());
    assert_eq!(
        scene.order(1, Order::Despawn),
        ["2 slot 1 > 0", "3 slot 2 > 1", "1 slot 0 > -1", "1 despawned 0 > -1 NORMAL"]
    );
    assert_eq!(scene.line_up(), [2, 3]);
}

#[test]
fn the_last_slot_leaves_no_gap() {
    let mut scene = Scene::with(three_out());
    assert_eq!(scene.order(3, Order::Despawn), ["3 slot 2 > -1", "3 despawned 2 > -1 NORMAL"]);
}

#[test]
fn a_pet_at_home_does_not_despawn() {
    let mut scene = Scene::with(three_out());
    assert!(scene.order(4, Order::Despawn).is_empty());
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn a_spawn_tells_everything_about_the_pet_and_where_it_was_last_seen() {
    let mut pet = kitty(1);
    pet.name = "Tom".into();
    (pet.level, pet.closeness, pet.fullness) = (4, 9, 80);
    let mut scene = Scene::online([spawned(0, pet)]);
    scene.owner.movement(&movement(1, 30, 40), &scene.catalog).unwrap();
    scene.order(1, Order::Despawn);
    let (_, events) = scene.step(&command(OWNER, 1, SPAWN));
    let event = only_pet_event(events, "SPAWNED");
    assert_eq!((event.pet, event.owner), (PetId(1), OWNER));
    let body = Body::Spawned {
        template_id: KITTY,
        name: "Tom".into(),
        slot: 0,
        level: 4,
        closeness: 9,
        fullness: 80,
        x: 30,
        y: 40,
        stance: 2,
        fh: 99,
    };
    assert_eq!(event.body, body);
}

#[test]
fn a_pet_never_seen_moving_spawns_at_the_origin_on_foothold_one() {
    let mut scene = Scene::with([kitty(1)]);
    let (_, events) = scene.step(&command(OWNER, 1, SPAWN));
    let Body::Spawned { x, y, stance, fh, .. } = only_pet_event(events, "SPAWNED").body else {
        panic!("it is a spawn");
    };
    assert_eq!(Position { x, y, stance, fh }, Position { x: 0, y: 0, stance: 0, fh: 1 });
}

#[test]
fn a_despawn_tells_everything_about_the_pet_and_where_it_stood() {
    let mut pets = three_out();
    pets[1].name = "Tom".into();
    (pets[1].level, pets[1].closeness, pets[1].fullness) = (4, 9, 80);
    let (_, events) = Scene::with(pets).step(&command(OWNER, 2, Order::Despawn));
    let body = Body::Despawned {
        template_id: KITTY,
        name: "Tom".into(),
        slot: -1,
        level: 4,
        closeness: 9,
        fullness: 80,
        old_slot: 1,
        reason: DespawnReason::Normal,
    };
    assert_eq!(only_pet_event(events, "DESPAWNED").body, body);
}

#[test]
fn a_gap_left_in_the_database_is_closed_up_and_written_back() {
    let mut scene = Scene::with([spawned(2, kitty(1)), spawned(1, kitty(2)), kitty(3)]);
    assert_eq!(scene.line_up(), [2, 1]);
    assert_eq!(scene.owner.take_changes().vitals.len(), 2);
    scene.order(3, LEAD);
    assert_eq!(scene.line_up(), [3, 2, 1]);
}

#[test]
fn of_more_pets_out_than_slots_the_last_are_at_home() {
    let pets = (1..=5).map(|id| spawned(0, kitty(id)));
    assert_eq!(Scene::with(pets).line_up(), [1, 2, 3]);
}
