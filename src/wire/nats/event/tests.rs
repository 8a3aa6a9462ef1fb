#![allow(clippy::unwrap_used)]

use chrono::DateTime;

use super::*;
use crate::domain::character::Stats;
use crate::wire::spec;

const EVENT_ID: Uuid = Uuid::from_u128(1);
const CHARACTER: Uuid = Uuid::from_u128(2);
const USER: Uuid = Uuid::from_u128(3);
const SESSION: Uuid = Uuid::from_u128(4);

/// The specification's example of an event, compact, with UUIDs for its placeholders.
fn example(subject: &str) -> String {
    let mut text =
        spec::compact(spec::example(spec::CHARACTER_EVENTS, &format!("#### `{subject}`")));
    for (key, placeholder, id) in [
        ("event_id", "uuid", EVENT_ID),
        ("character_id", "uuid", CHARACTER),
        ("user_id", "uuid", USER),
        ("session_id", "session-uuid", SESSION),
    ] {
        text = text.replace(&format!("{key:?}:{placeholder:?}"), &format!("{key:?}:\"{id}\""));
    }
    text
}

fn event(body: Body) -> Event {
    let at = "2024-01-15T10:30:00Z".parse().unwrap();
    Event { character: CHARACTER, user: USER, at, seq: 1, body }
}

fn place(x: f64, y: f64) -> Place {
    Place { world: "world1".into(), zone: "zone1".into(), x, y, z: 50.0 }
}

/// Byte for byte, below the heading of its own subject.
fn assert_is_the_example(body: Body) {
    let event = event(body);
    let text = String::from_utf8(encode(EVENT_ID, &event)).unwrap();
    assert_eq!(text, example(subject(&event)));
}

fn stats(strength: u32) -> Stats {
    let stats = [
        ("strength", strength),
        ("agility", 12),
        ("intelligence", 8),
        ("wisdom", 7),
        ("vitality", 15),
    ];
    Stats(stats.map(|(name, points)| (name.into(), points)).into())
}

#[test]
fn created_is_the_example() {
    assert_is_the_example(Body::Created {
        name: "PlayerName".into(),
        class: "warrior".into(),
        race: "human".into(),
        gender: "male".into(),
        level: 1,
        slot: 1,
    });
}

#[test]
fn restored_is_the_example() {
    let (name, reason) = ("PlayerName".into(), "user_requested".into());
    assert_is_the_example(Body::Restored { name, reason });
}

#[test]
fn selected_is_the_example() {
    let ip = Some("192.168.1.1".parse().unwrap());
    assert_is_the_example(Body::Selected { name: "PlayerName".into(), session: SESSION, ip });
}

#[test]
fn a_selection_without_an_address_has_an_empty_one() {
    let selected = Body::Selected { name: "PlayerName".into(), session: SESSION, ip: None };
    let text = String::from_utf8(encode(EVENT_ID, &event(selected))).unwrap();
    assert!(text.ends_with(r#","ip":""}"#), "{text}");
}

#[test]
fn stats_are_the_example() {
    assert_is_the_example(Body::StatsUpdated {
        update: "stat_allocation",
        previous: stats(10),
        new: stats(11),
        changes: vec![("strength".into(), 1)],
    });
}

#[test]
fn an_appearance_is_the_example() {
    assert_is_the_example(Body::AppearanceUpdated {
        fields: ["hair_color", "hair_style", "face_type"].map(Into::into).into(),
        reason: "cosmetic_shop".into(),
    });
}

#[test]
fn a_levelup_is_the_example() {
    assert_is_the_example(Body::LevelUp {
        name: "PlayerName".into(),
        previous: 10,
        new: 11,
        experience: 150_000,
        stat_points: 5,
        skill_points: 2,
    });
}

#[test]
fn online_is_the_example() {
    assert_is_the_example(Body::Online {
        name: "PlayerName".into(),
        session: SESSION,
        world: "world1".into(),
        zone: "zone1".into(),
    });
}

#[test]
fn offline_is_the_example() {
    assert_is_the_example(Body::Offline {
        name: "PlayerName".into(),
        session: SESSION,
        online_nanos: 3_600_000_000_000,
        reason: "logout".into(),
    });
}

#[test]
fn a_position_is_the_example() {
    assert_is_the_example(Body::PositionUpdated {
        previous: Some(place(100.0, 200.0)),
        new: place(150.0, 250.0),
        movement: "walk".into(),
    });
}

#[test]
fn deleted_is_the_example() {
    assert_is_the_example(Body::Deleted {
        name: "PlayerName".into(),
        reason: "user_requested".into(),
        soft: true,
    });
}

#[test]
fn the_first_position_has_no_previous_one() {
    let first = event(Body::PositionUpdated {
        previous: None,
        new: place(-0.5, 1e7),
        movement: "map_change".into(),
    });
    let text = String::from_utf8(encode(EVENT_ID, &first)).unwrap();
    assert!(!text.contains("previous_position"), "{text}");
    assert!(text.contains(r#""position_x":-0.5,"position_y":10000000.0,"#), "{text}");
}

#[test]
fn the_timestamp_is_when_it_was_decided() {
    let mut deleted =
        event(Body::Deleted { name: "N".into(), reason: "retention".into(), soft: false });
    deleted.at = DateTime::from_timestamp_micros(1_705_314_600_000_250).unwrap();
    let text = String::from_utf8(encode(EVENT_ID, &deleted)).unwrap();
    assert!(text.contains(r#""timestamp":"2024-01-15T10:30:00.000250Z""#), "{text}");
}
