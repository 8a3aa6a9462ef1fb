use super::*;
use crate::domain::character::StatusChange;
use crate::domain::testing::{Scene, kitty, login, movement, spawned};

fn scene() -> Scene {
    Scene::online([spawned(0, kitty(1)), kitty(2)])
}

impl Scene {
    fn moves(&mut self, movement: &Movement) -> Result<(), Reason> {
        self.owner.movement(movement, &self.catalog)
    }
}

#[test]
fn the_newest_position_wins_and_is_never_written() {
    let mut scene = scene();
    assert_eq!(scene.moves(&movement(1, 10, 20)), Ok(()));
    assert_eq!(scene.moves(&movement(1, 11, 21)), Ok(()));
    assert_eq!(scene.pet(1).position, Some(Position { x: 11, y: 21, stance: 2, fh: 99 }));
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn the_records_own_foothold_is_taken() {
    let mut scene = scene();
    assert_eq!(scene.moves(&Movement { fh: Some(0), ..movement(1, 10, 20) }), Ok(()));
    assert_eq!(scene.pet(1).position.map(|position| position.fh), Some(0));
}

#[test]
fn with_nothing_below_the_foothold_is_one() {
    let mut scene = scene();
    assert_eq!(scene.moves(&movement(1, 10, 101)), Ok(()));
    assert_eq!(scene.pet(1).position.map(|position| position.fh), Some(1));
}

#[test]
fn in_a_map_without_data_the_foothold_is_one() {
    let mut scene = Scene::with([spawned(0, kitty(1))]);
    scene.status(StatusChange::Login { channel: 1, map: 5, instance: Uuid::nil() });
    assert_eq!(scene.moves(&Movement { map: 5, ..movement(1, 10, 20) }), Ok(()));
    assert_eq!(scene.pet(1).position.map(|position| position.fh), Some(1));
}

#[test]
fn a_pet_of_somebody_else_does_not_move() {
    assert_eq!(scene().moves(&movement(3, 10, 20)), Err(Reason::UnknownPet));
}

#[test]
fn a_pet_at_home_does_not_move() {
    assert_eq!(scene().moves(&movement(2, 10, 20)), Err(Reason::NotSpawned));
}

#[test]
fn nothing_moves_while_the_character_is_offline() {
    let mut scene = scene();
    scene.status(StatusChange::Logout);
    assert_eq!(scene.moves(&movement(1, 10, 20)), Err(Reason::NotOnline));
    assert_eq!(scene.pet(1).position, None);
}

#[test]
fn a_late_packet_from_another_place_is_ignored() {
    let here = movement(1, 10, 20);
    let elsewhere = [
        Movement { world: 1, ..here },
        Movement { channel: 2, ..here },
        Movement { map: 5, ..here },
        Movement { instance: Uuid::from_u128(1), ..here },
    ];
    for late in elsewhere {
        let mut scene = scene();
        assert_eq!(scene.moves(&late), Err(Reason::OtherMap));
        assert_eq!(scene.pet(1).position, None);
    }
}

#[test]
fn a_late_packet_from_the_previous_map_is_ignored() {
    let mut scene = scene();
    let instance = Uuid::nil();
    scene.status(StatusChange::MapChanged { channel: 1, map: 5, instance, target: None });
    assert_eq!(scene.moves(&movement(1, 10, 20)), Err(Reason::OtherMap));
    scene.status(login());
    assert_eq!(scene.moves(&movement(1, 10, 20)), Ok(()));
}
