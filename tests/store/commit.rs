//! One round, one transaction, behind the fence.

use std::sync::Arc;
use std::time::Duration;

use menagerie::store::{CommitError, Position, Settled, Sink, Store, Work};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::harness::{Fresh, eventually, on_both_backends, on_postgres_only};
use super::samples::*;

on_both_backends!(
    a_round_is_committed_whole,
    a_later_round_overwrites_and_removes,
    an_old_epoch_commits_nothing,
    a_round_out_of_sequence_commits_nothing,
    refused_data_leaves_nothing,
    a_round_repeated_has_its_effect_once,
    a_round_given_up_that_goes_through_late_counts,
    settle_knows_a_round_that_happened,
    settle_knows_a_round_that_did_not,
    settle_knows_a_newer_epoch,
    a_dead_letter_is_kept_once_for_a_place_and_the_newest_stays,
    vitals_of_another_tenants_pet_stay_as_they_are,
    a_round_of_thousands_is_one_transaction,
);

on_postgres_only!(
    text_that_cannot_be_kept_refuses_the_round,
    settle_ends_an_attempt_under_way,
    a_connection_that_breaks_is_unavailable_and_then_replaced,
);

async fn a_round_is_committed_whole(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, lease) = take(&store).await;
    let work = Work {
        pets: vec![pet(1, 10), pet(2, 10)],
        characters: vec![online(10), offline(11)],
        tenants: vec![Arc::new(tenant())],
        sources: vec![source(0, 100), source(1, 200)],
        dead_letters: vec![dead_letter(99)],
        outbox: vec![events(Sink::Kafka, b"\x00kafka"), events(Sink::Nats, b"nats")],
        ..empty()
    };

    let committed = store.commit(&fence, lease.round + 1, Arc::new(work)).await.unwrap();

    assert!(!committed.was_late);
    assert_eq!(round_of(&store).await, lease.round + 1);
    let stored = store.load(&[owner(10), owner(11)]).await.unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!(stored.iter().map(|stored| stored.pets.len()).sum::<usize>(), 2);
    assert_eq!(stored[0].tenant, Some(tenant()));
    assert_eq!(store.sources(SHARD).await.unwrap(), [source(0, 100), source(1, 200)]);
    assert_eq!(store.num_dead_letters(Default::default()).await.unwrap(), 1);
    let kafka = store.pending(SHARD, Sink::Kafka, 0, 10).await.unwrap().rows;
    assert_eq!(kafka[0].body, b"\x00kafka");
    assert_eq!((kafka[0].round, kafka[0].num_events), (lease.round + 1, 4));
    assert_eq!(kafka[0].decided_at, at(0));
    assert_eq!(store.pending(SHARD, Sink::Nats, 0, 10).await.unwrap().rows[0].body, b"nats");
}

async fn a_later_round_overwrites_and_removes(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let first = Work {
        pets: vec![pet(1, 10), pet(2, 10), pet(3, 10)],
        characters: vec![online(10), online(11)],
        tenants: vec![Arc::new(tenant())],
        sources: vec![source(0, 100)],
        ..empty()
    };
    store.commit(&fence, 1, Arc::new(first)).await.unwrap();

    let mut renamed = pet(2, 12);
    renamed.pet.name = "Tom".into();
    let region = menagerie::domain::Tenant { region: "EMS".into(), ..tenant() };
    let mut second = Work {
        pets: vec![renamed.clone()],
        removed_pets: vec![pet_key(3), pet_key(77)],
        characters: vec![offline(10)],
        removed_characters: vec![owner(11)],
        tenants: vec![Arc::new(region.clone())],
        sources: vec![source(0, 101)],
        ..empty()
    };
    second.vitals.push(TENANT, vitals(1, 300));
    second.vitals.push(TENANT, vitals(99, 300));
    store.commit(&fence, 2, Arc::new(second)).await.unwrap();

    let (_, first) = store.pet(pet_key(1)).await.unwrap().unwrap();
    assert_eq!((first.level, first.closeness, first.fullness, first.slot), (7, 300, 55, 1));
    assert_eq!(&*first.name, "Pet");
    assert_eq!(store.pet(pet_key(2)).await.unwrap(), Some((renamed.owner, renamed.pet)));
    assert_eq!(store.pet(pet_key(3)).await.unwrap(), None);
    assert_eq!(store.pet(pet_key(99)).await.unwrap(), None);
    let stored = store.load(&[owner(10), owner(11)]).await.unwrap();
    assert_eq!(stored.len(), 1, "the other is gone");
    assert_eq!(stored[0].character, Some(offline(10).character));
    assert_eq!(stored[0].tenant, Some(region));
    assert_eq!(store.sources(SHARD).await.unwrap(), [source(0, 101)]);
}

