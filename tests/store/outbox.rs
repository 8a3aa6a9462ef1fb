//! What waits for a broker or for a person.

use std::sync::Arc;

use menagerie::store::{Backlog, Filter, Page, ParkedEvent, Sink, Store, Work};
use uuid::Uuid;

use super::harness::{Fresh, on_both_backends};
use super::samples::*;

on_both_backends!(
    rows_wait_in_the_order_of_their_rounds,
    large_rows_are_few_to_a_page,
    published_rows_are_gone,
    the_backlog_counts_events,
    a_parked_event_waits_until_it_was_published,
    parking_an_event_again_renews_its_error,
    dead_letters_are_listed_newest_first,
    a_dead_letter_keeps_the_original_bytes,
    a_dead_letter_can_be_dropped,
);

async fn rows_wait_in_the_order_of_their_rounds(fresh: &Fresh) {
    let store = fresh.store().await;
    publish_later(&store, 12).await;

    let Page { rows: page, is_full } = store.pending(SHARD, Sink::Kafka, 3, 8).await.unwrap();

    assert!(is_full);
    assert_eq!(page.iter().map(|row| row.round).collect::<Vec<_>>(), (4..12).collect::<Vec<_>>());
    assert_eq!(page[0].body, b"round 4");
    let nothing = Page { rows: Vec::new(), is_full: false };
    assert_eq!(store.pending("us-1", Sink::Kafka, 0, 8).await.unwrap(), nothing);
}

async fn large_rows_are_few_to_a_page(fresh: &Fresh) {
    const MIB: usize = 1 << 20;
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    for (round, size) in (1..).zip([MIB, 3 * MIB, 9 * MIB, MIB, 1]) {
        let outbox = vec![events(Sink::Kafka, &vec![b'x'; size])];
        store.commit(&fence, round, Arc::new(Work { outbox, ..empty() })).await.unwrap();
    }

    let mut after = 0;
    for (expected, is_full) in [(&[1, 2][..], true), (&[3], true), (&[4, 5], false), (&[], false)] {
        let page = store.pending(SHARD, Sink::Kafka, after, 9).await.unwrap();
        let rounds: Vec<i64> = page.rows.iter().map(|row| row.round).collect();
        assert_eq!((&rounds[..], page.is_full), (expected, is_full));
        after = rounds.last().copied().unwrap_or(after);
    }
}

async fn published_rows_are_gone(fresh: &Fresh) {
    let store = fresh.store().await;
    publish_later(&store, 4).await;

    store.delete_published(SHARD, Sink::Kafka, &[1, 3, 99]).await.unwrap();
    store.delete_published(SHARD, Sink::Kafka, &[]).await.unwrap();

    let rounds = |page: Page| -> Vec<i64> { page.rows.iter().map(|row| row.round).collect() };
    assert_eq!(rounds(store.pending(SHARD, Sink::Kafka, 0, 9).await.unwrap()), [2, 4]);
    assert_eq!(rounds(store.pending(SHARD, Sink::Nats, 0, 9).await.unwrap()), [1, 2, 3, 4]);
}

async fn the_backlog_counts_events(fresh: &Fresh) {
    let store = fresh.store().await;
    assert_eq!(store.backlog(SHARD, Sink::Nats).await.unwrap(), Backlog::default());
    publish_later(&store, 3).await;

    let backlog = store.backlog(SHARD, Sink::Nats).await.unwrap();

    assert_eq!(backlog, Backlog { num_rows: 3, num_events: 12, oldest: Some(at(1)) });
}

async fn a_parked_event_waits_until_it_was_published(fresh: &Fresh) {
    let store = fresh.store().await;
    let events = [1, 2, 3].map(parked);
    for event in &events {
        store.park(event.clone()).await.unwrap();
    }

    assert_eq!(store.num_parked(SHARD, Sink::Nats).await.unwrap(), 3);
    assert_eq!(store.num_parked(SHARD, Sink::Kafka).await.unwrap(), 0);
    let first = store.parked(SHARD, Sink::Nats, 0, 2).await.unwrap();
    assert_eq!(
        first.iter().map(|parked| &parked.event).collect::<Vec<_>>(),
        [&events[0], &events[1]]
    );
    let rest = store.parked(SHARD, Sink::Nats, first[1].id, 2).await.unwrap();
    assert_eq!(rest[0].event, events[2]);

    store.unpark(&[first[0].id, rest[0].id]).await.unwrap();
    let left = store.parked(SHARD, Sink::Nats, 0, 9).await.unwrap();
    assert_eq!(left, [first[1].clone()]);
}

