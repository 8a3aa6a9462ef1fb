//! The ten events, compared with the specification's own examples; and when there is none.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Hero, ROOT, Reply, assert_specified, creation, numbers, place, with};
use super::engine::Setup;
use super::world::{REGION, World};

const NAME: &str = "PlayerName";
const SPAN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

behaviours! {
    in a shared engine:
    a_creation_a_deletion_and_a_restoration_are_heard_as_specified,
    a_selection_is_heard_as_specified,
    a_session_is_heard_as_specified,
    a_move_is_heard_as_specified,
    allocated_stats_are_heard_as_specified,
    a_new_appearance_is_heard_as_specified,
    each_level_gained_is_heard_as_specified,
    an_event_carries_its_id_the_tenant_and_the_span_of_its_request,
    numbers_have_no_gap_across_requests_and_records,
    what_changes_nothing_is_not_heard,
}

mod restarted {
    use super::events_keep_their_ids_over_a_restart;

    behaviours! {
        in an engine of its own with [];
        events_keep_their_ids_over_a_restart,
    }
}

async fn player(world: &World) -> Hero {
    world.hero(Uuid::new_v4(), NAME).await
}

fn of(hero: &Hero) -> Value {
    json!({ "character_id": hero.id, "user_id": hero.user })
}

async fn a_creation_a_deletion_and_a_restoration_are_heard_as_specified(world: World) {
    let created = world.post("", creation(Uuid::new_v4(), NAME)).await.with(201);
    let hero = Hero::of(&created);
    world.delete(&hero.path("")).await.ok();
    world.post(&hero.path("/restore"), json!({})).await.ok();
    let reason = json!({ "reason": "moderation" });
    let delete = world.about(Method::DELETE, &hero.path("")).json(&reason);
    Reply::to(delete).await.ok();
    world.post(&hero.path("/restore"), json!({ "reason": "appeal" })).await.ok();
    world.delete(&hero.path("/permanent")).await;
    let heard = world.heard(6).await;
    let subjects: Vec<_> = heard.iter().map(|heard| &*heard.subject).collect();
    let (deleted, restored) = ("character.deleted", "character.restored");
    assert_eq!(subjects, ["character.created", deleted, restored, deleted, restored, deleted]);
    for heard in &heard[..3] {
        assert_specified(heard, of(&hero));
    }
    assert_specified(&heard[3], with(of(&hero), json!({ "delete_reason": "moderation" })));
    assert_specified(&heard[4], with(of(&hero), json!({ "restore_reason": "appeal" })));
    let purged = json!({ "delete_reason": "permanent", "soft_delete": false });
    assert_specified(&heard[5], with(of(&hero), purged));
}

async fn a_selection_is_heard_as_specified(world: World) {
    let (hero, session) = (player(&world).await, Uuid::new_v4());
    let asked = json!({ "session_id": session, "ip": "192.168.1.1" });
    world.post(&hero.path("/select"), asked).await.ok();
    let made = world.post(&hero.path("/select"), json!({})).await.ok();
    let heard = world.heard(2).await;
    assert_eq!(heard[0].subject, "character.selected");
    assert_specified(&heard[0], with(of(&hero), json!({ "session_id": session })));
    // Who does not say from where is nowhere.
    let made = json!({ "session_id": made["session_id"], "ip": "" });
    assert_specified(&heard[1], with(of(&hero), made));
}

async fn a_session_is_heard_as_specified(world: World) {
    let (hero, session) = (player(&world).await, Uuid::new_v4());
    let asked = json!({ "session_id": session, "world_id": "world1", "zone_id": "zone1" });
    world.post(&hero.path("/online"), asked).await.ok();
    world.post(&hero.path("/offline"), json!({ "reason": "logout" })).await.ok();
    let heard = world.heard(2).await;
    assert_eq!(heard[0].subject, "character.online");
    assert_specified(&heard[0], with(of(&hero), json!({ "session_id": session })));
    assert_eq!(heard[1].subject, "character.offline");
    let lasted = &heard[1].body["online_duration"];
    let values = json!({ "session_id": session, "online_duration": lasted });
    assert_specified(&heard[1], with(of(&hero), values));
}