async fn an_old_epoch_commits_nothing(fresh: &Fresh) {
    let store = fresh.store().await;
    let (old, _) = take(&store).await;
    store.release(&old).await.unwrap();
    let (new, _) = take(&store).await;
    assert!(new.epoch > old.epoch);

    let work = Work {
        pets: vec![pet(1, 10)],
        characters: vec![offline(10)],
        tenants: vec![Arc::new(tenant())],
        sources: vec![source(0, 5)],
        dead_letters: vec![dead_letter(4)],
        outbox: vec![events(Sink::Kafka, b"x")],
        ..empty()
    };
    let refusal = store.commit(&old, 1, Arc::new(work)).await.unwrap_err();

    assert_eq!(refusal, CommitError::Fenced);
    assert_nothing_stored(&store).await;
}

async fn a_round_out_of_sequence_commits_nothing(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;

    let refusal = store.commit(&fence, 2, pets([pet(1, 10)])).await.unwrap_err();

    assert_eq!(refusal, CommitError::Fenced);
    assert_nothing_stored(&store).await;
}

async fn refused_data_leaves_nothing(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let work = Work {
        pets: vec![pet(1, 10)],
        outbox: vec![events(Sink::Kafka, b"a"), events(Sink::Kafka, b"b")],
        ..empty()
    };

    let refusal = store.commit(&fence, 1, Arc::new(work)).await.unwrap_err();

    assert!(matches!(refusal, CommitError::Refused { code: Some(_), .. }), "{refusal:?}");
    assert!(!refusal.is_retryable());
    assert_nothing_stored(&store).await;
    store.commit(&fence, 1, pets([pet(1, 10)])).await.expect("the round is still to be had");
}

async fn a_round_repeated_has_its_effect_once(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let work = Arc::new(Work { outbox: vec![events(Sink::Nats, b"x")], ..empty() });
    store.commit(&fence, 1, Arc::clone(&work)).await.unwrap();

    let again = store.commit(&fence, 1, work).await.unwrap();

    assert!(again.was_late);
    assert_eq!(store.backlog(SHARD, Sink::Nats).await.unwrap().num_rows, 1);
}

async fn a_round_given_up_that_goes_through_late_counts(fresh: &Fresh) {
    let store = fresh.store().await;
    let impatient = fresh.impatient(Duration::from_millis(300)).await;
    let (fence, _) = take(&impatient).await;
    let obstacle = Obstacle::before_commits(fresh).await;
    let work = pets([pet(1, 10)]);

    let outcome = impatient.commit(&fence, 1, Arc::clone(&work)).await.unwrap_err();
    assert!(outcome.is_retryable(), "{outcome:?}");
    assert_eq!(round_of(&store).await, 0, "it hangs");
    obstacle.remove().await;
    eventually(async || (round_of(&store).await == 1).then_some(())).await;

    let committed = impatient.commit(&fence, 1, work).await.unwrap();
    assert!(committed.was_late);
    impatient.commit(&fence, 2, pets([pet(2, 10)])).await.expect("and the work goes on");
}

async fn settle_knows_a_round_that_happened(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    store.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap();

    assert_eq!(store.settle(&fence, 1).await.unwrap(), Settled::Happened);
}

async fn settle_knows_a_round_that_did_not(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;

    assert_eq!(store.settle(&fence, 1).await.unwrap(), Settled::NotHappened);
}

async fn settle_knows_a_newer_epoch(fresh: &Fresh) {
    let store = fresh.store().await;
    let (old, _) = take(&store).await;
    store.release(&old).await.unwrap();
    take(&store).await;

    assert_eq!(store.settle(&old, 1).await.unwrap(), Settled::Fenced);
}

async fn a_dead_letter_is_kept_once_for_a_place_and_the_newest_stays(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let mut second = dead_letter(99);
    second.reason = "panicked".to_owned();
    let round = |letters| Arc::new(Work { dead_letters: letters, ..empty() });
    store.commit(&fence, 1, round(vec![dead_letter(99)])).await.unwrap();

    store.commit(&fence, 2, round(vec![second, dead_letter(100)])).await.unwrap();

    let letters = store.dead_letters(Default::default(), 10).await.unwrap();
    let kept: Vec<_> =
        letters.iter().map(|stored| (stored.letter.offset, &*stored.letter.reason)).collect();
    assert_eq!(kept, [(100, "malformed"), (99, "panicked")]);
}

