//! Who owns a shard.

use std::time::Duration;

use menagerie::store::{CommitError, Fence, Store};

use super::harness::{Fresh, eventually, on_both_backends, on_postgres_only};
use super::samples::*;

on_both_backends!(
    a_new_shard_starts_at_round_zero,
    a_held_shard_is_not_given_away,
    of_two_that_race_one_wins,
    the_shard_of_a_holder_that_died_is_taken_at_once,
    the_shard_of_a_holder_that_hangs_is_taken_when_its_lease_ran_out,
    a_released_shard_is_taken_at_once,
    a_renewed_lease_does_not_run_out,
    a_commit_renews_the_lease,
    a_fenced_holder_does_not_take_the_shard_back,
    shards_are_taken_apart,
);

on_postgres_only!(the_lock_comes_along_to_a_new_connection, a_holder_that_hangs_loses_its_lock_too,);

async fn a_new_shard_starts_at_round_zero(fresh: &Fresh) {
    let store = fresh.store().await;
    assert_eq!(store.position(SHARD).await.unwrap(), None);

    let (fence, lease) = take(&store).await;

    assert_eq!(lease.round, 0);
    let position = store.position(SHARD).await.unwrap().unwrap();
    assert_eq!((position.epoch, position.round), (fence.epoch, 0));
}

async fn a_held_shard_is_not_given_away(fresh: &Fresh) {
    let store = fresh.store().await;
    let other = fresh.unmigrated().await;
    let (fence, _) = take(&store).await;

    assert_eq!(other.acquire(SHARD, "other", LEASE).await.unwrap(), None);

    store.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap();
}

async fn of_two_that_race_one_wins(fresh: &Fresh) {
    let first = fresh.store().await;
    let second = fresh.unmigrated().await;
    for turn in 0..40 {
        // Every other shard was there before, with its lease run out.
        let shard = format!("shard-{turn}");
        if turn % 2 == 1 {
            let taken = first.acquire(&shard, "before", LEASE).await.unwrap().unwrap();
            let fence = Fence { shard: (*shard).into(), epoch: taken.epoch, lease: LEASE };
            first.release(&fence).await.unwrap();
        }

        let (one, two) = tokio::join!(
            first.acquire(&shard, "first", LEASE),
            second.acquire(&shard, "second", LEASE)
        );

        let epochs = [one.unwrap(), two.unwrap()];
        let epochs: Vec<_> = epochs.iter().flatten().map(|lease| lease.epoch).collect();
        let [winner] = epochs[..] else { panic!("{} of two took {shard}", epochs.len()) };
        assert_eq!(first.position(&shard).await.unwrap().unwrap().epoch, winner);
    }
}

async fn the_shard_of_a_holder_that_died_is_taken_at_once(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    let (old, _) = take(&holder).await;
    if fresh.is_postgres() {
        fresh.kill_lock_holders().await;
    } else {
        drop(holder);
    }

    let taken = other.acquire(SHARD, "other", LEASE).await.unwrap();

    let taken = taken.expect("the lock is free, though the lease has minutes to run");
    assert!(taken.epoch > old.epoch);
}

async fn the_shard_of_a_holder_that_hangs_is_taken_when_its_lease_ran_out(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    let old = take_for(&holder, Duration::from_millis(200)).await;

    let taken = eventually(async || other.acquire(SHARD, "other", LEASE).await.unwrap()).await;

    assert!(taken.epoch > old.epoch);
    let late = eventually(async || {
        // The first answer may be that its connection was ended.
        let outcome = holder.commit(&old, 1, pets([pet(1, 10)])).await;
        outcome.err().filter(|error| !error.is_retryable())
    })
    .await;
    assert_eq!(late, CommitError::Fenced);
    assert_eq!(other.pet(pet_key(1)).await.unwrap(), None);
}

async fn a_released_shard_is_taken_at_once(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    let (old, _) = take(&holder).await;
    holder.commit(&old, 1, pets([pet(1, 10)])).await.unwrap();
    holder.release(&old).await.unwrap();

    let taken = other.acquire(SHARD, "other", LEASE).await.unwrap().unwrap();

    assert!(taken.epoch > old.epoch);
    assert_eq!(taken.round, 1);
}

async fn a_renewed_lease_does_not_run_out(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    let fence = take_for(&holder, Duration::ZERO).await;

    assert!(holder.renew(&fence, LEASE).await.unwrap());

    assert_eq!(other.acquire(SHARD, "other", LEASE).await.unwrap(), None);
}

async fn a_commit_renews_the_lease(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    let fence = take_for(&holder, Duration::ZERO).await;
    let fence = Fence { lease: LEASE, ..fence };

    holder.commit(&fence, 1, pets([pet(1, 10)])).await.unwrap();

    assert_eq!(other.acquire(SHARD, "other", LEASE).await.unwrap(), None);
}

async fn a_fenced_holder_does_not_take_the_shard_back(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    let old = take_for(&holder, Duration::ZERO).await;
    let taken = eventually(async || other.acquire(SHARD, "other", LEASE).await.unwrap()).await;
    let new = Fence { epoch: taken.epoch, lease: LEASE, shard: SHARD.into() };

    let is_ours = eventually(async || holder.renew(&old, LEASE).await.ok()).await;
    assert!(!is_ours);
    assert!(other.renew(&new, LEASE).await.unwrap());

    assert_eq!(holder.acquire(SHARD, "holder", LEASE).await.unwrap(), None);
    other.commit(&new, 1, pets([pet(1, 10)])).await.unwrap();
}

async fn shards_are_taken_apart(fresh: &Fresh) {
    let store = fresh.store().await;
    let other = fresh.unmigrated().await;
    take(&store).await;

    assert!(other.acquire("us-1", "other", LEASE).await.unwrap().is_some());
}

async fn the_lock_comes_along_to_a_new_connection(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    let (fence, _) = take(&holder).await;
    fresh.kill_lock_holders().await;

    // The first statement on the broken connection fails, the next has a new one.
    eventually(async || holder.settle(&fence, 1).await.ok()).await;

    assert_eq!(other.acquire(SHARD, "other", LEASE).await.unwrap(), None);
    assert!(holder.renew(&fence, LEASE).await.unwrap());
}

async fn a_holder_that_hangs_loses_its_lock_too(fresh: &Fresh) {
    let holder = fresh.store().await;
    let other = fresh.unmigrated().await;
    take_for(&holder, Duration::ZERO).await;
    let hanging = fresh.lock_holders().await;

    eventually(async || other.acquire(SHARD, "other", LEASE).await.unwrap()).await;

    let holders = fresh.lock_holders().await;
    assert_eq!(holders.len(), 1, "or the next would find the lock free when the old one dies");
    assert_ne!(holders, hanging);
}

async fn take_for(store: &Store, lease: Duration) -> Fence {
    let taken = store.acquire(SHARD, "test", lease).await.unwrap().unwrap();
    Fence { shard: SHARD.into(), epoch: taken.epoch, lease }
}