async fn a_move_is_heard_as_specified(world: World) {
    let hero = player(&world).await;
    world.put(&hero.path("/position"), place(100.0)).await.ok();
    let second = with(place(150.0), json!({ "position_y": 250.0 }));
    world.put(&hero.path("/position"), second).await.ok();
    let heard = world.heard(2).await;
    assert_eq!(heard[1].subject, "character.position.updated");
    assert_specified(&heard[1], of(&hero));
    assert_eq!(heard[0].body.get("previous_position"), None, "there was none");
    assert_eq!(heard[0].body["new_position"], heard[1].body["previous_position"]);
}

async fn allocated_stats_are_heard_as_specified(world: World) {
    let hero = player(&world).await;
    world.post(&hero.path("/experience"), json!({ "amount": 100 })).await.ok();
    world.post(&hero.path("/stats/allocate"), json!({ "strength": 1 })).await.ok();
    let heard = world.heard(2).await;
    assert_eq!(heard[1].subject, "character.stats.updated");
    assert_specified(&heard[1], of(&hero));
}

async fn a_new_appearance_is_heard_as_specified(world: World) {
    let hero = player(&world).await;
    let path = hero.path("/appearance");
    // In another order than the catalog's, and one field stays what it is.
    let asked = json!({
        "face_type": 1, "hair_style": 2, "reason": "cosmetic_shop", "hair_color": "#000000",
        "height": 175,
    });
    world.put(&path, asked).await.ok();
    world.put(&path, json!({ "face_type": 2 })).await.ok();
    let heard = world.heard(2).await;
    assert_eq!(heard[0].subject, "character.appearance.updated");
    assert_specified(&heard[0], of(&hero));
    let values = json!({ "changed_fields": ["face_type"], "reason": "user_requested" });
    assert_specified(&heard[1], with(of(&hero), values));
}

async fn each_level_gained_is_heard_as_specified(world: World) {
    let hero = player(&world).await;
    world.post(&hero.path("/experience"), json!({ "amount": 8_100 })).await.ok();
    world.post(&hero.path("/experience"), json!({ "amount": 1_899 })).await.ok();
    world.post(&hero.path("/experience"), json!({ "amount": 1 })).await.ok();
    let heard = world.heard(10).await;
    for (level, heard) in (1..).zip(&heard) {
        assert_eq!(heard.subject, "character.levelup");
        let experience = if level == 10 { 10_000 } else { 8_100 };
        let values = json!({
            "previous_level": level, "new_level": level + 1, "experience": experience,
        });
        assert_specified(heard, with(of(&hero), values));
    }
    world.nothing_until_a_move_of(&hero).await;
}

async fn an_event_carries_its_id_the_tenant_and_the_span_of_its_request(world: World) {
    let hero = player(&world).await;
    let path = hero.path("/experience");
    let award = json!({ "amount": 400 });
    let request = world.about(Method::POST, &path).json(&award);
    let request = request.header("traceparent", SPAN).header("tracestate", "vendor=1");
    Reply::to(request).await.ok();
    world.put(&hero.path("/position"), place(1.0)).await.ok();
    let heard = world.heard(3).await;
    let mut ids = Vec::new();
    for heard in &heard {
        let id = &heard.headers["Nats-Msg-Id"];
        assert_eq!(heard.body["event_id"], json!(id));
        assert!(!ids.contains(id), "{id} stands twice");
        ids.push(id.clone());
        assert_eq!(heard.headers["TENANT_ID"], world.tenant);
        assert_eq!(heard.headers["REGION"], REGION);
        let versions = (&*heard.headers["MAJOR_VERSION"], &*heard.headers["MINOR_VERSION"]);
        assert_eq!(versions, ("83", "1"));
    }
    // Both levels are of one request; the move began a trace of its own.
    assert_eq!(heard[0].headers["traceparent"], SPAN);
    assert_eq!(heard[1].headers["traceparent"], SPAN);
    let own = &heard[2].headers["traceparent"];
    assert!(own.len() == SPAN.len() && own[3..35] != SPAN[3..35], "{own}");
}

