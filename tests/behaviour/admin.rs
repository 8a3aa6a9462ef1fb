//! The operator's API: what it shows of a running engine, and what it does to it.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use super::characters_kit::Reply;
use super::engine::{LOOK_EVERY, SOON, Setup};
use super::world::{KITTY, Topic, World, event, slot_changed, spawned};

const OWNER: u32 = 12_345;

behaviours! {
    in a shared engine:
    a_character_is_listed_and_shown_inside,
    one_page_leads_to_the_next_in_every_order,
    the_engines_own_actors_are_listed,
    who_is_offline_is_passivated_and_comes_back,
    a_kick_ends_the_session,
    a_restarted_actor_is_built_anew_from_sql,
    a_dead_letter_is_shown_with_its_bytes_and_dropped,
    a_dead_letter_is_redelivered_once,
    a_letter_that_fails_again_stays,
    what_is_committed_is_shown_live,
    what_was_done_stands_in_the_audit_log,
    what_is_not_there_is_a_404,
}

mod alone {
    behaviours! {
        in an engine of its own with [];
        a_paused_intake_reads_nothing_until_it_is_resumed,
        a_drain_ends_the_process,
    }

    use super::{a_drain_ends_the_process, a_paused_intake_reads_nothing_until_it_is_resumed};
}

impl World {
    async fn ask(&self, method: Method, path: &str) -> Reply {
        let url = format!("{}/admin/{path}", self.engine.admin);
        Reply::to(reqwest::Client::new().request(method, url)).await
    }

    pub(super) async fn see(&self, path: &str) -> Value {
        self.ask(Method::GET, path).await.ok()
    }

    async fn order_done(&self, path: &str) {
        let reply = self.ask(Method::POST, path).await;
        assert_eq!(reply.status, 204, "{reply:?}");
    }

    pub(super) fn actor(&self, number: u32) -> String {
        format!("actors/{}/{number}", self.tenant)
    }

    /// The only dead letter of this tenant, once there is one.
    async fn letter(&self) -> Value {
        self.letters(1).await;
        let listed = self.see("dead-letters?limit=200").await;
        let of_us = |letter: &&Value| letter["tenant"] == *self.tenant;
        listed["data"].as_array().unwrap().iter().find(of_us).unwrap().clone()
    }

