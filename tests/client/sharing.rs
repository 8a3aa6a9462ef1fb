//! Groups, order, and events that come again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use menagerie::client::{
    self, Backoff, BoxError, Delivery, Error, EventIds, Order, Start, Verdict, Why,
};
use uuid::Uuid;

use crate::world::{Counter, Listener, World, level, level_up, soon};

fn at_once() -> Backoff {
    Backoff::constant(Duration::from_millis(1))
}

#[tokio::test]
async fn a_group_shares_the_events_and_each_goes_to_one_member() {
    let Some(world) = World::start().await else { return };
    world.level_ups(1, 2..102).await;
    let barrier = Arc::new(tokio::sync::Barrier::new(2));
    let mut members = Vec::new();
    for _ in 0..2 {
        let subscriber = world.subscriber().await;
        let (barrier, is_first) = (barrier.clone(), Arc::new(AtomicBool::new(true)));
        members.push(Listener::spawn(|heard, stop| {
            let subscription = subscriber.all().group("shared").start_from(Start::Beginning);
            subscription.stop_when(stop).run(move |event: Delivery| {
                let (heard, barrier, is_first) = (heard.clone(), barrier.clone(), is_first.clone());
                async move {
                    // Nobody goes on before both have got one.
                    if is_first.swap(false, Ordering::Relaxed) {
                        barrier.wait().await;
                    }
                    heard.send(level(&event))
                }
            })
        }));
    }
    soon(world.until("shared", |info| info.num_ack_pending == 0 && info.num_pending == 0)).await;
    let mut all = Vec::new();
    for member in members {
        let (heard, summary) = member.end().await;
        assert_eq!(summary.num_handled, heard.len() as u64);
        assert!(!heard.is_empty());
        all.extend(heard);
    }
    all.sort_unstable();
    assert_eq!(all, (2..102).collect::<Vec<_>>());
    world.end().await;
}

#[tokio::test]
async fn a_durable_subscription_goes_on_where_it_was() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    for levels in [[2, 3], [4, 5]] {
        world.level_ups(1, levels).await;
        let mut listener = Listener::spawn(|heard, stop| {
            let subscription = subscriber.all().durable("place").start_from(Start::Beginning);
            let subscription = subscription.stop_when(stop);
            subscription.run(move |event| std::future::ready(heard.send(level(&event))))
        });
        assert_eq!(listener.take(2).await, levels);
        listener.end().await;
    }
    world.end().await;
}

#[tokio::test]
async fn a_durable_name_of_a_subscription_to_something_else_is_refused() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let listener: Listener<()> = Listener::spawn(|_, stop| {
        subscriber.all().durable("taken").stop_when(stop).run(|_| std::future::ready(()))
    });
    world.consumer().await;
    let other = subscriber.only::<client::LevelUp>().durable("taken");
    let error = other.run(|_| std::future::ready(())).await.unwrap_err();
    assert!(matches!(error, Error::ConsumerDiffers { field: "filter", .. }), "{error}");
    assert!(!error.is_retryable());
    listener.end().await;
    world.end().await;
}

#[tokio::test]
async fn an_event_whose_handler_fails_comes_again_until_it_succeeds() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2]).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().start_from(Start::Beginning).backoff(at_once());
        subscription.stop_when(stop).run(move |event: Delivery| {
            let _ = heard.send(event.meta.num_deliveries);
            let is_third = event.meta.num_deliveries == 3;
            std::future::ready(if is_third { Ok(()) } else { Err("no room") })
        })
    });
    assert_eq!(listener.take(3).await, [1, 2, 3]);
    let (rest, summary) = listener.end().await;
    assert!(rest.is_empty());
    assert_eq!((summary.num_handled, summary.num_failed), (1, 2));
    world.end().await;
}

#[tokio::test]
async fn the_wait_before_an_event_comes_again_is_kept() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2]).await;
    let wait = Duration::from_millis(600);
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().start_from(Start::Beginning).backoff(at_once());
        subscription.stop_when(stop).run(move |event: Delivery| {
            let _ = heard.send(std::time::Instant::now());
            std::future::ready(match event.meta.num_deliveries {
                1 => Verdict::Retry { reason: "later".to_owned(), after: Some(wait) },
                _ => Verdict::Done,
            })
        })
    });
    let times = listener.take(2).await;
    // The server's clock and ours may round differently.
    assert!(times[1] - times[0] >= wait - Duration::from_millis(20), "{:?}", times[1] - times[0]);
    listener.end().await;
    world.end().await;
}

