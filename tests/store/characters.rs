//! Characters as requests leave them and look for them.

use std::collections::HashSet;
use std::sync::Arc;

use menagerie::domain::character::{Character, Name};
use menagerie::domain::{CharacterId, CharacterKey};
use menagerie::store::{
    Asked, CharacterRef, CharacterRow, CommitError, Error, Fence, Store, UsersCharacter, Work,
};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use super::harness::{Fresh, on_both_backends, on_postgres_only};
use super::samples::*;

on_both_backends!(
    every_field_set_comes_back,
    every_field_unset_comes_back,
    one_that_is_created_comes_back_whatever_is_set,
    one_that_is_stored_is_not_created,
    a_session_nobody_knows_the_place_of_is_online_all_the_same,
    a_restore_window_without_end_is_kept_as_very_long,
    a_hunger_that_never_comes_is_kept_as_one_very_late,
    a_name_is_one_characters_only,
    a_deleted_character_keeps_its_name,
    a_slot_is_one_live_characters_only,
    a_slot_of_nobody_is_free,
    a_uuid_is_one_characters_only,
    numbers_are_found_by_uuid,
    holders_are_found_by_name,
    characters_are_found_by_user,
    owners_of_anything_are_known,
    all_is_asked_together,
    a_character_is_found_by_uuid_and_by_number,
    characters_of_a_tenant_come_in_pages,
    what_is_overdue_is_purgeable,
    character_numbers_are_handed_out_once,
    character_numbers_are_above_those_stored,
    character_numbers_run_out,
);

on_postgres_only!(questions_start_no_workers_and_no_compiler);

const ANN: Uuid = Uuid::from_u128(0xa);
const BOB: Uuid = Uuid::from_u128(0xb);

async fn every_field_set_comes_back(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut row = online(1);
    row.character.profile = profile();
    commit(&store, [row.clone()]).await;

    assert_eq!(read(&store, 1).await, row.character, "the order of stats and looks included");
}

async fn every_field_unset_comes_back(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut full = online(1);
    full.character.profile = profile();
    let fence = commit(&store, [full]).await;

    commit_after(&store, &fence, 2, [offline(1)]).await.unwrap();

    assert_eq!(read(&store, 1).await, offline(1).character);
}

async fn one_that_is_created_comes_back_whatever_is_set(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut never_deleted = newborn(4, ANN);
    never_deleted.character.profile.max_spawned = Some(1);
    let mut created = vec![newborn(1, BOB), online(2), offline(3), never_deleted];
    created.push(deleted(newborn(5, Uuid::from_u128(0xc)), at(100)));
    created.push(newborn(7, Uuid::from_u128(0xd)));
    for (number, differ) in (8..).zip(beginnings()) {
        let mut other = newborn(number, Uuid::from_u128(0x100 + u128::from(number)));
        differ(&mut other.character);
        created.push(other);
    }
    let (fence, _) = take(&store).await;
    let work = Work { created: created.clone(), characters: vec![offline(6)], ..empty() };
    store.commit(&fence, 1, Arc::new(work)).await.unwrap();

    created.push(offline(6));
    for CharacterRow { key, character } in created {
        assert_eq!(read(&store, key.character.0).await, character);
    }
}

/// Whoever believes that it is new does not know what it would overwrite.
async fn one_that_is_stored_is_not_created(fresh: &Fresh) {
    let store = fresh.store().await;
    let fence = commit(&store, [offline(1)]).await;

    for row in [newborn(1, ANN), online(1)] {
        let work = Work { created: vec![row], characters: vec![offline(9)], ..empty() };
        let refusal = store.commit(&fence, 2, Arc::new(work)).await.unwrap_err();
        assert_unique(&store, refusal).await;
    }
    assert_eq!(read(&store, 1).await, offline(1).character);
}

async fn a_session_nobody_knows_the_place_of_is_online_all_the_same(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut row = online(1);
    row.character.session.as_mut().unwrap().whereabouts = None;
    commit(&store, [row.clone()]).await;

    assert_eq!(read(&store, 1).await.session, row.character.session);
    assert_eq!(store.online(SHARD, None, 10).await.unwrap(), [row.key]);
}

async fn a_restore_window_without_end_is_kept_as_very_long(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, [deleted(offline(1), chrono::DateTime::<chrono::Utc>::MAX_UTC)]).await;

    let deletion = read(&store, 1).await.profile.deletion.unwrap();
    assert_eq!(deletion.restorable_until.to_rfc3339(), "9999-12-31T23:59:59+00:00");
    assert_eq!(store.purgeable(SHARD, at(0), 10).await.unwrap(), []);
}

