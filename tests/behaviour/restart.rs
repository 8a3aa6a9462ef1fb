//! What survives the process, and what leaves memory before it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use super::ears::Heard;
use super::engine::{Backend, CATALOG_PETS, Engine, LOOK_EVERY, SOON, Setup};
use super::stranger::Stranger;
use super::world::{Event, MAP, Topic, World, alone, event, read, spawned};

const OWNER: u32 = 12_345;

behaviours! {
    in an engine of its own with [];
    a_restart_keeps_who_is_online_and_repeats_nothing,
    a_changed_catalog_counts_from_its_reload_on,
}

mod passivated {
    use super::an_actor_that_is_idle_leaves_memory_and_comes_back;

    behaviours! {
        in an engine of its own with [("characters.idle_passivation", "500ms")];
        an_actor_that_is_idle_leaves_memory_and_comes_back,
    }
}

/// Who is in memory when a look-up finds what to read is not read: it must be there when all
/// has been read, however long that takes.
#[tokio::test]
async fn nobody_leaves_memory_who_is_asked_for() {
    const IDLE: Duration = Duration::from_secs(1);
    let _alone = alone().await;
    // SQLite has no lock that makes a reader wait.
    let Some(setup) = Setup::new(Backend::Real, &[("characters.idle_passivation", "1s")]).await
    else {
        return;
    };
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let before = world.counter("actor_passivated_total", "reason=\"idle\"").await;
    let absent = world.hero(Uuid::new_v4(), "Ann").await;
    world.until_counted("actor_passivated_total", "reason=\"idle\"", before + 1).await;
    let (first, here) =
        (world.hero(Uuid::new_v4(), "Bob").await, world.hero(Uuid::new_v4(), "Cid").await);
    let award = json!({ "amount": 1 });
    let config = setup.config();
    let url = config.database.url.expose();
    let keys = Stranger::lock(url, "idempotency_keys").await;
    let paths = [&first, &here, &absent].map(|hero| hero.path("/experience"));
    let blocked = world.keyed("first", &paths[0], &award);
    // Both are for the look-up behind that one: the absent one is read once it is over.
    let together = async {
        tokio::time::sleep(IDLE / 10).await;
        tokio::join!(world.keyed("here", &paths[1], &award), world.post(&paths[2], award.clone()))
    };
    let (first, (here, absent), ()) = tokio::join!(blocked, together, async {
        tokio::time::sleep(IDLE / 4).await;
        let pets = Stranger::lock(url, "pets").await;
        keys.leave().await;
        tokio::time::sleep(3 * IDLE).await;
        pets.leave().await;
    });
    for reply in [first, here, absent] {
        assert_eq!(reply.ok()["experience"], 1);
    }
    end(world, engine).await;
}

/// Until none of its actors can leave memory any more, which would be counted.
async fn end(world: World, engine: Arc<Engine>) {
    drop(world);
    engine.stop().await;
}

async fn a_restart_keeps_who_is_online_and_repeats_nothing(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let tenant = world.tenant.parse().unwrap();
    let (pet, second) = (world.pet(OWNER).await, world.pet(OWNER).await);
    let session = world.login(OWNER).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.order(0, pet, "AWARD_FULLNESS", json!({ "amount": 1 }));
    let before = world.told(pet).await;
    assert_eq!(before.len(), 3);
    let num_records = world.engine.told.of(&world.tenant).len();
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    assert_eq!(world.look_up(pet).await.unwrap()["slot"], 0);
    // Online in the same place: movement is believed, and a logout ends the old session.
    let step = json!({
        "worldId": 0, "channelId": 1, "mapId": MAP, "instance": Uuid::nil(), "objectId": pet,
        "observerId": OWNER, "x": 5, "y": 6, "stance": 0, "fh": 8,
    });
    world.send(Topic::PetMovement, &step);
    let deadline = Instant::now() + SOON;
    while world.look_up(pet).await.unwrap()["x"] != 5 {
        assert!(Instant::now() < deadline, "the movement is not believed");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    world.order(OWNER, second, "SPAWN", json!({ "lead": false }));
    let transaction = world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 0 }));
    let records = world.told_until(transaction).await;
    // The whole topic again, from its beginning: each event once.
    assert_eq!(records.len(), num_records + 2);
    let last: Vec<Event> = records[num_records..].iter().map(|told| read(told)).collect();
    assert_eq!(last[1], spawned(second, 1));
    let mut ids: Vec<_> = records.iter().map(|told| told.header("event-id").unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), records.len());
    world.status(OWNER, "LOGOUT", json!({ "channelId": 1, "mapId": MAP }));
    let is_offline = |heard: &Heard| heard.subject == "character.offline";
    let all = world
        .engine
        .heard
        .once(&world.tenant, |all| all.last().is_some_and(|heard| is_offline(heard)));
    let offline = all.await.pop().unwrap();
    assert_eq!(offline.body["session_id"], json!(session));
}

async fn a_changed_catalog_counts_from_its_reload_on(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let pet = world.pet_with(OWNER, json!({ "level": 30 })).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.told(pet).await;
    let attempt = async || {
        world.order(OWNER, pet, "ATTEMPT_COMMAND", json!({ "commandId": 0, "byName": false }));
        let events = world.told(pet).await;
        events.last().map(|event| event.body["closeness"].as_u64().unwrap())
    };
    assert_eq!(attempt().await, Some(2));
    let file = setup.folder.path().join("catalog/pets.toml");
    std::fs::write(&file, CATALOG_PETS.replace("increase = 2", "increase = 50")).unwrap();
    assert_eq!(attempt().await, Some(4));
    world.engine.reload();
    assert_eq!(attempt().await, Some(54));
    std::fs::write(&file, "[[pet]]\ntemplate_id = \"many\"\n").unwrap();
    world.engine.reload();
    assert_eq!(attempt().await, Some(104));
}

async fn an_actor_that_is_idle_leaves_memory_and_comes_back(setup: Setup) {
    let _alone = alone().await;
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let before = world.counter("actor_passivated_total", "reason=\"idle\"").await;
    let pet = world.pet(OWNER).await;
    world.until_counted("actor_passivated_total", "reason=\"idle\"", before + 1).await;
    world.order(0, pet, "AWARD_LEVEL", json!({ "amount": 1 }));
    let body = json!({ "slot": -1, "level": 2, "amount": 1 });
    assert_eq!(world.told(pet).await, [event(pet, "LEVEL_CHANGED", body)]);
    end(world, engine).await;
}
