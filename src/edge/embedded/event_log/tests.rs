#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use futures::FutureExt;
use futures::StreamExt;
use uuid::Uuid;

use super::*;

fn message(id: u128, subject: &str) -> Message {
    Message {
        subject: subject.to_owned(),
        id: Uuid::from_u128(id),
        headers: vec![("REGION", "GMS".to_owned())],
        payload: Bytes::from_static(b"{}"),
    }
}

fn sequences(entries: &[Arc<Entry>]) -> Vec<u64> {
    entries.iter().map(|entry| entry.sequence).collect()
}

fn brief() -> Limits {
    Limits { ack_timeout: Duration::from_millis(1), ..Limits::default() }
}

#[tokio::test]
async fn messages_are_kept_in_the_order_in_which_they_were_published() {
    let log = MemoryLog::default();
    for id in 1..=3 {
        let ack = log.publish(&message(id, "character.online")).await.unwrap();
        assert_eq!(ack, Ack { duplicate: false, sequence: id as u64 });
    }
    assert_eq!(sequences(&log.recent(10)), [1, 2, 3]);
    assert_eq!(sequences(&log.recent(2)), [2, 3]);
    assert_eq!(log.recent(1)[0].message, message(3, "character.online"));
}

#[tokio::test]
async fn a_known_id_is_a_duplicate_and_is_not_kept_again() {
    let log = MemoryLog::default();
    log.publish(&message(1, "character.online")).await.unwrap();
    log.publish(&message(2, "character.online")).await.unwrap();
    let ack = log.publish(&message(1, "character.online")).await.unwrap();
    assert_eq!(ack, Ack { duplicate: true, sequence: 1 });
    assert_eq!(log.last_sequence(), 2);
}

#[test]
fn an_id_is_forgotten_after_the_window() {
    let limits = Limits { duplicate_window: Duration::from_secs(120), ..Limits::default() };
    let mut store = Store::new(&limits);
    let start = Instant::now();
    let mut is_duplicate_after = |seconds| {
        let now = start + Duration::from_secs(seconds);
        let (ack, _) = store.append(&message(1, "a"), now, DateTime::UNIX_EPOCH).unwrap();
        ack.duplicate
    };
    assert!(!is_duplicate_after(0));
    assert!(is_duplicate_after(119));
    assert!(!is_duplicate_after(120));
}

#[tokio::test]
async fn the_oldest_id_makes_room_when_too_many_are_remembered() {
    let log = MemoryLog::new(Limits { max_ids: 2, ..Limits::default() });
    for id in 1..=3 {
        log.publish(&message(id, "a")).await.unwrap();
    }
    assert!(log.publish(&message(3, "a")).await.unwrap().duplicate);
    assert!(!log.publish(&message(1, "a")).await.unwrap().duplicate);
}

#[tokio::test]
async fn the_oldest_message_goes_when_there_are_too_many() {
    let log = MemoryLog::new(Limits { max_messages: 2, ..Limits::default() });
    for id in 1..=5 {
        log.publish(&message(id, "a")).await.unwrap();
    }
    assert_eq!(sequences(&log.recent(10)), [4, 5]);
}

#[tokio::test]
async fn the_oldest_messages_go_when_the_bytes_run_out() {
    // Each message is 1 + 9 + 2 bytes: subject, header, payload.
    let log = MemoryLog::new(Limits { max_bytes: 36, ..Limits::default() });
    for id in 1..=5 {
        log.publish(&message(id, "a")).await.unwrap();
    }
    assert_eq!(sequences(&log.recent(10)), [3, 4, 5]);
}

#[tokio::test]
async fn a_message_larger_than_the_log_is_refused_and_displaces_nothing() {
    let log = MemoryLog::new(Limits { max_bytes: 36, ..Limits::default() });
    log.publish(&message(1, "a")).await.unwrap();
    let large = Message { payload: Bytes::from(vec![0; 37]), ..message(2, "a") };
    assert!(matches!(log.publish(&large).await, Err(PublishError::Refused(_))));
    assert_eq!(sequences(&log.recent(10)), [1]);
}

#[tokio::test]
async fn a_subscriber_gets_what_matches_from_now_on() {
    let log = MemoryLog::default();
    log.publish(&message(1, "character.stats.updated")).await.unwrap();
    let mut subscription = log.subscribe("character.*.updated".parse().unwrap());
    log.publish(&message(2, "character.online")).await.unwrap();
    log.publish(&message(3, "character.stats.updated")).await.unwrap();
    log.publish(&message(3, "character.stats.updated")).await.unwrap();
    let Some(Delivery::Entry(entry)) = subscription.next().await else { panic!("no entry") };
    assert_eq!(entry.sequence, 3);
    assert_eq!(subscription.next().now_or_never(), None, "a duplicate is not delivered");
}

#[tokio::test]
async fn a_slow_subscriber_is_told_how_much_it_lost_and_goes_on() {
    let log = MemoryLog::new(Limits { max_backlog: 4, ..Limits::default() });
    let subscription = log.subscribe(Filter::all());
    for id in 1..=10 {
        log.publish(&message(id, "a")).await.unwrap();
    }
    drop(log);
    let deliveries: Vec<_> = subscription.into_stream().collect().await;
    assert_eq!(deliveries[0], Delivery::Lost(6));
    let rest: Vec<_> = deliveries[1..]
        .iter()
        .map(|delivery| match delivery {
            Delivery::Entry(entry) => entry.sequence,
            Delivery::Lost(_) => panic!("lost twice"),
        })
        .collect();
    assert_eq!(rest, [7, 8, 9, 10]);
}

#[tokio::test]
async fn a_refusal_holds_for_the_chosen_subjects_only() {
    let log = MemoryLog::default();
    log.set_fault_on(Fault::Refuse, |subject| subject == "character.online");
    let refused = log.publish(&message(1, "character.online")).await.unwrap_err();
    assert!(matches!(refused, PublishError::Refused(_)));
    assert!(log.publish(&message(2, "character.offline")).await.is_ok());
    log.set_fault(None);
    assert!(!log.publish(&message(1, "character.online")).await.unwrap().duplicate);
}

#[tokio::test]
async fn a_silent_log_keeps_nothing_and_times_out() {
    let log = MemoryLog::new(brief());
    log.set_fault(Some(Fault::Silent));
    assert_eq!(log.publish(&message(1, "a")).await, Err(PublishError::AckTimeout));
    log.set_fault(None);
    assert!(!log.publish(&message(1, "a")).await.unwrap().duplicate);
}

#[tokio::test]
async fn after_a_lost_ack_the_repetition_is_a_duplicate() {
    let log = MemoryLog::new(brief());
    log.set_fault(Some(Fault::LostAck));
    assert_eq!(log.publish(&message(1, "a")).await, Err(PublishError::AckTimeout));
    log.set_fault(None);
    assert!(log.publish(&message(1, "a")).await.unwrap().duplicate);
}

#[tokio::test]
async fn a_disconnected_log_says_when_it_is_back() {
    let log = MemoryLog::default();
    log.set_fault(Some(Fault::Disconnected));
    assert!(!log.is_connected());
    let error = log.publish(&message(1, "a")).await.unwrap_err();
    assert!(!error.is_attempt());
    let mut connected = log.connected();
    assert!(connected.as_mut().now_or_never().is_none());
    log.set_fault(None);
    connected.await;
    assert!(log.is_connected());
}