async fn numbers_have_no_gap_across_requests_and_records(world: World) {
    let created = world.post("", creation(Uuid::new_v4(), NAME)).await.with(201);
    let hero = Hero::of(&created);
    let here = json!({ "channelId": 1, "mapId": 100_000_000, "instance": Uuid::nil() });
    world.post(&hero.path("/experience"), json!({ "amount": 400 })).await.ok();
    world.status(hero.number, "LOGIN", here.clone());
    let mut heard = world.heard(4).await;
    world.put(&hero.path("/position"), place(1.0)).await.ok();
    world.post(&hero.path("/experience"), json!({ "amount": 1 })).await.ok();
    world.status(hero.number, "LOGOUT", here);
    heard.extend(world.heard(2).await);
    world.delete(&hero.path("")).await.ok();
    heard.extend(world.heard(1).await);
    let bystander = world.hero(hero.user, "Bystander").await;
    world.nothing_until_a_move_of(&bystander).await;
    assert_eq!(numbers(&heard), [1, 2, 3, 4, 5, 6, 7]);
    let other = world.engine.heard.of(&world.tenant);
    assert_eq!(numbers(&other[other.len() - 2..]), [1, 2]);
}

async fn what_changes_nothing_is_not_heard(world: World) {
    let hero = player(&world).await;
    let before = world.document(&hero).await;
    world.patch(&hero.path(""), json!({ "name": NAME, "race": "human" })).await.ok();
    let appearance = world.read(&hero.path("/appearance")).await.ok();
    world.put(&hero.path("/appearance"), appearance).await.ok();
    world.put(&hero.path("/appearance"), json!({ "hair_color": "#5a3825" })).await.ok();
    world.put(&hero.path("/appearance"), json!({ "reason": "none" })).await.ok();
    assert_eq!(world.document(&hero).await, before, "not even another version");
    world.nothing_until_a_move_of(&hero).await;
    // To the cap, and beyond it.
    let path = hero.path("/experience");
    let at_cap = world.post(&path, json!({ "amount": u64::MAX })).await.ok();
    let reached = (&at_cap["level"], &at_cap["experience"], &at_cap["stat_points"]);
    assert_eq!(reached, (&json!(100), &json!(980_100), &json!(495)));
    let heard = world.heard(99).await;
    assert_eq!(heard[98].body["experience"], 980_100);
    assert_eq!(world.post(&path, json!({ "amount": 1 })).await.ok(), at_cap);
    world.nothing_until_a_move_of(&hero).await;
}

async fn events_keep_their_ids_over_a_restart(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(Uuid::new_v4(), &engine);
    let tenant = world.tenant.parse().unwrap();
    let hero = player(&world).await;
    world.post(&hero.path("/experience"), json!({ "amount": 400 })).await.ok();
    world.heard(2).await;
    let texts = |world: &World| -> Vec<String> {
        let all = world.engine.heard.of(&world.tenant);
        all.iter().map(|heard| heard.text.clone()).collect()
    };
    let before = texts(&world);
    let history = world.read(&hero.path("/events")).await;
    drop(world);
    engine.stop().await;

    let engine = setup.start().await;
    let world = World::of(tenant, &engine);
    // Whatever of before is published again has its old id; then the numbers go on.
    world.put(&hero.path("/position"), place(1.0)).await.ok();
    let is_new = |text: &str| !before.iter().any(|known| known == text);
    let all = world.engine.heard.once(&world.tenant, |all| {
        all.last().is_some_and(|heard| heard.subject == "character.position.updated")
    });
    let new: Vec<_> = all.await.into_iter().filter(|heard| is_new(&heard.text)).collect();
    assert_eq!(numbers(&new), [4]);
    let after = world.read(&hero.path("/events?limit=3")).await.ok();
    assert_eq!(after["data"], history.ok()["data"]);
    assert!(Reply::to(world.request(Method::GET, ROOT)).await.text.contains(&hero.id));
}