async fn a_hunger_that_never_comes_is_kept_as_one_very_late(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut row = online(1);
    row.character.session.as_mut().unwrap().next_hunger = chrono::DateTime::<chrono::Utc>::MAX_UTC;
    commit(&store, [row]).await;

    let next_hunger = read(&store, 1).await.session.unwrap().next_hunger;
    assert_eq!(next_hunger.to_rfc3339(), "9999-12-31T23:59:59+00:00");
}

async fn a_name_is_one_characters_only(fresh: &Fresh) {
    let store = fresh.store().await;
    let fence = commit(&store, [owned(1, ANN, 1), owned(2, ANN, 2), offline(3)]).await;
    let mut namesake = owned(4, BOB, 1);
    namesake.character.name = Name::chosen("ANN 1").unwrap();
    let mut renamed = owned(2, ANN, 2);
    renamed.character.name = Name::chosen("aNN 1").unwrap();

    for rows in [vec![offline(9), namesake.clone()], vec![offline(9), renamed]] {
        let refusal = commit_after(&store, &fence, 2, rows).await.unwrap_err();
        assert_unique(&store, refusal).await;
    }
    assert_eq!(read(&store, 2).await, owned(2, ANN, 2).character);

    // Elsewhere it is free, and what has no key claims nothing: several characters have none.
    namesake.key.tenant = OTHER_TENANT;
    commit_after(&store, &fence, 2, [namesake, offline(9)]).await.unwrap();
}

async fn a_deleted_character_keeps_its_name(fresh: &Fresh) {
    let store = fresh.store().await;
    let fence = commit(&store, [deleted(owned(1, ANN, 1), at(100))]).await;
    let mut namesake = owned(2, BOB, 1);
    namesake.character.name = Name::chosen("Ann 1").unwrap();

    let refusal = commit_after(&store, &fence, 2, [offline(9), namesake.clone()]).await;
    assert_unique(&store, refusal.unwrap_err()).await;

    let purge = Work { removed_characters: vec![owner(1)], ..empty() };
    store.commit(&fence, 2, Arc::new(purge)).await.unwrap();
    commit_after(&store, &fence, 3, [namesake]).await.unwrap();
}

async fn a_slot_is_one_live_characters_only(fresh: &Fresh) {
    let store = fresh.store().await;
    let fence = commit(&store, [owned(1, ANN, 1), deleted(owned(2, ANN, 2), at(100))]).await;

    let refusal = commit_after(&store, &fence, 2, [offline(9), owned(3, ANN, 1)]).await;
    assert_unique(&store, refusal.unwrap_err()).await;

    // A deleted character has freed its slot, and cannot have it back while it is taken.
    commit_after(&store, &fence, 2, [owned(3, ANN, 2), owned(4, BOB, 1)]).await.unwrap();
    let refusal = commit_after(&store, &fence, 3, [offline(9), owned(2, ANN, 2)]).await;
    assert!(matches!(refusal, Err(CommitError::Refused { .. })), "{refusal:?}");
}

async fn a_slot_of_nobody_is_free(fresh: &Fresh) {
    let store = fresh.store().await;
    let nobody = Uuid::nil();

    commit(&store, [owned(1, nobody, 1), owned(2, nobody, 1)]).await;

    assert_eq!(read(&store, 2).await, owned(2, nobody, 1).character);
}

async fn a_uuid_is_one_characters_only(fresh: &Fresh) {
    let store = fresh.store().await;
    let fence = commit(&store, [offline(1)]).await;
    let mut twin = offline(2);
    twin.character.uuid = owner(1).derived_uuid();

    let refusal = commit_after(&store, &fence, 2, [offline(9), twin.clone()]).await;
    assert_unique(&store, refusal.unwrap_err()).await;

    twin.key.tenant = OTHER_TENANT;
    commit_after(&store, &fence, 2, [twin]).await.unwrap();
}

async fn numbers_are_found_by_uuid(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, [offline(1), offline(u32::MAX), offline(3)]).await;
    let uuid = |number| (TENANT, owner(number).derived_uuid());
    let elsewhere = (OTHER_TENANT, owner(3).derived_uuid());

    let asked = [uuid(u32::MAX), elsewhere, uuid(2), uuid(1)];
    let asked = Asked { uuids: asked.to_vec(), ..Asked::default() };
    let known = store.known(&asked).await.unwrap();

    assert_same(
        known.numbers,
        [(uuid(1), owner(1)), (uuid(u32::MAX), owner(u32::MAX))].map(number),
    );
}

