#![allow(clippy::unwrap_used)]

use chrono::TimeDelta;

use super::*;
use crate::domain::effects::Outcome;
use crate::domain::input::Input;
use crate::domain::owner::{CharacterChange, Owner};
use crate::domain::testing::{
    INTERVAL, OWNER, Scene, TRANSACTION, kitty, login, movement, only_character_event, spawned,
    start, tenant, three_out,
};

const INSTANCE: Uuid = Uuid::from_u128(42);

fn map_changed(target: Option<(i16, i16)>) -> StatusChange {
    StatusChange::MapChanged { channel: 1, map: 101_000_000, instance: INSTANCE, target }
}

fn channel_changed() -> StatusChange {
    StatusChange::ChannelChanged { channel: 7, map: 100_000_000, instance: INSTANCE }
}

fn place(world: &str, zone: &str, x: f64, y: f64) -> Place {
    Place { world: world.into(), zone: zone.into(), x, y, z: 0.0 }
}

/// A scene whose lead pet has a position.
fn moved() -> Scene {
    let mut scene = Scene::online(three_out());
    scene.owner.movement(&movement(1, 10, 20), &scene.catalog).unwrap();
    scene
}

fn in_world(world: u8, change: StatusChange) -> Input {
    Input::Status(Status { transaction: TRANSACTION, world, at: start(), change })
}

#[test]
fn a_login_of_one_never_seen_provisions_the_character() {
    let mut scene = Scene::with([]);
    assert_eq!(scene.status(login()), ["#1 online in 0/100000000"]);
    let character = scene.owner.character().unwrap();
    assert_eq!(character.uuid, scene.owner.key().derived_uuid());
    assert_eq!(character.user, Uuid::nil());
    assert_eq!(character.name, Name::provisional(12345));
    assert_eq!((character.event_seq, character.version), (1, 1));
    let profile = Profile { last_played_at: Some(start()), ..Profile::unset(start()) };
    assert_eq!(character.profile, profile);
}

#[test]
fn a_login_opens_the_session_the_record_describes() {
    let mut scene = Scene::with([]);
    let since = start() - TimeDelta::seconds(2);
    let instance = INSTANCE;
    let change = StatusChange::Login { channel: 3, map: 200_000_000, instance };
    scene.apply(&Input::Status(Status { transaction: TRANSACTION, world: 5, at: since, change }));
    let session = Session {
        id: TRANSACTION,
        whereabouts: Some(Whereabouts { world: 5, channel: 3, map: 200_000_000, instance }),
        since,
        next_hunger: since + INTERVAL,
    };
    assert_eq!(scene.owner.session(), Some(&session));
    assert!(scene.owner.is_online());
}

#[test]
fn the_login_event_names_the_session_and_the_place_as_text() {
    let mut scene = Scene::with([]);
    let (_, events) = scene.step(&in_world(5, login()));
    let event = only_character_event(events, "character.online");
    assert_eq!(event.character, scene.owner.key().derived_uuid());
    assert_eq!((event.user, event.at, event.seq), (Uuid::nil(), scene.now, 1));
    let body = Body::Online {
        name: "character-12345".into(),
        session: TRANSACTION,
        world: "5".into(),
        zone: "100000000".into(),
    };
    assert_eq!(event.body, body);
}

#[test]
fn an_event_is_stamped_with_when_it_was_decided_not_with_the_record() {
    let mut scene = Scene::with([]);
    scene.now += TimeDelta::seconds(9);
    let (_, events) = scene.step(&in_world(0, login()));
    assert_eq!(only_character_event(events, "character.online").at, scene.now);
}

#[test]
fn a_character_known_by_name_keeps_it() {
    let character = Character {
        uuid: Uuid::from_u128(1),
        user: Uuid::from_u128(2),
        name: Name::chosen("Ana").unwrap(),
        session: None,
        place: None,
        event_seq: 40,
        version: 7,
        profile: Profile::unset(start()),
    };
    let mut scene = Scene::with([]);
    scene.owner = Owner::restored(tenant(), OWNER, Some(character), Vec::new());
    let (_, events) = scene.step(&in_world(0, login()));
    let event = only_character_event(events, "character.online");
    assert_eq!((event.character, event.user), (Uuid::from_u128(1), Uuid::from_u128(2)));
    assert_eq!(event.seq, 41);
    assert!(matches!(event.body, Body::Online { name, .. } if &*name == "Ana"));
}

