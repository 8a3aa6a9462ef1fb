//! What requests leave beside the characters they changed: history and answers.

use std::sync::Arc;

use menagerie::store::{AnswerRow, CommitError, HistoryRow, Sink, Store, Work};
use uuid::Uuid;

use super::harness::{Fresh, on_both_backends};
use super::samples::*;

on_both_backends!(
    history_is_kept_byte_for_byte,
    history_comes_in_pages_of_one_character,
    an_event_kept_stays_as_it_is,
    history_is_pruned_oldest_first,
    answers_are_found_by_key,
    an_answer_given_anew_takes_the_place_of_one_too_old,
    the_history_of_one_forgotten_goes,
    who_begins_anew_has_a_history_of_its_own,
    answers_are_pruned_oldest_first,
    a_refused_round_leaves_neither,
    a_fenced_round_leaves_neither,
);

const ANN: Uuid = Uuid::from_u128(0xa);
const BOB: Uuid = Uuid::from_u128(0xb);

async fn history_is_kept_byte_for_byte(fresh: &Fresh) {
    let store = fresh.store().await;
    let event = event(ANN, 1, at(0));
    commit(&store, vec![event.clone()], vec![]).await;

    let history = store.history(TENANT, ANN, 0, 10).await.unwrap();

    assert_eq!(history, [(1, String::from_utf8(event.body).unwrap())]);
}

async fn history_comes_in_pages_of_one_character(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut abroad = event(ANN, 9, at(0));
    abroad.tenant = OTHER_TENANT;
    let big = 1 << 53;
    let mut events = vec![event(BOB, 2, at(0)), abroad];
    events.extend([big + 1, 3, 1, 2].map(|seq| event(ANN, seq, at(0))));
    commit(&store, events, vec![]).await;
    let list = async |after, limit| {
        let page = store.history(TENANT, ANN, after, limit).await.unwrap();
        page.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
    };

    assert_eq!(list(0, 2).await, [1, 2]);
    assert_eq!(list(2, u64::MAX).await, [3, big + 1]);
    assert_eq!(list(u64::MAX, 1).await, [0_u64; 0]);
}

async fn an_event_kept_stays_as_it_is(fresh: &Fresh) {
    let store = fresh.store().await;
    let first = event(ANN, 1, at(0));
    let again = HistoryRow { body: b"{}".to_vec(), ..first.clone() };
    let (fence, _) = take(&store).await;
    for (round, event) in [(1, first.clone()), (2, again)] {
        let work = Work { history: vec![event], ..empty() };
        store.commit(&fence, round, Arc::new(work)).await.unwrap();
    }

    let history = store.history(TENANT, ANN, 0, 10).await.unwrap();

    assert_eq!(history, [(1, String::from_utf8(first.body).unwrap())]);
}

async fn history_is_pruned_oldest_first(fresh: &Fresh) {
    let store = fresh.store().await;
    let events = [(1, 30), (2, 10), (3, 20), (4, 40)].map(|(seq, s)| event(ANN, seq, at(s)));
    commit(&store, events.into(), vec![]).await;
    let left = async || {
        let history = store.history(TENANT, ANN, 0, 10).await.unwrap();
        history.into_iter().map(|(seq, _)| seq).collect::<Vec<_>>()
    };

    assert_eq!(store.prune_history(at(40), 2).await.unwrap(), 2);
    assert_eq!(left().await, [1, 4]);
    assert_eq!(store.prune_history(at(40), 2).await.unwrap(), 1);
    assert_eq!(left().await, [4]);
    assert_eq!(store.prune_history(at(40), 2).await.unwrap(), 0);
}

async fn answers_are_found_by_key(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut abroad = answer("a", at(1));
    abroad.tenant = OTHER_TENANT;
    abroad.answer = vec![];
    let quoted = answer("\"'\\ ключ", at(2));
    commit(&store, vec![], vec![answer("a", at(0)), abroad.clone(), quoted.clone()]).await;

    let key = |row: &AnswerRow| (row.tenant, row.key.clone());
    let asked =
        [key(&quoted), key(&abroad), (TENANT, "A".into()), (OTHER_TENANT, quoted.key.clone())];
    let mut found = store.answers(&asked).await.unwrap();

    found.sort_by_key(|row| row.tenant);
    assert_eq!(found, [abroad, quoted]);
    assert_eq!(store.answers(&[]).await.unwrap(), []);
}

