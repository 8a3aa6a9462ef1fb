//! The commands that change one pet: awards, tricks and excludes.

use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{KITTY, Topic, World, event};

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    an_award_of_closeness_carries_its_transaction,
    an_award_of_closeness_tells_of_the_levels_first,
    an_award_of_nothing_is_announced_too,
    closeness_ends_at_its_cap,
    an_award_without_a_transaction_has_the_nil_one,
    an_award_of_fullness_is_positive_when_the_pet_is_full_too,
    an_award_of_level_leaves_closeness_alone,
    the_level_ends_at_thirty,
    a_trick_that_succeeds_awards_closeness_and_answers,
    a_trick_that_fails_awards_closeness_all_the_same,
    excludes_are_replaced_as_a_whole,
    amounts_are_limited_to_their_type_in_the_event,
    two_thousand_commands_keep_their_order_and_their_sums,
}

fn closeness_changed(
    pet: u32,
    closeness: u16,
    amount: i16,
    transaction: Uuid,
) -> super::world::Event {
    let body = json!({
        "slot": -1, "closeness": closeness, "amount": amount, "transactionId": transaction,
    });
    event(pet, "CLOSENESS_CHANGED", body)
}

fn fullness_changed(pet: u32, fullness: u8, amount: i8) -> super::world::Event {
    event(pet, "FULLNESS_CHANGED", json!({ "slot": -1, "fullness": fullness, "amount": amount }))
}

fn level_changed(pet: u32, level: u8, amount: i8) -> super::world::Event {
    event(pet, "LEVEL_CHANGED", json!({ "slot": -1, "level": level, "amount": amount }))
}

async fn an_award_of_closeness_carries_its_transaction(world: World) {
    let pet = world.pet_with(OWNER, json!({ "level": 30, "closeness": 100 })).await;
    let transaction = world.order(OWNER, pet, "AWARD_CLOSENESS", json!({ "amount": 7 }));
    assert_eq!(world.told(pet).await, [closeness_changed(pet, 107, 7, transaction)]);
    assert_eq!(world.look_up(pet).await.unwrap()["closeness"], 107);
}

async fn an_award_of_closeness_tells_of_the_levels_first(world: World) {
    let pet = world.pet(OWNER).await;
    let transaction = world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 6 }));
    let expected = [level_changed(pet, 4, 3), closeness_changed(pet, 6, 6, transaction)];
    assert_eq!(world.told(pet).await, expected);
    let stored = world.look_up(pet).await.unwrap();
    assert_eq!((&stored["level"], &stored["closeness"]), (&json!(4), &json!(6)));
}

async fn an_award_of_nothing_is_announced_too(world: World) {
    let pet = world.pet(OWNER).await;
    let transaction = world.order(OWNER, pet, "AWARD_CLOSENESS", json!({ "amount": 0 }));
    assert_eq!(world.told(pet).await, [closeness_changed(pet, 0, 0, transaction)]);
}

async fn closeness_ends_at_its_cap(world: World) {
    let pet = world.pet_with(OWNER, json!({ "level": 30, "closeness": 29_999 })).await;
    let first = world.order(OWNER, pet, "AWARD_CLOSENESS", json!({ "amount": 5 }));
    let second = world.order(OWNER, pet, "AWARD_CLOSENESS", json!({ "amount": 5 }));
    let expected =
        [closeness_changed(pet, 30_000, 5, first), closeness_changed(pet, 30_000, 5, second)];
    assert_eq!(world.told(pet).await, expected);
}

async fn an_award_without_a_transaction_has_the_nil_one(world: World) {
    let pet = world.pet(OWNER).await;
    let record =
        json!({ "actorId": 0, "petId": pet, "type": "AWARD_CLOSENESS", "body": { "amount": 0 } });
    world.send(Topic::PetCommand, &record);
    assert_eq!(world.told(pet).await, [closeness_changed(pet, 0, 0, Uuid::nil())]);
}

async fn an_award_of_fullness_is_positive_when_the_pet_is_full_too(world: World) {
    let pet = world.pet_with(OWNER, json!({ "fullness": 60 })).await;
    world.order(OWNER, pet, "AWARD_FULLNESS", json!({ "amount": 30 }));
    world.order(0, pet, "AWARD_FULLNESS", json!({ "amount": 30 }));
    world.order(0, pet, "AWARD_FULLNESS", json!({ "amount": 30 }));
    let expected = [
        fullness_changed(pet, 90, 30),
        fullness_changed(pet, 100, 30),
        fullness_changed(pet, 100, 30),
    ];
    assert_eq!(world.told(pet).await, expected);
}

async fn an_award_of_level_leaves_closeness_alone(world: World) {
    let pet = world.pet_with(OWNER, json!({ "level": 12, "closeness": 500 })).await;
    world.order(OWNER, pet, "AWARD_LEVEL", json!({ "amount": 2 }));
    assert_eq!(world.told(pet).await, [level_changed(pet, 14, 2)]);
    assert_eq!(world.look_up(pet).await.unwrap()["closeness"], 500);
}