#[test]
fn a_second_login_ends_the_first_session() {
    let mut scene = Scene::online([]);
    scene.now += TimeDelta::seconds(30);
    assert_eq!(
        scene.status(login()),
        ["#2 offline replaced after 30s", "#3 online in 0/100000000"]
    );
    assert_eq!(scene.owner.session().unwrap().since, scene.now);
}

#[test]
fn a_logout_ends_the_session_with_its_length() {
    let mut scene = Scene::online([]);
    scene.now += TimeDelta::milliseconds(1_500);
    let (_, events) = scene.step(&scene.status_input(StatusChange::Logout));
    let body = Body::Offline {
        name: "character-12345".into(),
        session: TRANSACTION,
        online_nanos: 1_500_000_000,
        reason: "logout".into(),
    };
    assert_eq!(only_character_event(events, "character.offline").body, body);
    assert!(!scene.owner.is_online());
}

#[test]
fn finished_sessions_add_up_to_the_time_played() {
    let mut scene = Scene::with([]);
    for seconds in [3, 4] {
        scene.status(login());
        scene.now += TimeDelta::seconds(seconds);
        scene.status(StatusChange::Logout);
    }
    let profile = &scene.owner.character().unwrap().profile;
    assert_eq!((profile.play_time_ms, profile.last_played_at), (7_000, Some(scene.now)));
}

#[test]
fn every_change_makes_a_version() {
    let mut scene = Scene::with([]);
    let mut versions = vec![];
    for change in [login(), map_changed(None), channel_changed(), StatusChange::Logout] {
        scene.status(change);
        versions.push(scene.owner.character().unwrap().version);
    }
    scene.refuse(&scene.status_input(StatusChange::Logout));
    versions.push(scene.owner.character().unwrap().version);
    assert_eq!(versions, [1, 2, 3, 4, 4]);
}

#[test]
fn a_logout_stamped_before_the_login_lasts_no_time() {
    let mut scene = Scene::online([]);
    scene.now -= TimeDelta::seconds(5);
    assert_eq!(scene.status(StatusChange::Logout), ["#2 offline logout after 0s"]);
}

#[test]
fn the_same_pets_are_out_at_the_next_login() {
    let mut scene = Scene::online(three_out());
    scene.status(StatusChange::Logout);
    assert_eq!(scene.line_up(), [1, 2, 3]);
    assert_eq!(scene.status(login()).len(), 1, "and nothing is said about them");
    assert_eq!(scene.line_up(), [1, 2, 3]);
}

#[test]
fn positions_are_cleared_by_every_change_of_place() {
    for change in [login(), StatusChange::Logout, map_changed(None), channel_changed()] {
        let mut scene = moved();
        assert!(scene.pet(1).position.is_some());
        scene.status(change);
        assert_eq!(scene.pet(1).position, None);
    }
}

#[test]
fn nothing_but_a_login_makes_a_ghost_of_one_offline() {
    for change in [StatusChange::Logout, map_changed(None), channel_changed()] {
        let mut never_seen = Scene::with([]);
        let outcome = never_seen.refuse(&never_seen.status_input(change.clone()));
        assert_eq!(outcome, Outcome::Ignored(Reason::NotOnline));

        let mut logged_out = Scene::online([]);
        logged_out.status(StatusChange::Logout);
        let outcome = logged_out.refuse(&logged_out.status_input(change));
        assert_eq!(outcome, Outcome::Ignored(Reason::NotOnline));
    }
}