async fn an_answer_given_anew_takes_the_place_of_one_too_old(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let second = AnswerRow { answer: b"no".to_vec(), request_hash: [0; 32], ..answer("a", at(9)) };
    for (round, answer) in [(1, answer("a", at(0))), (2, second.clone())] {
        let work = Work { answers: vec![answer], ..empty() };
        store.commit(&fence, round, Arc::new(work)).await.unwrap();
    }

    assert_eq!(store.answers(&[(TENANT, "a".into())]).await.unwrap(), [second]);
}

async fn the_history_of_one_forgotten_goes(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let mut abroad = event(ANN, 1, at(0));
    abroad.tenant = OTHER_TENANT;
    let history = vec![event(ANN, 1, at(0)), event(BOB, 1, at(0)), abroad];
    store.commit(&fence, 1, Arc::new(Work { history, ..empty() })).await.unwrap();

    let work = Work { forgotten: vec![(TENANT, ANN)], ..empty() };
    store.commit(&fence, 2, Arc::new(work)).await.unwrap();

    assert_eq!(store.history(TENANT, ANN, 0, 10).await.unwrap(), []);
    for (tenant, character) in [(TENANT, BOB), (OTHER_TENANT, ANN)] {
        assert_eq!(store.history(tenant, character, 0, 10).await.unwrap().len(), 1);
    }
}

/// Under the same UUID and in the same round, from the same first number on.
async fn who_begins_anew_has_a_history_of_its_own(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let history = vec![event(ANN, 1, at(0)), event(ANN, 2, at(0)), event(BOB, 1, at(0))];
    store.commit(&fence, 1, Arc::new(Work { history, ..empty() })).await.unwrap();

    let anew = HistoryRow { body: b"{}".to_vec(), ..event(ANN, 1, at(9)) };
    let work = Work { forgotten: vec![(TENANT, ANN)], history: vec![anew], ..empty() };
    store.commit(&fence, 2, Arc::new(work)).await.unwrap();

    assert_eq!(store.history(TENANT, ANN, 0, 10).await.unwrap(), [(1, "{}".to_owned())]);
    assert_eq!(store.history(TENANT, BOB, 0, 10).await.unwrap().len(), 1);
}

async fn answers_are_pruned_oldest_first(fresh: &Fresh) {
    let store = fresh.store().await;
    let rows = [("a", 30), ("b", 10), ("c", 20), ("d", 40)].map(|(key, s)| answer(key, at(s)));
    commit(&store, vec![], rows.into()).await;
    let left = async || {
        let asked = ["a", "b", "c", "d"].map(|key| (TENANT, key.into()));
        let mut left = store.answers(&asked).await.unwrap();
        left.sort_by_key(|row| row.key.clone());
        left.into_iter().map(|row| row.key.to_string()).collect::<Vec<_>>()
    };

    assert_eq!(store.prune_answers(at(40), 2).await.unwrap(), 2);
    assert_eq!(left().await, ["a", "d"]);
    assert_eq!(store.prune_answers(at(40), 2).await.unwrap(), 1);
    assert_eq!(store.prune_answers(at(40), 2).await.unwrap(), 0);
    assert_eq!(left().await, ["d"]);
}

async fn a_refused_round_leaves_neither(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let twice = vec![events(Sink::Nats, b"a"), events(Sink::Nats, b"b")];
    let work = Work { outbox: twice, ..with_both() };

    let refusal = store.commit(&fence, 1, Arc::new(work)).await.unwrap_err();

    assert!(matches!(refusal, CommitError::Refused { .. }), "{refusal:?}");
    assert_neither(&store).await;
}

async fn a_fenced_round_leaves_neither(fresh: &Fresh) {
    let store = fresh.store().await;
    let (old, _) = take(&store).await;
    store.release(&old).await.unwrap();
    take(&store).await;

    let refusal = store.commit(&old, 1, Arc::new(with_both())).await.unwrap_err();

    assert_eq!(refusal, CommitError::Fenced);
    assert_neither(&store).await;
}

fn with_both() -> Work {
    Work { history: vec![event(ANN, 1, at(0))], answers: vec![answer("a", at(0))], ..empty() }
}

async fn assert_neither(store: &Store) {
    assert_eq!(store.history(TENANT, ANN, 0, 10).await.unwrap(), []);
    assert_eq!(store.answers(&[(TENANT, "a".into())]).await.unwrap(), []);
}

async fn commit(store: &Store, history: Vec<HistoryRow>, answers: Vec<AnswerRow>) {
    let (fence, _) = take(store).await;
    let work = Work { history, answers, ..empty() };
    store.commit(&fence, 1, Arc::new(work)).await.unwrap();
}
