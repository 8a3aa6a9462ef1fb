//! Stopping, and what must not stop a subscription.

use std::sync::Arc;
use std::time::Duration;

use menagerie::client::{Delivery, Error, LevelUp, Options, Order, Start, Subscriber};
use tokio::sync::Notify;

use crate::proxy::Proxy;
use crate::world::{Listener, World, level, soon};

#[tokio::test]
async fn a_stop_lets_the_handler_finish_and_waits_for_its_acknowledgement() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2, 3]).await;
    let go_on = Arc::new(Notify::new());
    let mut listener = Listener::spawn(|heard, stop| {
        let go_on = go_on.clone();
        let subscription = subscriber.all().durable("stopping").start_from(Start::Beginning);
        subscription.stop_when(stop).run(move |event: Delivery| {
            let (heard, go_on) = (heard.clone(), go_on.clone());
            async move {
                let _ = heard.send(level(&event));
                go_on.notified().await;
                let _ = heard.send(100 + level(&event));
            }
        })
    });
    assert_eq!(listener.next().await, 2);
    listener.stop.stop();
    assert!(!listener.task.is_finished());
    go_on.notify_one();
    let (rest, summary) = listener.end().await;
    assert_eq!(rest, [102], "the handler went through and the next event was not begun");
    assert_eq!((summary.num_handled, summary.num_unconfirmed), (1, 0));
    let stream = world.admin.get_stream(&world.stream).await.unwrap();
    let info = stream.consumer_info("stopping").await.unwrap();
    assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending), (1, 0));
    world.end().await;
}

#[tokio::test]
async fn a_stop_hands_back_what_waits_behind_another_event() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2, 3, 4]).await;
    let go_on = Arc::new(Notify::new());
    let mut first = Listener::spawn(|heard, stop| {
        let go_on = go_on.clone();
        let subscription = subscriber.all().durable("lanes").start_from(Start::Beginning);
        let subscription = subscription.order(Order::ByCharacter).stop_when(stop);
        subscription.run(move |event: Delivery| {
            let _ = heard.send(level(&event));
            let go_on = go_on.clone();
            async move { go_on.notified().await }
        })
    });
    assert_eq!(first.next().await, 2);
    soon(world.until("lanes", |info| info.num_ack_pending == 3)).await;
    first.stop.stop();
    go_on.notify_one();
    let (rest, _) = first.end().await;
    assert!(rest.is_empty());
    // Not after the ack wait of half a minute, which would be too late for this.
    let mut second = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().durable("lanes").stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(level(&event))))
    });
    let mut levels = second.take(2).await;
    levels.sort_unstable();
    assert_eq!(levels, [3, 4]);
    second.end().await;
    world.end().await;
}

#[tokio::test]
async fn a_subscription_without_a_name_leaves_nothing_on_the_server() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let listener: Listener<()> =
        Listener::spawn(|_, stop| subscriber.all().stop_when(stop).run(|_| std::future::ready(())));
    world.consumer().await;
    listener.end().await;
    let stream = world.admin.get_stream(&world.stream).await.unwrap();
    assert_eq!(stream.cached_info().state.consumer_count, 0);
    world.end().await;
}

#[tokio::test]
async fn an_event_whose_handler_is_slower_than_the_ack_wait_goes_to_nobody_else() {
    let Some(world) = World::start().await else { return };
    world.level_ups(1, [2]).await;
    let mut members = Vec::new();
    for _ in 0..2 {
        let subscriber = world.subscriber().await;
        members.push(Listener::spawn(|heard, stop| {
            let subscription = subscriber.all().group("slow").start_from(Start::Beginning);
            let subscription = subscription.ack_wait(Duration::from_secs(1)).stop_when(stop);
            subscription.run(move |event: Delivery| {
                let heard = heard.clone();
                async move {
                    // The subject of this test.
                    tokio::time::sleep(Duration::from_millis(2_500)).await;
                    heard.send(event.meta.num_deliveries)
                }
            })
        }));
    }
    soon(world.until("slow", |info| info.ack_floor.stream_sequence == 1)).await;
    let mut heard = Vec::new();
    for member in members {
        heard.extend(member.end().await.0);
    }
    assert_eq!(heard, [1]);
    world.end().await;
}

