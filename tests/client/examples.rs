//! The three consumers of the specification, fed with its own JSON.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;
use chrono::TimeDelta;
use menagerie::client::{Body, Event, Position, Readable};
use serde_json::Value;
use uuid::Uuid;

use crate::friends_online::{self, Friends};
use crate::spatial_index::{self, Index};
use crate::time_to_level::{self, Progress, Tracked};
use crate::world::{Listener, USER, World};

const SPECIFICATION: &str = include_str!("../../docs/spec/character-events.md");

const CHARACTER: Uuid = Uuid::from_u128(2);

/// The specification's example of an event, with UUIDs for its placeholders.
fn example(subject: &str) -> Value {
    let (_, section) = SPECIFICATION.split_once(&format!("#### `{subject}`\n")).unwrap();
    let (_, block) = section.split_once("```json\n").unwrap();
    let mut event: Value = serde_json::from_str(block.split_once("```").unwrap().0).unwrap();
    event["event_id"] = Uuid::new_v4().to_string().into();
    event["character_id"] = CHARACTER.to_string().into();
    event["user_id"] = USER.to_string().into();
    if event.get("session_id").is_some() {
        event["session_id"] = Uuid::from_u128(4).to_string().into();
    }
    event
}

fn read(event: &Value) -> Event {
    Body::read(&Bytes::from(event.to_string())).unwrap()
}

fn at(x: f64, y: f64) -> Position {
    let (world_id, zone_id) = ("world1".to_owned(), "zone1".to_owned());
    Position { world_id, zone_id, position_x: x, position_y: y, position_z: 50.0 }
}

#[test]
fn a_position_moves_a_character_in_the_index() {
    let mut index = Index::default();
    let moved = read(&example("character.position.updated"));
    assert!(index.update(CHARACTER, &moved.body));
    assert_eq!(index.near(&at(150.0, 250.0), 1.0), [CHARACTER]);
    assert_eq!(index.near(&at(150.0, 349.0), 100.0), [CHARACTER], "from another cell");
    assert!(index.near(&at(100.0, 200.0), 1.0).is_empty());
    let elsewhere = Position { zone_id: "zone2".to_owned(), ..at(150.0, 250.0) };
    assert!(index.near(&elsewhere, 1.0).is_empty());
}

#[test]
fn whoever_leaves_is_not_in_the_index() {
    for leaving in ["character.offline", "character.deleted"] {
        let mut index = Index::default();
        for subject in ["character.position.updated", leaving] {
            index.update(CHARACTER, &read(&example(subject)).body);
        }
        assert_eq!(index.num_characters(), 0, "{leaving}");
    }
}

#[test]
fn friends_who_are_online_are_told_once() {
    let (friend, away) = (Uuid::from_u128(10), Uuid::from_u128(11));
    let mut friends = Friends::new(HashMap::from([(CHARACTER, vec![friend, away])]));
    let online = read(&example("character.online"));
    friends.update(friend, &online.body);
    let told = friends.update(CHARACTER, &online.body);
    let [notification] = &told[..] else { panic!("{told:?}") };
    assert_eq!((notification.to, &*notification.text), (friend, "PlayerName is online"));
    assert!(friends.update(CHARACTER, &online.body).is_empty(), "a repetition");
    friends.update(CHARACTER, &read(&example("character.offline")).body);
    assert_eq!(friends.update(CHARACTER, &online.body).len(), 1);
}

#[test]
fn the_time_to_a_level_is_counted_from_the_level_before() {
    let mut progress = Progress::default();
    let mut up = example("character.levelup");
    let tracked = |new_level, time_to_level| Tracked {
        character_id: CHARACTER,
        user_id: USER,
        new_level,
        time_to_level,
    };
    assert_eq!(progress.update(&read(&up)), Some(tracked(11, None)));
    assert_eq!(progress.update(&read(&up)), None, "a repetition");
    up["previous_level"] = 11.into();
    up["new_level"] = 12.into();
    up["timestamp"] = "2024-01-15T11:00:30Z".into();
    let half_an_hour = TimeDelta::seconds(1_830);
    assert_eq!(progress.update(&read(&up)), Some(tracked(12, Some(half_an_hour))));
    let mut created = example("character.created");
    created["timestamp"] = "2024-01-16T00:00:00Z".into();
    progress.update(&read(&created));
    up["previous_level"] = 1.into();
    up["new_level"] = 2.into();
    up["timestamp"] = "2024-01-16T00:01:00Z".into();
    assert_eq!(progress.update(&read(&up)), Some(tracked(2, Some(TimeDelta::minutes(1)))));
}

#[tokio::test]
async fn the_examples_run_against_a_server() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let (index, friends) = (Mutex::new(Index::default()), Mutex::new(Friends::default()));
    let progress = Mutex::new(Progress::default());
    let mut spatial = Listener::spawn(|heard, stop| {
        let subscription = spatial_index::subscription(&subscriber).stop_when(stop);
        subscription.run(move |event| {
            spatial_index::handle(&index, &event);
            std::future::ready(heard.send(index.lock().unwrap().num_characters()))
        })
    });
    let mut social = Listener::spawn(|heard, stop| {
        let subscription = friends_online::subscription(&subscriber).stop_when(stop);
        subscription.run(move |event| {
            friends_online::handle(&friends, &event);
            std::future::ready(heard.send(event.event.event_type))
        })
    });
    let mut analytics = Listener::spawn(|heard, stop| {
        let subscription = time_to_level::subscription(&subscriber).stop_when(stop);
        subscription.run(move |event| {
            std::future::ready(heard.send(time_to_level::handle(&progress, &event)))
        })
    });
    world.consumers(3).await;
    for subject in [
        "character.created",
        "character.online",
        "character.position.updated",
        "character.levelup",
        "character.offline",
    ] {
        let payload = example(subject).to_string().into_bytes();
        world.publish_raw(subject, Default::default(), payload).await;
    }
    assert_eq!(spatial.take(2).await, [1, 0]);
    assert_eq!(social.take(2).await, ["character.online", "character.offline"]);
    let [created, level_up] = &analytics.take(2).await[..] else { unreachable!() };
    assert_eq!(*created, None);
    assert_eq!(level_up.as_ref().unwrap().new_level, 11);
    for listener in [spatial.stop, social.stop, analytics.stop] {
        listener.stop();
    }
    world.end().await;
}