#[test]
fn a_map_change_moves_the_session_and_tells_both_places() {
    let mut scene = Scene::online([]);
    let (_, events) = scene.step(&in_world(2, map_changed(Some((-30, 45)))));
    let body = Body::PositionUpdated {
        previous: Some(place("0", "100000000", 0.0, 0.0)),
        new: place("2", "101000000", -30.0, 45.0),
        movement: "map_change".into(),
    };
    assert_eq!(only_character_event(events, "character.position.updated").body, body);
    let session = scene.owner.session().unwrap();
    let there = Whereabouts { world: 2, channel: 1, map: 101_000_000, instance: INSTANCE };
    assert_eq!((session.whereabouts, session.since), (Some(there), start()));
}

#[test]
fn a_map_change_without_a_target_lands_at_the_origin() {
    let mut scene = Scene::online([]);
    assert_eq!(scene.status(map_changed(None)), ["#2 map_change to 0/101000000 (0, 0)"]);
}

#[test]
fn a_channel_change_keeps_the_map_and_tells_the_place_again() {
    let mut scene = Scene::online([]);
    scene.status(map_changed(Some((5, 6))));
    assert_eq!(scene.status(channel_changed()), ["#3 channel_change to 0/100000000 (0, 0)"]);
    assert_eq!(scene.owner.session().unwrap().whereabouts.unwrap().channel, 7);
}

#[test]
fn each_place_is_the_previous_one_of_the_next() {
    let mut scene = Scene::online([]);
    scene.status(map_changed(Some((5, 6))));
    let (_, events) = scene.step(&scene.status_input(channel_changed()));
    let event = only_character_event(events, "character.position.updated");
    let Body::PositionUpdated { previous, .. } = event.body else { panic!("it moved") };
    assert_eq!(previous, Some(place("0", "101000000", 5.0, 6.0)));
}

#[test]
fn a_change_of_place_leaves_the_hunger_clock_alone() {
    let mut scene = Scene::online([]);
    scene.now += TimeDelta::minutes(1);
    scene.status(map_changed(None));
    assert_eq!(scene.owner.session().unwrap().next_hunger, start() + INTERVAL);
}

#[test]
fn a_deleted_character_goes_offline_first_then_its_pets_go_lead_first() {
    let pets = [kitty(1), spawned(1, kitty(2)), kitty(3), spawned(0, kitty(4))];
    let mut scene = Scene::online(pets);
    scene.now += TimeDelta::seconds(10);
    assert_eq!(
        scene.status(StatusChange::Deleted),
        [
            "#2 offline deleted after 10s",
            "#3 deleted character_status false",
            "4 deleted",
            "2 deleted",
            "1 deleted",
            "3 deleted",
        ]
    );
    assert!(scene.owner.pets().is_empty());
}

#[test]
fn a_deleted_character_is_as_if_never_seen() {
    let mut scene = Scene::online(three_out());
    scene.status(StatusChange::Deleted);
    let changes = scene.owner.take_changes();
    assert_eq!(changes.character, CharacterChange::Remove);
    assert_eq!(changes.removed_pets.len(), 4);
    assert_eq!(scene.owner, Owner::new(tenant(), OWNER));
}

#[test]
fn one_that_was_offline_is_deleted_without_going_offline() {
    let mut scene = Scene::online([]);
    scene.status(StatusChange::Logout);
    assert_eq!(scene.status(StatusChange::Deleted), ["#3 deleted character_status false"]);
}

#[test]
fn the_deletion_of_one_never_seen_is_published_all_the_same() {
    let mut scene = Scene::with([kitty(1)]);
    let (_, events) = scene.step(&scene.status_input(StatusChange::Deleted));
    assert_eq!(events.len(), 2);
    let event = only_character_event(events, "character.deleted");
    assert_eq!((event.character, event.seq), (scene.owner.key().derived_uuid(), 1));
    let body = Body::Deleted {
        name: "character-12345".into(),
        reason: "character_status".into(),
        soft: false,
    };
    assert_eq!(event.body, body);
}

#[test]
fn a_login_after_the_deletion_begins_anew() {
    let mut scene = Scene::online([]);
    scene.status(StatusChange::Deleted);
    assert_eq!(scene.status(login()), ["#1 online in 0/100000000"]);
    let character = scene.owner.character().cloned().unwrap();
    let written = CharacterChange::Write(character.into());
    assert_eq!(scene.owner.take_changes().character, written, "over the row that stands there");
}
