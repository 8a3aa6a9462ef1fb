//! What is delivered: all, some, typed, unknown, from where on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_nats::HeaderMap;
use chrono::Utc;
use menagerie::client::{Body, Delivery, LevelUp, Start, Tenant, Why};
use uuid::Uuid;

use crate::world::{Listener, TENANT, USER, World, deleted, level, level_up, soon};

#[tokio::test]
async fn an_event_comes_typed_with_its_headers() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let id = Uuid::new_v4();
    let sent = level_up(7, 11);
    world.publish(id, &sent).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().start_from(Start::Beginning).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(event)))
    });
    let event: Delivery = listener.next().await;
    assert_eq!((event.event_id, event.character_id), (id, Uuid::from_u128(7)));
    assert_eq!((event.user_id, &*event.version), (USER, "1.0"));
    assert_eq!(event.timestamp.timestamp_micros(), sent.at.timestamp_micros());
    let Body::LevelUp(up) = &event.body else { panic!("{:?}", event.body) };
    assert_eq!((up.previous_level, up.new_level, up.experience), (10, 11, 150_000));
    let tenant = Tenant { id: TENANT, region: "GMS".to_owned(), major: 83, minor: 1 };
    assert_eq!(event.meta.tenant, Some(tenant));
    assert_eq!((event.meta.seq, event.meta.event_id), (Some(11), Some(id)));
    assert_eq!(event.meta.subject, "character.levelup");
    assert_eq!((event.meta.stream_sequence, event.meta.num_deliveries), (1, 1));
    let trace = "00-abababababababababababababababab-cdcdcdcdcdcdcdcd-01";
    assert_eq!(event.meta.traceparent.as_deref(), Some(trace));
    let (_, summary) = listener.end().await;
    assert_eq!((summary.num_handled, summary.num_unconfirmed), (1, 0));
    world.end().await;
}

#[tokio::test]
async fn one_type_is_filtered_by_the_server() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.publish(Uuid::new_v4(), &deleted(1)).await;
    world.level_ups(1, [2]).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.only::<LevelUp>().start_from(Start::Beginning);
        subscription.stop_when(stop).run(move |event: Delivery<LevelUp>| {
            let _ = heard.send(event.event.body.new_level);
            std::future::ready(())
        })
    });
    assert_eq!(listener.next().await, 2);
    let (rest, summary) = listener.end().await;
    assert_eq!((rest.len(), summary.num_handled, summary.num_filtered), (0, 1, 0));
    world.end().await;
}

#[tokio::test]
async fn several_types_are_filtered_by_the_server() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2]).await;
    world.publish(Uuid::new_v4(), &deleted(1)).await;
    world.publish_raw("character.married", HeaderMap::new(), unknown().into()).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let types = ["character.deleted", "character.married"];
        let subscription = subscriber.types(types).start_from(Start::Beginning).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(event.event.event_type)))
    });
    assert_eq!(listener.take(2).await, ["character.deleted", "character.married"]);
    listener.end().await;
    world.end().await;
}

#[tokio::test]
async fn one_characters_events_are_filtered_in_the_client() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    for character in [1, 2, 1, 3] {
        world.level_ups(character, [2]).await;
    }
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().of_character(Uuid::from_u128(1)).of_user(USER);
        let subscription = subscription.of_tenant(TENANT).start_from(Start::Beginning);
        subscription.stop_when(stop).run(move |event| {
            std::future::ready(heard.send((event.character_id, event.meta.stream_sequence)))
        })
    });
    let one = Uuid::from_u128(1);
    assert_eq!(listener.take(2).await, [(one, 1), (one, 3)]);
    // What is not handled is no burden on the server either.
    let consumer = world.consumer().await;
    soon(world.until(&consumer, |info| info.ack_floor.stream_sequence == 4)).await;
    let (_, summary) = listener.end().await;
    assert_eq!((summary.num_handled, summary.num_filtered), (2, 2));
    world.end().await;
}