async fn holders_are_found_by_name(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut quoted = owned(3, BOB, 1);
    quoted.character.name = Name::chosen("O'Neill Ёлка").unwrap();
    let mut abroad = owned(4, BOB, 1);
    abroad.key.tenant = OTHER_TENANT;
    abroad.character.uuid = Uuid::from_u128(4);
    let rows = [owned(1, ANN, 1), deleted(owned(2, ANN, 2), at(0)), quoted, abroad, offline(5)];
    commit(&store, rows).await;

    let name = |key: &str| (TENANT, Box::from(key));
    let asked = ["o'neill ёлка", "ann 1", "ann 2", "Ann 1", "ann 4", "character-5"].map(name);
    let asked = Asked { names: asked.to_vec(), ..Asked::default() };
    let known = store.known(&asked).await.unwrap();

    let expected =
        [(name("ann 1"), owner(1)), (name("ann 2"), owner(2)), (name("o'neill ёлка"), owner(3))];
    assert_same(known.holders, expected.map(number));
    let holder = async |key: &str| store.holder_of(TENANT, key.into()).await.unwrap();
    assert_eq!(holder("ann 2").await, Some(CharacterId(2)));
    assert_eq!(holder("ann 4").await, None);
}

/// What a session's settings are is seen from within alone, so it is asked by a name that is
/// made of them.
async fn questions_start_no_workers_and_no_compiler(fresh: &Fresh) {
    const SETTINGS_AS_NAME: &str = "alter table characters rename to real_characters; \
        create view characters as select tenant, id, uuid, user_uuid, slot_number, deleted_at, \
            selected_session, session_id, current_setting('max_parallel_workers_per_gather') \
            || ' ' || current_setting('jit') as name_key from real_characters";
    let store = fresh.store().await;
    commit(&store, [offline(1)]).await;
    fresh.stranger().await.execute_unprepared(SETTINGS_AS_NAME).await.unwrap();

    let holder = store.holder_of(TENANT, "0 off".into()).await.unwrap();

    assert_eq!(holder, Some(CharacterId(1)));
}

async fn characters_are_found_by_user(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut selected = owned(1, ANN, 1);
    selected.character.profile.selected = Some(Uuid::from_u128(1));
    let mut playing = owned(2, ANN, u8::MAX);
    playing.character.session = online(2).character.session;
    let mut homeless = owned(5, BOB, 1);
    homeless.character.profile.slot = None;
    let rows =
        [selected, playing, deleted(owned(3, ANN, 1), at(0)), homeless, owned(6, Uuid::nil(), 1)];
    commit(&store, rows).await;

    let asked = [(TENANT, ANN), (OTHER_TENANT, ANN), (TENANT, BOB), (TENANT, Uuid::from_u128(9))];
    let asked = Asked { users: asked.to_vec(), ..Asked::default() };
    let known = store.known(&asked).await.unwrap();

    let of = |user, number, slot| UsersCharacter {
        tenant: TENANT,
        user,
        character: CharacterId(number),
        slot,
        is_deleted: false,
        is_selected: false,
        is_online: false,
    };
    let expected = [
        UsersCharacter { is_selected: true, ..of(ANN, 1, Some(1)) },
        UsersCharacter { is_online: true, ..of(ANN, 2, Some(u8::MAX)) },
        UsersCharacter { is_deleted: true, ..of(ANN, 3, Some(1)) },
        of(BOB, 5, None),
    ];
    let mut found = known.users;
    found.sort_by_key(|found| found.character);
    assert_eq!(found, expected);
}

async fn owners_of_anything_are_known(fresh: &Fresh) {
    let store = fresh.store().await;
    let fence = commit(&store, [offline(1), offline(2)]).await;
    store.commit(&fence, 2, pets([pet(50, 5)])).await.unwrap();
    let elsewhere = CharacterKey { tenant: OTHER_TENANT, ..owner(1) };

    let asked =
        Asked { numbers: vec![elsewhere, owner(2), owner(4), owner(5)], ..Asked::default() };
    let known = store.known(&asked).await.unwrap();

    assert_same(known.stored, [owner(2), owner(5)]);
    assert_eq!((known.numbers, known.holders, known.users), (vec![], vec![], vec![]));
}