#[tokio::test]
async fn an_event_that_fails_too_often_or_is_refused_is_given_up() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    world.level_ups(1, [2, 3, 4]).await;
    let abandoned = Arc::new(Mutex::new(BTreeMap::new()));
    let calls = Arc::new(Counter::default());
    let mut listener = Listener::spawn(|heard, stop| {
        let (abandoned, calls) = (abandoned.clone(), calls.clone());
        let subscription = subscriber.all().durable("fussy").start_from(Start::Beginning);
        subscription
            .backoff(at_once())
            .max_deliveries(2)
            .stop_when(stop)
            .on_abandoned(move |event| {
                let why = match event.why {
                    Why::MaxDeliveries(why) | Why::Refused(why) => why.to_owned(),
                    _ => panic!("{event:?}"),
                };
                abandoned.lock().unwrap().insert(event.meta.stream_sequence, why);
            })
            .run(move |event| {
                calls.next();
                std::future::ready(match level(&event) {
                    2 => Err("no room"),
                    3 => Ok(Verdict::GiveUp { reason: "no such guild".to_owned() }),
                    other => {
                        let _ = heard.send(other);
                        Ok(Verdict::Done)
                    }
                })
            })
    });
    assert_eq!(listener.next().await, 4);
    soon(world.until("fussy", |info| info.ack_floor.stream_sequence == 3)).await;
    let (_, summary) = listener.end().await;
    assert_eq!((summary.num_handled, summary.num_abandoned), (1, 2));
    assert_eq!(calls.next(), 5, "two for the first, one for each other");
    let expected = [(1, "no room".to_owned()), (2, "no such guild".to_owned())];
    assert_eq!(*abandoned.lock().unwrap(), BTreeMap::from(expected));
    world.end().await;
}

#[tokio::test]
async fn an_event_stored_twice_is_handled_once() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let id = Uuid::new_v4();
    // Without the header JetStream does not see that it is the same.
    let payload = menagerie::wire::nats::event::encode(id, &level_up(1, 2));
    for _ in 0..2 {
        world.publish_raw("character.levelup", Default::default(), payload.clone()).await;
    }
    world.level_ups(1, [3]).await;
    let mut listener = Listener::spawn(|heard, stop| {
        let subscription = subscriber.all().start_from(Start::Beginning).stop_when(stop);
        subscription.run(move |event| std::future::ready(heard.send(level(&event))))
    });
    assert_eq!(listener.take(2).await, [2, 3]);
    let (_, summary) = listener.end().await;
    assert_eq!((summary.num_handled, summary.num_repeated), (2, 1));
    world.end().await;
}

/// A memory that outlives subscriptions.
#[derive(Clone, Default)]
struct Database(Arc<Mutex<Vec<Uuid>>>);

impl EventIds for Database {
    fn is_handled(&self, id: Uuid) -> BoxFuture<'_, Result<bool, BoxError>> {
        std::future::ready(Ok(self.0.lock().unwrap().contains(&id))).boxed()
    }

    fn record(&self, id: Uuid) -> BoxFuture<'_, Result<(), BoxError>> {
        self.0.lock().unwrap().push(id);
        std::future::ready(Ok(())).boxed()
    }
}

#[tokio::test]
async fn an_event_that_was_handled_is_not_given_up_for_want_of_its_acknowledgement() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let database = Database::default();
    world.level_ups(1, [2]).await;
    let subscription = || {
        let subscription = subscriber.all().durable("crashing").start_from(Start::Beginning);
        let subscription = subscription.event_ids(database.clone()).max_deliveries(1);
        subscription.ack_wait(Duration::from_secs(1))
    };
    let mut listener = Listener::spawn(|heard, stop| {
        let database = database.clone();
        subscription().stop_when(stop).run(move |event| {
            // With its effect, and then it crashes.
            database.0.lock().unwrap().push(event.event_id);
            let _ = heard.send(level(&event));
            std::future::pending::<()>()
        })
    });
    assert_eq!(listener.next().await, 2);
    listener.kill().await;
    let listener: Listener<()> = Listener::spawn(|_, stop| {
        subscription().stop_when(stop).run(|_| std::future::ready(Err::<(), _>("it was handled")))
    });
    soon(world.until("crashing", |info| info.ack_floor.stream_sequence == 1)).await;
    let (_, summary) = listener.end().await;
    assert_eq!((summary.num_repeated, summary.num_abandoned), (1, 0));
    world.end().await;
}