async fn vitals_of_another_tenants_pet_stay_as_they_are(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    store.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap();
    let mut work = empty();
    work.vitals.push(OTHER_TENANT, vitals(1, 300));
    work.removed_pets.push(menagerie::domain::PetKey { tenant: OTHER_TENANT, ..pet_key(1) });

    store.commit(&fence, 2, Arc::new(work)).await.unwrap();

    assert_eq!(store.pet(pet_key(1)).await.unwrap().unwrap().1, pet(1, 10).pet);
}

async fn a_round_of_thousands_is_one_transaction(fresh: &Fresh) {
    const NUM_PETS: u32 = 8_192;
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    store.commit(&fence, 1, pets((0..NUM_PETS).map(|n| pet(n, n)))).await.unwrap();
    let mut work = Work { outbox: vec![events(Sink::Kafka, &[7; 1 << 20])], ..empty() };
    for number in (0..NUM_PETS).rev() {
        work.vitals.push(TENANT, vitals(number, 1 + u16::try_from(number).unwrap()));
    }

    store.commit(&fence, 2, Arc::new(work)).await.unwrap();

    let keys: Vec<_> = (0..NUM_PETS).map(owner).collect();
    let stored = store.load(&keys).await.unwrap();
    assert_eq!(stored.len(), keys.len());
    for stored in stored {
        let closeness = u32::from(stored.pets[0].closeness);
        assert_eq!(closeness, 1 + stored.key.character.0);
    }
    assert_eq!(store.pending(SHARD, Sink::Kafka, 0, 10).await.unwrap().rows[0].body.len(), 1 << 20);
}

async fn text_that_cannot_be_kept_refuses_the_round(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    let mut bad = pet(2, 10);
    bad.pet.name = "a\0b".into();

    let refusal = store.commit(&fence, 1, pets([pet(1, 10), bad])).await.unwrap_err();

    assert!(matches!(refusal, CommitError::Refused { .. }), "{refusal:?}");
    assert_nothing_stored(&store).await;
}

async fn settle_ends_an_attempt_under_way(fresh: &Fresh) {
    let store = fresh.store().await;
    let impatient = fresh.impatient(Duration::from_secs(1)).await;
    let (fence, _) = take(&impatient).await;
    let obstacle = Obstacle::before_commits(fresh).await;
    impatient.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap_err();

    let settled = eventually(async || impatient.settle(&fence, 1).await.ok()).await;
    assert_eq!(settled, Settled::NotHappened);
    obstacle.remove().await;

    let other = impatient.commit(&fence, 1, pets([pet(2, 10)])).await.unwrap();
    assert!(!other.was_late, "the first attempt can no longer go through");
    assert_eq!(store.pet(pet_key(1)).await.unwrap(), None);
    assert!(store.pet(pet_key(2)).await.unwrap().is_some());
}

async fn a_connection_that_breaks_is_unavailable_and_then_replaced(fresh: &Fresh) {
    let store = fresh.store().await;
    let (fence, _) = take(&store).await;
    fresh.kill_lock_holders().await;

    let outcome = store.commit(&fence, 1, pets([pet(1, 10)])).await;
    assert!(outcome.is_err_and(|error| error.is_retryable()));

    assert_eq!(store.settle(&fence, 1).await.unwrap(), Settled::NotHappened);
    store.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap();
}

/// Another program in the way of every commit.
struct Obstacle {
    connection: DatabaseConnection,
}

impl Obstacle {
    async fn before_commits(fresh: &Fresh) -> Self {
        let connection = fresh.stranger().await;
        let sql = match fresh.is_postgres() {
            true => "begin; lock table pets in exclusive mode",
            false => "begin immediate",
        };
        connection.execute_unprepared(sql).await.unwrap();
        Self { connection }
    }

    async fn remove(self) {
        self.connection.execute_unprepared("rollback").await.unwrap();
    }
}

async fn round_of(store: &Store) -> i64 {
    let Position { round, .. } = store.position(SHARD).await.unwrap().unwrap();
    round
}

async fn assert_nothing_stored(store: &Store) {
    assert_eq!(round_of(store).await, 0);
    assert_eq!(store.load(&[owner(10)]).await.unwrap(), []);
    assert_eq!(store.sources(SHARD).await.unwrap(), []);
    assert_eq!(store.num_dead_letters(Default::default()).await.unwrap(), 0);
    assert_eq!(store.pending(SHARD, Sink::Kafka, 0, 10).await.unwrap().rows, []);
}