async fn all_is_asked_together(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, [owned(1, ANN, 1), owned(2, BOB, 1), offline(3)]).await;

    let asked = Asked {
        uuids: vec![(TENANT, owner(3).derived_uuid())],
        names: vec![(TENANT, "ann 1".into())],
        users: vec![(TENANT, BOB)],
        numbers: vec![owner(1), owner(9)],
    };
    let known = store.known(&asked).await.unwrap();

    assert_eq!(known.numbers, [number(((TENANT, owner(3).derived_uuid()), owner(3)))]);
    assert_eq!(known.holders, [number(((TENANT, "ann 1".into()), owner(1)))]);
    assert_eq!(known.users.iter().map(|found| found.character.0).collect::<Vec<_>>(), [2]);
    assert_eq!(known.stored, [owner(1)]);
    let nothing = store.known(&Asked::default()).await.unwrap();
    assert!(nothing.stored.is_empty() && nothing.users.is_empty());
}

async fn a_character_is_found_by_uuid_and_by_number(fresh: &Fresh) {
    let store = fresh.store().await;
    commit(&store, [offline(1), owned(2, ANN, 1)]).await;
    let found = Some((CharacterId(2), owned(2, ANN, 1).character));
    let uuid = CharacterRef::Uuid(owner(2).derived_uuid());
    let number = CharacterRef::Number(CharacterId(2));

    for id in [uuid, number] {
        assert_eq!(store.character(TENANT, id).await.unwrap(), found);
        assert_eq!(store.character(OTHER_TENANT, id).await.unwrap(), None);
    }
    assert_eq!(store.character(TENANT, CharacterRef::Uuid(Uuid::nil())).await.unwrap(), None);
}

async fn characters_of_a_tenant_come_in_pages(fresh: &Fresh) {
    let store = fresh.store().await;
    let mut abroad = owned(4, ANN, 4);
    abroad.key.tenant = OTHER_TENANT;
    let rows = [
        owned(5, ANN, 1),
        owned(0, BOB, 1),
        deleted(owned(3, ANN, 2), at(0)),
        owned(u32::MAX, ANN, 3),
        abroad,
    ];
    commit(&store, rows).await;
    let list = async |user, include_deleted, after: Option<u32>, limit| {
        let after = after.map(CharacterId);
        let page = store.characters(TENANT, user, include_deleted, after, limit).await.unwrap();
        page.into_iter().map(|(id, _)| id.0).collect::<Vec<_>>()
    };

    assert_eq!(list(None, true, None, 10).await, [0, 3, 5, u32::MAX]);
    assert_eq!(list(None, false, None, 2).await, [0, 5]);
    assert_eq!(list(None, true, Some(0), 2).await, [3, 5]);
    assert_eq!(list(Some(ANN), true, None, u64::MAX).await, [3, 5, u32::MAX]);
    assert_eq!(list(Some(ANN), false, Some(3), 1).await, [5]);
    assert_eq!(list(Some(ANN), false, Some(u32::MAX), 1).await, [0_u32; 0]);
    let page = store.characters(TENANT, Some(BOB), false, None, 1).await.unwrap();
    assert_eq!(page[0].1, owned(0, BOB, 1).character);
}

async fn what_is_overdue_is_purgeable(fresh: &Fresh) {
    let store = fresh.store().await;
    let rows = [
        deleted(owned(1, ANN, 1), at(20)),
        deleted(owned(2, ANN, 2), at(10)),
        deleted(owned(3, ANN, 3), at(21)),
        owned(4, ANN, 4),
    ];
    commit(&store, rows).await;

    assert_eq!(store.purgeable(SHARD, at(20), 10).await.unwrap(), [owner(2), owner(1)]);
    assert_eq!(store.purgeable(SHARD, at(20), 1).await.unwrap(), [owner(2)]);
    assert_eq!(store.purgeable("us-1", at(20), 10).await.unwrap(), []);
}

async fn character_numbers_are_handed_out_once(fresh: &Fresh) {
    let store = fresh.store().await;
    let other = fresh.unmigrated().await;
    let (one, two, three) = tokio::join!(
        store.reserve_character_numbers(TENANT, 100, None),
        other.reserve_character_numbers(TENANT, 1, None),
        store.reserve_character_numbers(TENANT, 7, None)
    );
    let mut numbers: Vec<_> = [one, two, three].into_iter().flat_map(Result::unwrap).collect();
    numbers.sort_unstable();

    assert_eq!(numbers, (1..=108).collect::<Vec<_>>());
    assert_eq!(store.reserve_character_numbers(OTHER_TENANT, 2, None).await.unwrap(), 1..3);
}