async fn parking_an_event_again_renews_its_error(fresh: &Fresh) {
    let store = fresh.store().await;
    store.park(parked(1)).await.unwrap();

    let again = ParkedEvent { error: "still".to_owned(), retry_count: 6, ..parked(1) };
    store.park(again.clone()).await.unwrap();

    let kept = store.parked(SHARD, Sink::Nats, 0, 9).await.unwrap();
    assert_eq!(kept.iter().map(|parked| &parked.event).collect::<Vec<_>>(), [&again]);
}

async fn dead_letters_are_listed_newest_first(fresh: &Fresh) {
    let store = fresh.store().await;
    bury(&store, 5).await;
    let offsets = |page: &[menagerie::store::StoredDeadLetter]| -> Vec<i64> {
        page.iter().map(|stored| stored.letter.offset).collect()
    };

    let first = store.dead_letters(Filter::default(), 2).await.unwrap();
    assert_eq!(offsets(&first), [5, 4]);
    let next = Filter { before_id: Some(first[1].id), ..Filter::default() };
    let lines = store.dead_letter_lines(next.clone(), 9).await.unwrap();
    let rest = store.dead_letters(next, 9).await.unwrap();
    assert_eq!(offsets(&rest), [3, 2, 1]);
    let shown = rest.iter().map(|stored| {
        let letter = &stored.letter;
        let size = i64::try_from(letter.payload.len()).unwrap();
        (stored.id, letter.tenant.map(|tenant| tenant.0), letter.at, letter.offset, size)
    });
    let lines =
        lines.iter().map(|line| (line.id, line.tenant, line.created_at, line.offset, line.size));
    assert!(shown.eq(lines));

    let odd = Filter { reason: Some("odd".to_owned()), ..Filter::default() };
    assert_eq!(offsets(&store.dead_letters(odd.clone(), 9).await.unwrap()), [5, 3, 1]);
    assert_eq!(store.num_dead_letters(odd).await.unwrap(), 3);
    assert_eq!(store.num_dead_letters(Filter::default()).await.unwrap(), 5);
}

async fn a_dead_letter_keeps_the_original_bytes(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let mut anonymous = dead_letter(8);
    (anonymous.tenant, anonymous.key, anonymous.payload) = (None, None, Vec::new());
    let letters = vec![dead_letter(7), anonymous];
    let work = Work { dead_letters: letters.clone(), ..empty() };
    store.commit(&fence, 1, Arc::new(work)).await.unwrap();

    let mut kept = store.dead_letters(Filter::default(), 9).await.unwrap();
    kept.sort_by_key(|stored| stored.letter.offset);
    assert_eq!(kept.iter().map(|stored| stored.letter.clone()).collect::<Vec<_>>(), letters);
    let one = store.dead_letter(kept[0].id).await.unwrap();
    assert_eq!(one.as_ref(), Some(&kept[0]));
    assert_eq!(kept[0].shard, SHARD);
}

async fn a_dead_letter_can_be_dropped(fresh: &Fresh) {
    let store = fresh.store().await;
    bury(&store, 1).await;
    let id = store.dead_letters(Filter::default(), 9).await.unwrap()[0].id;

    assert!(store.delete_dead_letter(id).await.unwrap());

    assert!(!store.delete_dead_letter(id).await.unwrap());
    assert_eq!(store.dead_letter(id).await.unwrap(), None);
}

/// Commits rounds with four events for each sink, in the order of the seconds.
async fn publish_later(store: &Store, num_rounds: i64) {
    let (fence, _) = take(store).await;
    for round in 1..=num_rounds {
        let body = format!("round {round}");
        let outbox = [Sink::Kafka, Sink::Nats].map(|sink| events(sink, body.as_bytes()));
        let work = Work { outbox: outbox.into(), decided_at: at(round), ..Work::default() };
        store.commit(&fence, round, Arc::new(work)).await.unwrap();
    }
}

/// Commits one dead letter a round, with reasons in turn.
async fn bury(store: &Store, num_letters: i64) {
    let (fence, _) = take(store).await;
    for offset in 1..=num_letters {
        let mut letter = dead_letter(offset);
        letter.reason = if offset % 2 == 1 { "odd" } else { "even" }.to_owned();
        let work = Work { dead_letters: vec![letter], ..empty() };
        store.commit(&fence, offset, Arc::new(work)).await.unwrap();
    }
}

fn parked(number: u128) -> ParkedEvent {
    ParkedEvent {
        shard: SHARD.to_owned(),
        sink: Sink::Nats,
        event_id: Uuid::from_u128(number),
        subject: "character.online".to_owned(),
        headers: vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "\u{e9}".to_owned())],
        payload: vec![0, 1, 255],
        error: "no responders".to_owned(),
        retry_count: 3,
        at: at(2),
    }
}