#[tokio::test]
async fn another_users_and_another_tenants_events_are_left_out() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2, 3]).await;
    for other in [
        subscriber.all().of_user(Uuid::from_u128(99)),
        subscriber.all().of_tenant(Uuid::from_u128(99)),
    ] {
        let listener: Listener<u64> = Listener::spawn(|heard, stop| {
            let subscription = other.start_from(Start::Beginning).stop_when(stop);
            subscription
                .run(move |event| std::future::ready(heard.send(event.meta.stream_sequence)))
        });
        let consumer = world.consumer().await;
        soon(world.until(&consumer, |info| info.ack_floor.stream_sequence == 2)).await;
        let (heard, summary) = listener.end().await;
        assert_eq!((heard.len(), summary.num_filtered), (0, 2));
    }
    world.end().await;
}

#[tokio::test]
async fn a_start_now_leaves_out_what_was_before() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2, 3]).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().durable("now").start_from(Start::Now).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(level(&event))))
    });
    world.consumer().await;
    world.level_ups(1, [4]).await;
    assert_eq!(listener.next().await, 4);
    listener.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_start_at_a_time_leaves_out_what_was_stored_before() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2, 3]).await;
    let info = world.admin.get_stream(&world.stream).await.unwrap();
    let stored = info.cached_info().state.last_timestamp;
    // The first instant after it that both clocks can tell apart.
    let time = stored + Duration::from_millis(1);
    soon(async {
        while Utc::now() <= time {
            tokio::task::yield_now().await;
        }
    })
    .await;
    world.level_ups(1, [4, 5]).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().start_from(Start::Time(time)).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(level(&event))))
    });
    assert_eq!(listener.take(2).await, [4, 5]);
    listener.end().await;
    world.end().await;
}

fn unknown() -> String {
    format!(
        r#"{{"event_id":"{}","event_type":"character.married","character_id":"{}","user_id":"{}","timestamp":"2024-01-15T10:30:00Z","version":"2.0","partner":{{"love":1.50}}}}"#,
        Uuid::new_v4(),
        Uuid::from_u128(1),
        USER
    )
}

#[tokio::test]
async fn an_unknown_type_is_delivered_byte_for_byte() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let sent = unknown();
    world.publish_raw("character.married", HeaderMap::new(), sent.clone().into()).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().start_from(Start::Beginning).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(event)))
    });
    let event: Delivery = listener.next().await;
    assert_eq!((&*event.event_type, &*event.version), ("character.married", "2.0"));
    let Body::Unknown(unknown) = &event.body else { panic!("{:?}", event.body) };
    assert_eq!(unknown.json(), sent);
    assert_eq!(event.meta.tenant, None, "a message without headers is fine too");
    listener.end().await;
    world.end().await;
}

#[tokio::test]
async fn what_is_no_event_is_told_to_the_hook_and_holds_nobody_up() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.publish_raw("character.levelup", HeaderMap::new(), b"{\"hello\":1}".to_vec()).await;
    world.level_ups(1, [2]).await;
    let abandoned = Arc::new(Mutex::new(Vec::new()));
    let mut listener = Listener::spawn(|heard, stop| {
        let abandoned = abandoned.clone();
        let subscription = subscriber.all().start_from(Start::Beginning).stop_when(stop);
        subscription
            .on_abandoned(move |event| {
                assert!(matches!(event.why, Why::Unreadable(_)), "{event:?}");
                abandoned.lock().unwrap().push(event.payload.clone());
            })
            .run(move |event| std::future::ready(heard.send(level(&event))))
    });
    assert_eq!(listener.next().await, 2);
    let (_, summary) = listener.end().await;
    assert_eq!((summary.num_handled, summary.num_abandoned), (1, 1));
    assert_eq!(*abandoned.lock().unwrap(), ["{\"hello\":1}"]);
    world.end().await;
}