    async fn until(&self, path: &str, what: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + SOON;
        loop {
            let seen = self.see(path).await;
            if what(&seen) {
                return seen;
            }
            assert!(Instant::now() < deadline, "{path}: {seen:#}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

async fn a_character_is_listed_and_shown_inside(world: World) {
    world.login(OWNER).await;
    let pet = world.pet(OWNER).await;
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    world.order(1, pet, "DESPAWN", json!({}));
    assert_eq!(world.told(pet).await, [slot_changed(pet, -1, 0), spawned(pet, 0)]);

    let listed = world.see(&format!("actors?online=true&q={}", world.tenant)).await;
    assert_eq!((&listed["total"], &listed["next_cursor"]), (&json!(1), &Value::Null));
    let line = &listed["data"][0];
    assert_eq!((&line["kind"], &line["state"]), (&json!("character"), &json!("online")));
    assert_eq!((&line["tenant"], &line["number"]), (&json!(world.tenant), &json!(OWNER)));
    assert_eq!(line["mailbox"]["messages"], 0);
    assert!(line["processed"].as_u64().unwrap() >= 4, "{line}");
    assert!(line["rate"].as_f64().unwrap() > 0.0 && line["idle_seconds"].as_f64().is_some());
    assert_eq!(line["last_error"]["message"], "not_owner");
    assert!(line["location"]["map_id"].is_u64(), "{line}");

    let inside = world.see(&world.actor(OWNER)).await;
    assert_eq!(inside["pets"][0]["id"], pet);
    assert_eq!((&inside["pets"][0]["slot"], &inside["pets"][0]["level"]), (&json!(0), &json!(1)));
    assert_eq!(inside["character"]["online"], true);
    let message = |at: usize| {
        let message = &inside["messages"][at];
        (message["message"].as_str().unwrap(), message["outcome"].as_str().unwrap())
    };
    // The newest first; the mark is an award.
    let latest = [message(1), message(2)];
    assert_eq!(latest, [("DESPAWN", "not_owner"), ("SPAWN", "applied")]);
    for message in inside["messages"].as_array().unwrap() {
        let seconds = |name: &str| message[name].as_f64().unwrap();
        assert!((0.0..60.0).contains(&seconds("wait_seconds")), "{message}");
        assert!((0.0..60.0).contains(&seconds("duration_seconds")), "{message}");
        chrono::DateTime::parse_from_rfc3339(message["at"].as_str().unwrap()).unwrap();
    }
    let progress = inside["progress"].as_array().unwrap();
    let topic = &world.engine.kafka.topics.pet_command;
    assert!(progress.iter().any(|source| source["topic"] == **topic), "{progress:?}");
    assert!(inside["epoch"].as_i64().unwrap() > 0 && inside["round"].as_i64().unwrap() > 0);
    assert!(inside["next_due"].is_string());
}

async fn one_page_leads_to_the_next_in_every_order(world: World) {
    for number in 1..=5 {
        world.login(number).await;
    }
    for sort in ["", "&sort=mailbox", "&sort=wait", "&sort=idle", "&sort=rate"] {
        let (mut numbers, mut cursor) = (Vec::new(), String::new());
        loop {
            let path = format!("actors?limit=2&q={}{sort}{cursor}", world.tenant);
            let page = world.see(&path).await;
            assert_eq!(page["total"], 5, "{path}");
            let lines = page["data"].as_array().unwrap();
            assert!(lines.len() <= 2, "{path}");
            numbers.extend(lines.iter().map(|line| line["number"].as_u64().unwrap()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        if sort != "&sort=idle" && sort != "&sort=rate" {
            assert_eq!(numbers, [1, 2, 3, 4, 5], "{sort}");
        }
        numbers.sort_unstable();
        // Time goes by between the pages, and nobody is on two of them for it.
        assert_eq!(numbers, [1, 2, 3, 4, 5], "{sort}");
    }
    for path in ["actors?limit=0", "actors?limit=201", "actors?cursor=x"] {
        world.ask(Method::GET, path).await.refused(400, "invalid_page");
    }
    for path in ["actors?sort=name", "actors?kind=dog", "actors?q=tom", "actors?nonsense=1"] {
        world.ask(Method::GET, path).await.refused(400, "invalid_query");
    }
}

async fn the_engines_own_actors_are_listed(world: World) {
    world.login(OWNER).await;
    for kind in ["supervisor", "committer", "kafka_outbox", "nats_outbox", "clockwork"] {
        let listed = world.see(&format!("actors?kind={kind}")).await;
        let [actor] = &listed["data"].as_array().unwrap()[..] else { panic!("{listed}") };
        assert_eq!((&actor["key"], &actor["state"]), (&json!(kind), &json!("running")));
        assert!(actor["processed"].as_u64().unwrap() > 0, "{actor}");
    }
    // Before all characters, over several pages if they are small.
    let (mut kinds, mut cursor) = (Vec::new(), String::new());
    while kinds.len() <= 5 {
        let page = world.see(&format!("actors?limit=1{cursor}")).await;
        assert!(page["total"].as_u64().unwrap() >= 6, "{page}");
        let [actor] = &page["data"].as_array().unwrap()[..] else { panic!("{page}") };
        kinds.push(actor["kind"].as_str().unwrap().to_owned());
        if kinds.len() <= 5 {
            cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
        }
    }
    let all = ["supervisor", "committer", "kafka_outbox", "nats_outbox", "clockwork", "character"];
    assert_eq!(kinds, all);
}

async fn who_is_offline_is_passivated_and_comes_back(world: World) {
    world.login(OWNER).await;
    let pet = world.pet(OWNER).await;
    let path = world.actor(OWNER);
    let reply = world.ask(Method::POST, &format!("{path}/passivate")).await;
    reply.refused(409, "character_online");
    world.status(OWNER, "LOGOUT", json!({}));
    world.until(&path, |actor| actor["state"] == "offline").await;
    let url = format!("{}/admin/{path}/passivate", world.engine.admin);
    let mistaken = reqwest::Client::new().post(url).json(&json!({ "now": true }));
    Reply::to(mistaken).await.refused(422, "unknown_field");
    world.order_done(&format!("{path}/passivate")).await;
    let stored = world.see(&path).await;
    assert_eq!((&stored["state"], &stored["pets"][0]["id"]), (&json!("stored"), &json!(pet)));
    // Twice is no error.
    world.order_done(&format!("{path}/passivate")).await;
    world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 1 }));
    // It is seen before its step as well.
    let is_back = |actor: &Value| actor["state"] == "offline" && actor["pets"][0]["closeness"] == 1;
    world.until(&path, is_back).await;
}

async fn a_kick_ends_the_session(world: World) {
    world.login(OWNER).await;
    let path = world.actor(OWNER);
    world.order_done(&format!("{path}/kick")).await;
    let heard = world.heard(1).await;
    assert_eq!(heard[0].subject, "character.offline");
    assert_eq!(heard[0].body["reason"], "kicked");
    assert_eq!(world.see(&path).await["state"], "stored");
    world.ask(Method::POST, &format!("{path}/kick")).await.refused(409, "not_online");
}

async fn a_restarted_actor_is_built_anew_from_sql(world: World) {
    world.login(OWNER).await;
    let pet = world.pet(OWNER).await;
    let path = world.actor(OWNER);
    assert!(!world.see(&path).await["messages"].as_array().unwrap().is_empty());
    world.order_done(&format!("{path}/restart")).await;
    let anew = world.until(&path, |actor| actor["state"] == "online").await;
    assert_eq!((&anew["messages"], &anew["pets"][0]["id"]), (&json!([]), &json!(pet)));
    world.order(OWNER, pet, "SPAWN", json!({ "lead": false }));
    assert_eq!(world.told(pet).await, [slot_changed(pet, -1, 0), spawned(pet, 0)]);
}

async fn a_dead_letter_is_shown_with_its_bytes_and_dropped(world: World) {
    world.send_bytes(Topic::PetCommand, Some(b"{\"petId\": oops"), &world.headers());
    let letter = world.letter().await;
    assert_eq!((&letter["reason"], &letter["size"]), (&json!("malformed"), &json!(14)));
    assert_eq!(letter["topic"], *world.engine.kafka.topics.pet_command);
    let path = format!("dead-letters/{}", letter["id"]);
    let whole = world.see(&path).await;
    assert_eq!(whole["text"], "{\"petId\": oops");
    assert_eq!(whole["value"], "eyJwZXRJZCI6IG9vcHM=");
    let headers = whole["headers"].as_array().unwrap();
    let tenant = headers.iter().find(|header| header["name"] == "TENANT_ID").unwrap();
    assert_eq!(tenant["text"], *world.tenant);
    assert_eq!(world.ask(Method::DELETE, &path).await.status, 204);
    for method in [Method::GET, Method::DELETE] {
        world.ask(method, &path).await.refused(404, "unknown_dead_letter");
    }
}

async fn a_dead_letter_is_redelivered_once(world: World) {
    let (kept, other) = (world.pet(OWNER).await, world.pet(OWNER).await);
    // One of two: nobody can tell which.
    world.asset(OWNER, 1, KITTY, 15, "DELETED", json!({}));
    let letter = world.letter().await;
    assert_eq!(letter["reason"], "ambiguous_asset");
    let delete = world.request(Method::DELETE, &format!("/api/pets/{other}"));
    assert_eq!(delete.send().await.unwrap().status(), 204);
    assert_eq!(world.announced("DELETED", 1).await, [event(other, "DELETED", json!({}))]);

    let path = format!("dead-letters/{}/redeliver", letter["id"]);
    let twice = tokio::join!(world.ask(Method::POST, &path), world.ask(Method::POST, &path));
    let outcomes: Vec<Option<String>> = [twice.0, twice.1]
        .iter()
        .map(|reply| {
            (reply.status == 200).then(|| reply.json()["outcome"].as_str().unwrap().into())
        })
        .collect();
    assert!(outcomes.contains(&Some("applied".to_owned())), "{outcomes:?}");
    let deleted = [event(other, "DELETED", json!({})), event(kept, "DELETED", json!({}))];
    assert_eq!(world.announced("DELETED", 2).await, deleted);
    world.ask(Method::POST, &path).await.refused(404, "unknown_dead_letter");
}

async fn a_letter_that_fails_again_stays(world: World) {
    world.send_bytes(Topic::PetCommand, Some(b"{}"), &world.headers());
    let malformed = world.letter().await;
    let path = format!("dead-letters/{}", malformed["id"]);
    let reply = world.ask(Method::POST, &format!("{path}/redeliver")).await.ok();
    assert_eq!(reply["outcome"], "dead_letter");
    assert!(reply["detail"].as_str().unwrap().starts_with("malformed: "), "{reply}");
    assert_eq!(world.see(&path).await["id"], malformed["id"]);
    // And one that is tried by its character again.
    for _ in 0..2 {
        world.pet(OWNER).await;
    }
    world.asset(OWNER, 1, KITTY, 15, "DELETED", json!({}));
    world.letters(2).await;
    let ambiguous = world.letter().await;
    let path = format!("dead-letters/{}", ambiguous["id"]);
    for _ in 0..2 {
        let reply = world.ask(Method::POST, &format!("{path}/redeliver")).await.ok();
        assert_eq!(
            (&reply["outcome"], &reply["detail"]),
            (&json!("dead_letter"), &json!("ambiguous_asset"))
        );
    }
    assert_eq!(world.see(&path).await["reason"], "ambiguous_asset");
}

async fn what_is_committed_is_shown_live(world: World) {
    let url = format!("{}/admin/events?tenant={}", world.engine.admin, world.tenant);
    let mut all = reqwest::get(&url).await.unwrap();
    assert_eq!(all.headers()["content-type"], "text/event-stream; charset=utf-8");
    let mut of_pets = reqwest::get(format!("{url}&subject=pet.*")).await.unwrap();
    let mut of_another = reqwest::get(format!("{url}&character=1")).await.unwrap();
    world.login(OWNER).await;
    let pet = world.pet(OWNER).await;
    world.login(1).await;

    let mut text = String::new();
    while !text.contains("pet.created") {
        text.push_str(std::str::from_utf8(&all.chunk().await.unwrap().unwrap()).unwrap());
    }
    let datas = |text: &str| -> Vec<Value> {
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(|data| serde_json::from_str(data).unwrap()).collect()
    };
    let shown = datas(&text);
    assert_eq!(shown[0]["subject"], "character.online");
    assert_eq!((&shown[0]["character"], &shown[0]["pet"]), (&json!(OWNER), &Value::Null));
    assert_eq!(shown[0]["event"]["event_type"], "character.online");
    assert!(text.contains("event: character.online\n"));
    let created = shown.iter().find(|shown| shown["subject"] == "pet.created").unwrap();
    assert_eq!((&created["pet"], &created["character"]), (&json!(pet), &json!(OWNER)));

    let chunk = of_pets.chunk().await.unwrap().unwrap();
    let only_pets = datas(std::str::from_utf8(&chunk).unwrap());
    assert_eq!(only_pets[0]["subject"], "pet.created");
    let chunk = of_another.chunk().await.unwrap().unwrap();
    let heard = datas(std::str::from_utf8(&chunk).unwrap());
    assert_eq!(heard[0]["character"], 1);

    let uuid = heard[0]["event"]["character_id"].as_str().unwrap();
    let by_uuid = format!("{}/admin/events?character={uuid}", world.engine.admin);
    let mut by_uuid = reqwest::get(by_uuid).await.unwrap();
    for number in [OWNER, 1] {
        world.status(number, "LOGOUT", json!({}));
    }
    let chunk = by_uuid.chunk().await.unwrap().unwrap();
    let heard = datas(std::str::from_utf8(&chunk).unwrap());
    assert_eq!((&heard[0]["character"], &heard[0]["tenant"]), (&json!(1), &json!(world.tenant)));
    let nobody = format!("events?character={}", uuid::Uuid::new_v4());
    world.ask(Method::GET, &nobody).await.refused(404, "unknown_character");
    for query in ["subject=a..b", "character=", "character=Kino", "character=-1"] {
        world.ask(Method::GET, &format!("events?{query}")).await.refused(400, "invalid_query");
    }
}

async fn what_was_done_stands_in_the_audit_log(world: World) {
    world.login(OWNER).await;
    let path = world.actor(OWNER);
    world.ask(Method::POST, &format!("{path}/passivate")).await.refused(409, "character_online");
    world.order_done(&format!("{path}/kick")).await;
    let target = format!("{}/{OWNER}", world.tenant);
    let audit = world.see("audit?limit=200").await;
    let ours: Vec<(&str, &str)> = audit["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["target"] == target)
        .map(|entry| (entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(ours, [("kick", "done"), ("passivate", "character_online")]);
    let newest = &audit["data"].as_array().unwrap()[0];
    assert_eq!((&newest["who"], &newest["role"]), (&Value::Null, &json!("operator")));
    assert!(!newest["request_id"].as_str().unwrap().is_empty());
    let page = world.see("audit?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = world.see(&format!("audit?limit=1&cursor={cursor}")).await;
    assert!(next["data"][0]["id"].as_str() < page["data"][0]["id"].as_str());
}

async fn what_is_not_there_is_a_404(world: World) {
    for path in [world.actor(99), "actors/nobody/1".into(), format!("actors/{}/x", world.tenant)] {
        world.ask(Method::GET, &path).await.refused(404, "unknown_character");
        for action in ["passivate", "restart", "kick"] {
            let reply = world.ask(Method::POST, &format!("{path}/{action}")).await;
            reply.refused(404, "unknown_character");
        }
    }
    for path in ["dead-letters/0", "dead-letters/x"] {
        world.ask(Method::GET, path).await.refused(404, "unknown_dead_letter");
    }
    world.ask(Method::POST, "outbox/mail/retry").await.refused(404, "no_such_route");
    world.ask(Method::DELETE, "intake").await.refused(405, "method_not_allowed");
    let sinks = world.see("outbox").await;
    let names: Vec<_> = sinks["sinks"].as_array().unwrap().iter().map(|it| &it["sink"]).collect();
    assert_eq!(names, ["kafka", "nats"]);
    let shards = world.see("shards").await;
    let here = shards["data"].as_array().unwrap().iter().find(|shard| shard["here"] == true);
    assert_eq!(here.unwrap()["stage"], "serving");
    let who = world.see("whoami").await;
    assert_eq!(who, json!({ "name": null, "role": "operator" }));
}

async fn a_paused_intake_reads_nothing_until_it_is_resumed(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(uuid::Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;
    let paused = world.ask(Method::POST, "intake/pause").await.ok();
    assert_eq!(paused["paused"], true);
    let is_paused = |intake: &Value| {
        let partitions = intake["partitions"].as_array().unwrap();
        partitions.iter().all(|partition| partition["pause_reason"] == "operator")
    };
    world.until("intake", is_paused).await;
    let topic = engine.kafka.topics.pet_command.clone();
    let of_commands = |intake: &Value| -> i64 {
        let partitions = intake["partitions"].as_array().unwrap().iter();
        partitions
            .filter(|it| it["topic"] == *topic)
            .map(|it| it["lag"].as_i64().unwrap_or(0))
            .sum()
    };
    world.order(0, pet, "AWARD_CLOSENESS", json!({ "amount": 1 }));
    // The broker tells where the partition ends, and nothing of it is read.
    let is_behind = |intake: &Value| {
        let mut partitions = intake["partitions"].as_array().unwrap().iter();
        of_commands(intake) == 1 && partitions.all(|partition| partition["in_flight"] == 0)
    };
    world.until("intake", is_behind).await;
    assert_eq!(world.look_up(pet).await.unwrap()["closeness"], 0);
    let resumed = world.ask(Method::POST, "intake/resume").await.ok();
    assert_eq!(resumed["paused"], false);
    let rewarded = async || world.look_up(pet).await.unwrap()["closeness"] == 1;
    let deadline = Instant::now() + SOON;
    while !rewarded().await {
        assert!(Instant::now() < deadline, "nothing is read");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    world.until("intake", |intake| of_commands(intake) == 0).await;
}

async fn a_drain_ends_the_process(setup: Setup) {
    let engine = setup.start().await;
    let world = World::of(uuid::Uuid::new_v4(), &engine);
    let pet = world.pet(OWNER).await;
    let reply = world.ask(Method::POST, "drain").await;
    assert_eq!((reply.status, reply.json()), (202, json!({ "stage": "draining" })));
    drop(world);
    engine.ended().await;
    let engine = setup.start().await;
    let world = World::of(uuid::Uuid::new_v4(), &engine);
    let audit = world.see("audit").await;
    assert_eq!(
        (&audit["data"][0]["action"], &audit["data"][0]["outcome"]),
        (&json!("drain"), &json!("done"))
    );
    assert!(pet > 0);
}
