//! Reading the game's state back.

use std::sync::Arc;

use menagerie::domain::{CharacterKey, PetKey};
use menagerie::store::{Store, Stored, Work};

use super::harness::{Fresh, on_both_backends};
use super::samples::*;

on_both_backends!(
    every_field_comes_back,
    coordinates_come_back_to_the_last_bit,
    pets_of_a_character_never_seen_are_loaded,
    nothing_is_loaded_of_what_is_not_stored,
    another_tenants_characters_are_not_loaded,
    owners_are_found_by_pet,
    online_characters_come_in_pages,
    a_shard_restores_its_own_characters_only,
    pets_of_an_owner_come_in_pages,
    pet_ids_are_handed_out_once,
    the_user_of_a_character_is_known_once_it_has_one,
);

async fn every_field_comes_back(fresh: &Fresh) {
    let store = fresh.store().await;
    let extreme = extreme_pet(u32::MAX, u32::MAX);
    let work = Work {
        pets: vec![extreme.clone(), pet(1, u32::MAX)],
        characters: vec![online(u32::MAX), offline(1)],
        tenants: vec![Arc::new(tenant())],
        ..empty()
    };
    commit(&store, work).await;

    let mut stored = store.load(&[owner(u32::MAX), owner(1)]).await.unwrap();

    stored.sort_by_key(|stored| stored.key);
    let plain = Stored {
        key: owner(1),
        tenant: Some(tenant()),
        character: Some(offline(1).character),
        pets: vec![],
    };
    let full = Stored {
        key: owner(u32::MAX),
        tenant: Some(tenant()),
        character: Some(online(u32::MAX).character),
        pets: vec![pet(1, u32::MAX).pet, extreme.pet.clone()],
    };
    assert_eq!(stored, [plain, full]);
    let alone = store.pet(pet_key(u32::MAX)).await.unwrap();
    assert_eq!(alone, Some((extreme.owner, extreme.pet)));
}

async fn coordinates_come_back_to_the_last_bit(fresh: &Fresh) {
    let store = fresh.store().await;
    // A xorshift over the allowed range of coordinates.
    let mut state = 88_172_645_463_325_252_u64;
    let mut coordinate = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state as f64 / u64::MAX as f64 - 0.5) * 2e7 / f64::from(1 << (state % 24) as u32)
    };
    let characters: Vec<_> = (0..20_000)
        .map(|number| {
            let mut row = online(number);
            let place = row.character.place.as_mut().unwrap();
            (place.x, place.y, place.z) = (coordinate(), coordinate(), coordinate());
            row
        })
        .collect();
    commit(&store, Work { characters: characters.clone(), ..empty() }).await;

    let keys: Vec<_> = characters.iter().map(|row| row.key).collect();
    let mut stored = store.load(&keys).await.unwrap();

    stored.sort_by_key(|stored| stored.key);
    for (stored, written) in stored.iter().zip(&characters) {
        assert_eq!(stored.character.as_ref().unwrap().place, written.character.place);
    }
}

async fn pets_of_a_character_never_seen_are_loaded(fresh: &Fresh) {
    let store = fresh.store().await;
    let work = Work { pets: vec![pet(1, 10)], tenants: vec![Arc::new(tenant())], ..empty() };
    commit(&store, work).await;

    let stored = store.load(&[owner(10)]).await.unwrap();

    assert_eq!(stored[0].character, None);
    assert_eq!(stored[0].tenant, Some(tenant()));
    assert_eq!(stored[0].pets, [pet(1, 10).pet]);
}

async fn nothing_is_loaded_of_what_is_not_stored(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, Work { characters: vec![offline(1)], ..empty() }).await;

    let stored = store.load(&[owner(2), owner(1)]).await.unwrap();

    assert_eq!(stored.iter().map(|stored| stored.key).collect::<Vec<_>>(), [owner(1)]);
    assert_eq!(store.load(&[]).await.unwrap(), []);
    assert_eq!(store.owners_of(&[]).await.unwrap(), []);
}