async fn character_numbers_are_above_those_stored(fresh: &Fresh) {
    let store = fresh.store().await;
    let fence = commit(&store, [offline(40)]).await;
    assert_eq!(store.reserve_character_numbers(TENANT, 2, None).await.unwrap(), 41..43);
    assert_eq!(store.reserve_character_numbers(OTHER_TENANT, 1, None).await.unwrap(), 1..2);

    commit_after(&store, &fence, 2, [offline(1000)]).await.unwrap();
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await.unwrap(), 1001..1002);

    let purge = Work { removed_characters: vec![owner(1000)], ..empty() };
    store.commit(&fence, 3, Arc::new(purge)).await.unwrap();
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await.unwrap(), 1002..1003);

    // Gone before any number was drawn, in tenants that had drawn some and none.
    let gone = [owner(5000), owner(700), CharacterKey { tenant: OTHER_TENANT, ..owner(300) }];
    let rows = gone.map(|key| CharacterRow { key, ..offline(key.character.0) });
    commit_after(&store, &fence, 4, rows).await.unwrap();
    let purge = Work { removed_characters: gone.to_vec(), ..empty() };
    store.commit(&fence, 5, Arc::new(purge)).await.unwrap();
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await.unwrap(), 5001..5002);
    assert_eq!(store.reserve_character_numbers(OTHER_TENANT, 1, None).await.unwrap(), 301..302);

    // One of the last leaves room for others.
    let last = owner(u32::MAX);
    commit_after(&store, &fence, 6, [offline(u32::MAX)]).await.unwrap();
    let purge = Work { removed_characters: vec![last], ..empty() };
    store.commit(&fence, 7, Arc::new(purge)).await.unwrap();
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await.unwrap(), 5002..5003);
}

async fn character_numbers_run_out(fresh: &Fresh) {
    const MAX: u32 = u32::MAX - 1;
    let store = fresh.store().await;
    let exhausted = Err(Error::Exhausted { counter: "character_numbers" });
    let fence = commit(&store, [offline(MAX - 2)]).await;

    assert_eq!(store.reserve_character_numbers(TENANT, 3, None).await, exhausted);
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await, Ok(MAX - 1..MAX));
    assert_eq!(store.reserve_character_numbers(TENANT, 2, None).await, exhausted);
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await, Ok(MAX..u32::MAX));
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await, exhausted);

    commit_after(&store, &fence, 2, [offline(u32::MAX)]).await.unwrap();
    assert_eq!(store.reserve_character_numbers(TENANT, 1, None).await, exhausted);
}

/// Commits the first round.
async fn commit(store: &Store, characters: impl IntoIterator<Item = CharacterRow>) -> Fence {
    let (fence, _) = take(store).await;
    commit_after(store, &fence, 1, characters).await.unwrap();
    fence
}

async fn commit_after(
    store: &Store,
    fence: &Fence,
    round: i64,
    characters: impl IntoIterator<Item = CharacterRow>,
) -> Result<(), CommitError> {
    let work = Work { characters: characters.into_iter().collect(), ..empty() };
    store.commit(fence, round, Arc::new(work)).await.map(drop)
}

async fn read(store: &Store, number: u32) -> Character {
    let stored = store.load(&[owner(number)]).await.unwrap();
    stored.into_iter().next().unwrap().character.unwrap()
}

/// Asserts that uniqueness was violated, and that nothing stands of the second round: it
/// carried character 9 too.
async fn assert_unique(store: &Store, refusal: CommitError) {
    let unique = ["23505", "2067"];
    let CommitError::Refused { code: Some(code), .. } = &refusal else { panic!("{refusal:?}") };
    assert!(unique.contains(&&**code), "{refusal:?}");
    assert!(!refusal.is_retryable());
    assert_eq!(store.load(&[owner(9)]).await.unwrap(), []);
    assert_eq!(store.position(SHARD).await.unwrap().unwrap().round, 1);
}

fn number<K>((key, character): (K, CharacterKey)) -> (K, CharacterId) {
    (key, character.character)
}

/// In whatever order.
fn assert_same<T: std::fmt::Debug + Eq + std::hash::Hash>(
    found: Vec<T>,
    expected: impl IntoIterator<Item = T>,
) {
    let num_found = found.len();
    let found: HashSet<T> = found.into_iter().collect();
    assert_eq!(found.len(), num_found, "each once");
    assert_eq!(found, expected.into_iter().collect::<HashSet<_>>());
}
