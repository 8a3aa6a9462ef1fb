//! Requests at once for what only one can have.

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Reply, creation, with};
use super::world::World;

const NUM_RACERS: usize = 32;

behaviours! {
    in a shared engine:
    one_name_goes_to_one_of_many_whatever_its_case,
    one_new_name_goes_to_one_of_many_characters,
    one_slot_goes_to_one_of_many,
    the_free_slots_go_to_as_many,
    one_slot_goes_to_a_restoration_or_a_creation,
    one_number_goes_to_one_of_many,
    the_last_point_goes_to_one_of_many,
    one_of_many_that_saw_the_same_version_changes_it,
}

/// The answer with this status, of which there is one; all others are refused so.
#[track_caller]
fn winner(replies: &[Reply], status: u16, refusal: (u16, &str)) -> Value {
    let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == status);
    lost.iter().for_each(|reply| reply.refused(refusal.0, refusal.1));
    assert_eq!(won.len(), 1, "{won:?}");
    won[0].with(status)
}

/// `word` with every letter large or small as the bits of `number` say.
fn cased(word: &str, number: usize) -> String {
    let letters = word.chars().enumerate();
    letters.map(|(at, c)| if number >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }).collect()
}

async fn create_all(world: &World, all: impl IntoIterator<Item = Value>) -> Vec<Reply> {
    join_all(all.into_iter().map(|asked| world.post("", asked))).await
}

/// Whatever raced before, the next one is served, and heard.
async fn goes_on(world: &World) {
    world.hero(Uuid::new_v4(), "Afterwards").await;
}

async fn one_name_goes_to_one_of_many_whatever_its_case(world: World) {
    let racers = (0..NUM_RACERS).map(|number| creation(Uuid::new_v4(), &cased("merlin", number)));
    let won = winner(&create_all(&world, racers).await, 201, (409, "name_taken"));
    let heard = world.heard(1).await;
    assert_eq!(heard[0].body["name"], won["name"]);
    goes_on(&world).await;
    let all = world.read("").await.ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 2);
}

async fn one_new_name_goes_to_one_of_many_characters(world: World) {
    let named = (0..NUM_RACERS).map(|number| creation(Uuid::new_v4(), &format!("Hero {number}")));
    let heroes = create_all(&world, named).await;
    let path = |reply: &Reply| format!("/{}", reply.json()["character_id"].as_str().unwrap());
    let paths: Vec<_> = heroes.iter().map(path).collect();
    let racers = paths
        .iter()
        .enumerate()
        .map(|(number, path)| world.patch(path, json!({ "name": cased("merlin", number) })));
    let won = winner(&join_all(racers).await, 200, (409, "name_taken"));
    assert_eq!(world.read(&format!("/n:{}", won["number"])).await.ok(), won);
    world.heard(NUM_RACERS).await;
    goes_on(&world).await;
}

async fn one_slot_goes_to_one_of_many(world: World) {
    let user = Uuid::new_v4();
    let racers = (0..NUM_RACERS)
        .map(|number| with(creation(user, &format!("Hero {number}")), json!({ "slot_number": 2 })));
    let won = winner(&create_all(&world, racers).await, 201, (409, "slot_occupied"));
    assert_eq!(won["slot_number"], 2);
    assert_eq!(world.heard(1).await[0].body["name"], won["name"]);
    goes_on(&world).await;
}

async fn the_free_slots_go_to_as_many(world: World) {
    let user = Uuid::new_v4();
    let racers = (0..NUM_RACERS).map(|number| creation(user, &format!("Hero {number}")));
    let replies = create_all(&world, racers).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
    lost.iter().for_each(|reply| reply.refused(409, "slots_full"));
    let mut slots: Vec<_> =
        won.iter().map(|reply| reply.json()["slot_number"].as_u64().unwrap()).collect();
    slots.sort_unstable();
    assert_eq!(slots, [1, 2, 3, 4, 5]);
    world.heard(5).await;
    goes_on(&world).await;
}

async fn one_slot_goes_to_a_restoration_or_a_creation(world: World) {
    let user = Uuid::new_v4();
    let hero = world.hero(user, "Ann").await;
    world.delete(&hero.path("")).await.ok();
    world.heard(1).await;
    let path = hero.path("/restore");
    let restorations = (0..NUM_RACERS / 2).map(|_| world.post(&path, json!({})));
    let asked =
        |number| with(creation(user, &format!("Hero {number}")), json!({ "slot_number": 1 }));
    let creations = create_all(&world, (0..NUM_RACERS / 2).map(asked));
    let (restored, created) = futures::join!(join_all(restorations), creations);
    let num_restored = restored.iter().filter(|reply| reply.status == 200).count();
    let num_created = created.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(num_restored + num_created, 1, "{restored:?} {created:?}");
    for reply in created.iter().filter(|reply| reply.status != 201) {
        reply.refused(409, "slot_occupied");
    }
    for reply in restored.iter().filter(|reply| reply.status != 200) {
        reply.refused(409, if num_restored == 1 { "not_deleted" } else { "slot_occupied" });
    }
    world.heard(1).await;
    goes_on(&world).await;
}

async fn one_number_goes_to_one_of_many(world: World) {
    let racers = (0..NUM_RACERS).map(|number| {
        with(creation(Uuid::new_v4(), &format!("Hero {number}")), json!({ "number": 777 }))
    });
    let won = winner(&create_all(&world, racers).await, 201, (409, "number_taken"));
    assert_eq!(world.read("/n:777").await.ok(), won);
    world.heard(1).await;
    goes_on(&world).await;
}

async fn the_last_point_goes_to_one_of_many(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    world.post(&hero.path("/experience"), json!({ "amount": 100 })).await.ok();
    let path = hero.path("/stats/allocate");
    world.post(&path, json!({ "vitality": 4 })).await.ok();
    world.heard(2).await;
    let stats = ["strength", "agility", "intelligence", "wisdom"];
    let racers = (0..NUM_RACERS).map(|number| world.post(&path, json!({ stats[number % 4]: 1 })));
    let won = winner(&join_all(racers).await, 200, (409, "not_enough_points"));
    assert_eq!(world.read(&hero.path("/stats")).await.ok(), won);
    let heard = world.heard(1).await;
    assert_eq!(heard[0].body["new_stats"], won["stats"]);
    goes_on(&world).await;
}

async fn one_of_many_that_saw_the_same_version_changes_it(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/experience");
    let racers = (0..NUM_RACERS).map(|number| {
        let request = world.about(reqwest::Method::POST, &path).header("If-Match", "\"1\"");
        Reply::to(request.json(&json!({ "amount": number + 1 })))
    });
    let won = winner(&join_all(racers).await, 200, (412, "version_mismatch"));
    assert_eq!(world.document(&hero).await, won);
    goes_on(&world).await;
}