#[tokio::test]
async fn a_lost_connection_ends_nothing_and_repeats_nothing() {
    let Some(world) = World::start().await else { return };
    let proxy = Proxy::start(world.url.trim_start_matches("nats://")).await;
    let subscriber = world.subscriber_at(&format!("nats://{}", proxy.addr())).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().durable("lasting").start_from(Start::Beginning);
        let subscription = subscription.ack_wait(Duration::from_secs(1)).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(level(&event))))
    });
    world.level_ups(1, [2]).await;
    assert_eq!(listener.next().await, 2);
    for level in 3..6 {
        proxy.cut();
        soon(async {
            let state = || subscriber.client().connection_state();
            while state() == async_nats::connection::State::Connected {
                tokio::task::yield_now().await;
            }
        })
        .await;
        world.level_ups(1, [level]).await;
        proxy.resume();
        assert_eq!(listener.next().await, level);
    }
    let (rest, summary) = listener.end().await;
    assert!(rest.is_empty());
    assert_eq!(summary.num_handled, 4);
    world.end().await;
}

#[tokio::test]
async fn a_nameless_consumer_that_is_deleted_is_made_again_after_what_was_handled() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().start_from(Start::Now).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(level(&event))))
    });
    let consumer = world.consumer().await;
    world.level_ups(1, [2]).await;
    assert_eq!(listener.next().await, 2);
    world.admin.delete_consumer_from_stream(&consumer, &world.stream).await.unwrap();
    world.level_ups(1, [3]).await;
    assert_eq!(listener.next().await, 3);
    let (rest, _) = listener.end().await;
    assert!(rest.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_durable_consumer_that_is_deleted_is_an_error() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let listener: Listener<()> = Listener::spawn(|_, stop| {
        subscriber.all().durable("gone").stop_when(stop).run(|_| std::future::ready(()))
    });
    world.consumer().await;
    soon(world.until("gone", |info| info.num_waiting == 1)).await;
    world.admin.delete_consumer_from_stream("gone", &world.stream).await.unwrap();
    let error = soon(listener.task).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::ConsumerDeleted { .. }), "{error}");
    assert!(error.is_position_lost());
    world.end().await;
}

#[tokio::test]
async fn a_closed_connection_ends_a_subscription() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let listener: Listener<()> = Listener::spawn(|_, stop| {
        subscriber.all().durable("closed").stop_when(stop).run(|_| std::future::ready(()))
    });
    world.consumer().await;
    soon(world.until("closed", |info| info.num_waiting == 1)).await;
    subscriber.close().await.unwrap();
    let error = soon(listener.task).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Closed), "{error}");
    world.end().await;
}

#[tokio::test]
async fn without_a_stream_there_is_an_error_worth_another_try() {
    let Some(world) = World::start().await else { return };
    let options = Options { stream: "CLIENT_NOWHERE".to_owned(), ..Options::default() };
    let subscriber = Subscriber::connect(&world.url, options).await.unwrap();
    for subscription in [subscriber.all(), subscriber.all().durable("a")] {
        let error = subscription.run(|_| std::future::ready(())).await.unwrap_err();
        assert!(matches!(error, Error::StreamMissing { .. }), "{error}");
        assert!(error.is_retryable());
    }
    world.end().await;
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_before_anything_is_done() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let none: [&str; 0] = [];
    for subscription in [
        subscriber.all().durable("a.b"),
        subscriber.all().durable(""),
        subscriber.types(none),
        subscriber.types(["character.on line"]),
    ] {
        let error = subscription.run(|_| std::future::ready(())).await.unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error}");
        assert!(!error.is_retryable());
    }
    let stream = world.admin.get_stream(&world.stream).await.unwrap();
    assert_eq!(stream.cached_info().state.consumer_count, 0);
    drop(subscriber.only::<LevelUp>());
    world.end().await;
}