#[tokio::test]
async fn a_lasting_memory_keeps_a_later_subscription_from_handling_again() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    let database = Database::default();
    world.level_ups(1, [2]).await;
    for (next, expected) in [(3, vec![2, 3]), (4, vec![4])] {
        world.level_ups(1, [next]).await;
        let mut listener = Listener::spawn(|heard, stop| {
            let subscription = subscriber.all().event_ids(database.clone()).stop_when(stop);
            let subscription = subscription.start_from(Start::Beginning);
            subscription.run(move |event| std::future::ready(heard.send(level(&event))))
        });
        assert_eq!(listener.take(expected.len()).await, expected);
        listener.end().await;
    }
    assert_eq!(database.0.lock().unwrap().len(), 3);
    world.end().await;
}

#[tokio::test]
async fn strict_order_holds_over_a_failure_and_over_a_whole_group() {
    let Some(world) = World::start().await else { return };
    let levels: Vec<u16> = (2..32).collect();
    world.level_ups(1, levels.clone()).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let under_way = Arc::new(AtomicUsize::new(0));
    let mut members = Vec::new();
    for _ in 0..3 {
        let subscriber = world.subscriber().await;
        let (heard, under_way) = (heard.clone(), under_way.clone());
        members.push(Listener::<()>::spawn(|_, stop| {
            let subscription = subscriber.all().group("strict").start_from(Start::Beginning);
            let subscription = subscription.order(Order::Strict).concurrency(8);
            subscription.backoff(at_once()).stop_when(stop).run(move |event: Delivery| {
                let (heard, under_way) = (heard.clone(), under_way.clone());
                async move {
                    assert_eq!(under_way.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::task::yield_now().await;
                    under_way.fetch_sub(1, Ordering::SeqCst);
                    if level(&event).is_multiple_of(7) && event.meta.num_deliveries == 1 {
                        return Err("not at first");
                    }
                    heard.lock().unwrap().push(level(&event));
                    Ok(())
                }
            })
        }));
    }
    soon(world.until("strict", |info| info.ack_floor.stream_sequence == 30)).await;
    for member in members {
        member.end().await;
    }
    assert_eq!(*heard.lock().unwrap(), levels);
    world.end().await;
}

#[tokio::test]
async fn events_of_a_character_keep_their_order_while_others_go_on() {
    let Some(world) = World::start().await else { return };
    let subscriber = world.subscriber().await;
    for level in 2..12 {
        world.level_ups(1, [level]).await;
        world.level_ups(2, [level]).await;
    }
    let is_open = Arc::new(AtomicBool::new(false));
    let mut listener = Listener::spawn(|heard, stop| {
        let is_open = is_open.clone();
        let subscription = subscriber.all().durable("lanes").start_from(Start::Beginning);
        let subscription = subscription.order(Order::ByCharacter).concurrency(4);
        subscription.backoff(at_once()).stop_when(stop).run(move |event: Delivery| {
            let character = event.character_id.as_u128();
            // The first character's third event fails until the second character is through.
            let fails = character == 1 && level(&event) == 4 && !is_open.load(Ordering::SeqCst);
            if !fails {
                let _ = heard.send((character, level(&event)));
            }
            std::future::ready(if fails { Err("closed") } else { Ok(()) })
        })
    });
    let mut levels = BTreeMap::from([(1, Vec::new()), (2, Vec::new())]);
    for (character, level) in listener.take(20 - 8).await {
        levels.get_mut(&character).unwrap().push(level);
    }
    assert_eq!(levels[&1], [2, 3], "the later ones wait");
    is_open.store(true, Ordering::SeqCst);
    for (character, level) in listener.take(8).await {
        levels.get_mut(&character).unwrap().push(level);
    }
    let expected: Vec<u16> = (2..12).collect();
    assert_eq!((&levels[&1], &levels[&2]), (&expected, &expected));
    let (_, summary) = listener.end().await;
    assert!(summary.num_failed > 0);
    assert_eq!(summary.num_handled, 20);
    world.end().await;
}
