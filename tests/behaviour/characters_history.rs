//! `GET /characters/{id}/events`: a character's own history.

use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Hero, place};
use super::engine::Setup;
use super::spec;
use super::world::World;

behaviours! {
    in a shared engine:
    a_history_holds_what_was_published_the_newest_last,
    a_history_is_read_in_pages,
}

mod restarted {
    use super::a_history_survives_a_restart;

    behaviours! {
        in an engine of its own with [];
        a_history_survives_a_restart,
    }
}

mod forgotten {
    use super::no_history_is_kept_when_none_is_wanted;

    behaviours! {
        in an engine of its own with [("characters.event_retention", "0s")];
        no_history_is_kept_when_none_is_wanted,
    }
}

async fn a_history_holds_what_was_published_the_newest_last(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let other = world.hero(hero.user, "Bob").await;
    let here = json!({ "channelId": 1, "mapId": 100_000_000, "instance": Uuid::nil() });
    world.post(&hero.path("/experience"), json!({ "amount": 400 })).await.ok();
    world.status(hero.number, "LOGIN", here);
    world.heard(3).await;
    world.delete(&hero.path("")).await.ok();
    world.heard(2).await;
    let reply = world.read(&hero.path("/events")).await;
    let page = reply.ok();
    assert_eq!(spec::keys(&reply.text), ["data", "next_after_seq"]);
    assert_eq!(page["next_after_seq"], Value::Null);
    let heard = world.engine.heard.of(&world.tenant);
    let own: Vec<_> =
        heard.iter().filter(|heard| heard.body["character_id"] == json!(hero.id)).collect();
    assert_eq!(own.len(), 6);
    // To the byte, with the number in front.
    let texts: Vec<String> = (1..)
        .zip(&own)
        .map(|(seq, heard)| format!("{{\"seq\":{seq},{}", heard.text.strip_prefix('{').unwrap()))
        .collect();
    let expected = format!("{{\"data\":[{}],\"next_after_seq\":null}}", texts.join(","));
    assert_eq!(reply.text, expected);
    let others = world.read(&other.path("/events")).await.ok();
    assert_eq!(others["data"].as_array().unwrap().len(), 1);
    world.read(&format!("/{}/events", Uuid::new_v4())).await.refused(404, "unknown_character");
}

/// The numbers of one page, and the next.
async fn page(world: &World, hero: &Hero, query: &str) -> (Vec<u64>, Option<u64>) {
    let page = world.read(&hero.path(&format!("/events{query}"))).await.ok();
    let seqs = page["data"].as_array().unwrap().iter();
    (seqs.map(|event| event["seq"].as_u64().unwrap()).collect(), page["next_after_seq"].as_u64())
}

async fn a_history_is_read_in_pages(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    for x in 0..59 {
        world.put(&hero.path("/position"), place(f64::from(x))).await.ok();
    }
    let numbers = |from, to| (from..=to).collect::<Vec<u64>>();
    assert_eq!(page(&world, &hero, "").await, (numbers(1, 50), Some(50)));
    assert_eq!(page(&world, &hero, "?after_seq=50").await, (numbers(51, 60), None));
    assert_eq!(page(&world, &hero, "?limit=20").await, (numbers(1, 20), Some(20)));
    assert_eq!(page(&world, &hero, "?after_seq=20&limit=40").await, (numbers(21, 60), None));
    assert_eq!(page(&world, &hero, "?after_seq=20&limit=39").await, (numbers(21, 59), Some(59)));
    assert_eq!(page(&world, &hero, "?limit=200").await, (numbers(1, 60), None));
    assert_eq!(page(&world, &hero, "?after_seq=60").await, (Vec::new(), None));
    assert_eq!(page(&world, &hero, &format!("?after_seq={}", u64::MAX)).await, (Vec::new(), None));
    for wrong in ["limit=0", "limit=201"] {
        world.read(&hero.path(&format!("/events?{wrong}"))).await.refused(400, "invalid_page");
    }
    for wrong in ["limit=x", "after_seq=-1", "before_seq=1"] {
        world.read(&hero.path(&format!("/events?{wrong}"))).await.refused(400, "invalid_query");
    }
    let by_number = world.read(&format!("/n:{}/events?limit=1", hero.number)).await.ok();
    assert_eq!(by_number["next_after_seq"], 1);
}

async fn a_history_survives_a_restart(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let tenant = world.tenant.parse().unwrap();
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    world.post(&hero.path("/experience"), json!({ "amount": 900 })).await.ok();
    let before = world.read(&hero.path("/events")).await;
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    assert_eq!(world.read(&hero.path("/events")).await.text, before.text);
    world.put(&hero.path("/position"), place(1.0)).await.ok();
    assert_eq!(page(&world, &hero, "").await, (vec![1, 2, 3, 4, 5], None));
}

async fn no_history_is_kept_when_none_is_wanted(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    world.post(&hero.path("/experience"), json!({ "amount": 100 })).await.ok();
    assert_eq!(world.subjects(1).await, ["character.levelup"], "published all the same");
    let reply = world.read(&hero.path("/events")).await;
    assert_eq!(reply.ok(), json!({ "data": [], "next_after_seq": null }));
}