async fn another_tenants_characters_are_not_loaded(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, Work { characters: vec![offline(1)], pets: vec![pet(1, 1)], ..empty() }).await;
    let elsewhere = CharacterKey { tenant: OTHER_TENANT, ..owner(1) };

    assert_eq!(store.load(&[elsewhere]).await.unwrap(), []);
    assert_eq!(store.pets_of(elsewhere, 0, 10).await.unwrap(), (0, vec![]));
    let key = PetKey { tenant: OTHER_TENANT, ..pet_key(1) };
    assert_eq!(store.pet(key).await.unwrap(), None);
    assert_eq!(store.owners_of(&[key]).await.unwrap(), []);
}

async fn owners_are_found_by_pet(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, Work { pets: vec![pet(1, 10), pet(2, 11)], ..empty() }).await;

    let mut owners = store.owners_of(&[pet_key(2), pet_key(3), pet_key(1)]).await.unwrap();

    owners.sort();
    let expected = [(pet_key(1), owner(10).character), (pet_key(2), owner(11).character)];
    assert_eq!(owners, expected);
}

async fn online_characters_come_in_pages(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut elsewhere = online(3);
    elsewhere.key.tenant = OTHER_TENANT;
    let work = Work {
        characters: (0..25).map(online).chain((25..40).map(offline)).chain([elsewhere]).collect(),
        pets: (0..25).map(|number| pet(100 + number, number)).collect(),
        tenants: vec![Arc::new(tenant())],
        ..empty()
    };
    commit(&store, work).await;

    let mut seen = Vec::new();
    loop {
        let page = store.online(SHARD, seen.last().copied(), 7).await.unwrap();
        assert!(page.len() <= 7);
        if page.is_empty() {
            break;
        }
        for stored in store.load(&page).await.unwrap() {
            if stored.key.tenant == TENANT {
                assert_eq!(stored.tenant, Some(tenant()));
                assert_eq!(stored.pets.len(), 1);
                assert_eq!(stored.pets[0].id.0, 100 + stored.key.character.0);
            }
            assert!(stored.character.unwrap().session.is_some());
        }
        for key in page {
            assert!(!seen.contains(&key), "once only");
            seen.push(key);
        }
    }
    let mut expected = vec![CharacterKey { tenant: OTHER_TENANT, ..owner(3) }];
    expected.extend((0..25).map(owner));
    assert_eq!(seen, expected);
}

async fn a_shard_restores_its_own_characters_only(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, Work { characters: vec![online(1)], ..empty() }).await;

    assert_eq!(store.online("us-1", None, 10).await.unwrap(), []);
}

async fn pets_of_an_owner_come_in_pages(fresh: &Fresh) {
    let store = fresh.store().await;
    let pets = [5, 3, 4, 1, 2].map(|number| pet(number, 10));
    commit(&store, Work { pets: pets.into_iter().chain([pet(9, 11)]).collect(), ..empty() }).await;

    let (total, page) = store.pets_of(owner(10), 2, 2).await.unwrap();

    assert_eq!(total, 5);
    assert_eq!(page.iter().map(|pet| pet.id.0).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(store.pets_of(owner(10), 5, 2).await.unwrap(), (5, vec![]));
    assert_eq!(store.pets_of(owner(10), 0, u64::MAX).await.unwrap().1.len(), 5);
}

async fn pet_ids_are_handed_out_once(fresh: &Fresh) {
    let store = fresh.store().await;
    let other = fresh.unmigrated().await;
    let (one, two, three) = tokio::join!(
        store.reserve_pet_ids(100),
        other.reserve_pet_ids(1),
        store.reserve_pet_ids(7)
    );
    let mut ids: Vec<_> = [one, two, three].into_iter().flat_map(Result::unwrap).collect();
    ids.sort_unstable();

    assert_eq!(ids, (1..=108).collect::<Vec<_>>());
}

async fn commit(store: &Store, work: Work) {
    let (fence, _) = take(store).await;
    store.commit(&fence, 1, Arc::new(work)).await.unwrap();
}

async fn the_user_of_a_character_is_known_once_it_has_one(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, Work { characters: vec![online(1), offline(2)], ..empty() }).await;
    let user = online(1).character.user;
    assert_eq!(store.user_of(owner(1)).await.unwrap(), Some(user));
    assert_eq!(store.user_of(owner(2)).await.unwrap(), None);
    assert_eq!(store.user_of(owner(3)).await.unwrap(), None);
    let elsewhere = CharacterKey { tenant: OTHER_TENANT, ..owner(1) };
    assert_eq!(store.user_of(elsewhere).await.unwrap(), None);
}