async fn the_level_ends_at_thirty(world: World) {
    let pet = world.pet_with(OWNER, json!({ "level": 29 })).await;
    world.order(0, pet, "AWARD_LEVEL", json!({ "amount": 5 }));
    assert_eq!(world.told(pet).await, [level_changed(pet, 30, 5)]);
}

async fn trick(world: &World, command: u8) -> (u32, Vec<super::world::Event>) {
    let pet = world.pet_with(OWNER, json!({ "level": 1, "closeness": 0 })).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.told(pet).await;
    let body = json!({ "commandId": command, "byName": true });
    world.order(OWNER, pet, "ATTEMPT_COMMAND", body);
    (pet, world.told(pet).await)
}

/// The events of a trick, the award's transaction aside.
fn tricked(
    pet: u32,
    level: u8,
    closeness: u16,
    command: u8,
    success: bool,
) -> [(u32, String, Value); 3] {
    let response = json!({
        "slot": 0, "closeness": closeness, "fullness": 100, "commandId": command,
        "success": success,
    });
    [
        (pet, "LEVEL_CHANGED".into(), json!({ "slot": 0, "level": level, "amount": level - 1 })),
        (
            pet,
            "CLOSENESS_CHANGED".into(),
            json!({ "slot": 0, "closeness": closeness, "amount": closeness }),
        ),
        (pet, "COMMAND_RESPONSE".into(), response),
    ]
}

fn without_transaction(events: Vec<super::world::Event>) -> Vec<(u32, String, Value)> {
    let strip = |mut event: super::world::Event| {
        event.body.as_object_mut().unwrap().remove("transactionId");
        (event.pet, event.kind, event.body)
    };
    events.into_iter().map(strip).collect()
}

async fn a_trick_that_succeeds_awards_closeness_and_answers(world: World) {
    let (pet, events) = trick(&world, 0).await;
    assert_eq!(without_transaction(events), tricked(pet, 2, 2, 0, true));
}

async fn a_trick_that_fails_awards_closeness_all_the_same(world: World) {
    let (pet, events) = trick(&world, 1).await;
    assert_eq!(without_transaction(events), tricked(pet, 3, 3, 1, false));
}

async fn excludes_are_replaced_as_a_whole(world: World) {
    let pet = world.pet(OWNER).await;
    let changed = |items: Value| event(pet, "EXCLUDE_CHANGED", json!({ "items": items }));
    world.order(OWNER, pet, "EXCLUDE", json!({ "items": [2_000_000, 0, 7, 2_000_000] }));
    world.order(OWNER, pet, "EXCLUDE", json!({ "items": [7] }));
    world.order(OWNER, pet, "EXCLUDE", json!({ "items": [7] }));
    let expected = [changed(json!([2_000_000, 7])), changed(json!([7])), changed(json!([7]))];
    assert_eq!(world.told(pet).await, expected);
    assert_eq!(world.look_up(pet).await.unwrap()["excludes"], json!([{ "itemId": 7 }]));
    world.order(OWNER, pet, "EXCLUDE", json!({ "items": [] }));
    assert_eq!(world.told(pet).await, [changed(json!([]))]);
    assert_eq!(world.look_up(pet).await.unwrap()["excludes"], json!([]));
}

async fn amounts_are_limited_to_their_type_in_the_event(world: World) {
    let pet = world.pet_with(OWNER, json!({ "level": 30, "fullness": 1 })).await;
    let transaction = world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 65_535 }));
    world.order(0, pet, "AWARD_FULLNESS", json!({ "amount": 255 }));
    let expected = [
        closeness_changed(pet, 30_000, i16::MAX, transaction),
        fullness_changed(pet, 100, i8::MAX),
    ];
    assert_eq!(world.told(pet).await, expected);
}

async fn two_thousand_commands_keep_their_order_and_their_sums(world: World) {
    const NUM_PETS: u32 = 50;
    let mut pets = Vec::new();
    for nth in 0..NUM_PETS {
        pets.push(world.pet_with(OWNER + nth, json!({ "templateId": KITTY, "level": 30 })).await);
    }
    let mut sent = vec![Vec::new(); pets.len()];
    for nth in 0..2_000_u32 {
        let pet = (nth.wrapping_mul(2_654_435_761) >> 16) % NUM_PETS;
        let amount = u16::try_from(nth % 9).unwrap();
        let id = pets[pet as usize];
        let transaction = world.order(0, id, "AWARD_CLOSENESS", json!({ "amount": amount }));
        sent[pet as usize].push((amount, transaction));
    }
    for (&pet, sent) in pets.iter().zip(sent) {
        let mut closeness = 0;
        let expected: Vec<_> = sent
            .into_iter()
            .map(|(amount, transaction)| {
                closeness += amount;
                closeness_changed(pet, closeness, i16::try_from(amount).unwrap(), transaction)
            })
            .collect();
        assert_eq!(world.told(pet).await, expected);
        assert_eq!(world.look_up(pet).await.unwrap()["closeness"], closeness);
    }
}
