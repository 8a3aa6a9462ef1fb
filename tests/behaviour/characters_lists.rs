//! The routes of the characters API that are about many characters, and those there are not.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Hero, Reply};
use super::spec;
use super::world::World;

behaviours! {
    in a shared engine:
    characters_are_listed_in_pages,
    deleted_characters_are_listed_on_request,
    a_name_can_be_checked,
    what_is_asked_with_the_wrong_method_or_nowhere_is_told_so,
}

async fn characters_are_listed_in_pages(world: World) {
    let (user, other) = (Uuid::new_v4(), Uuid::new_v4());
    let mut ids = Vec::new();
    for name in ["One", "Two", "Three", "Four", "Five"] {
        ids.push(world.hero(user, name).await.id);
    }
    let stranger = world.hero(other, "Six").await;
    let mut listed = Vec::new();
    let mut cursor = String::new();
    for (count, is_last) in [(2, false), (2, false), (1, true)] {
        let reply = world.read(&format!("?user_id={user}&limit=2{cursor}")).await;
        let page = reply.ok();
        assert_eq!(spec::keys(&reply.text), ["data", "next_cursor"]);
        let data = page["data"].as_array().unwrap();
        assert_eq!((data.len(), page["next_cursor"].is_null()), (count, is_last));
        listed.extend(data.iter().map(|one| one["character_id"].as_str().unwrap().to_owned()));
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
    }
    assert_eq!(listed, ids);
    let first = world.read(&format!("?user_id={user}&limit=1")).await.json();
    assert_eq!(first["data"][0], world.read(&format!("/{}", ids[0])).await.json());
    let all = world.read("").await.ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 6);
    assert_eq!(all["data"][5]["character_id"], json!(stranger.id));
    let nobodys = world.read(&format!("?user_id={}", Uuid::new_v4())).await;
    assert_eq!(nobodys.ok(), json!({ "data": [], "next_cursor": null }));
    assert_eq!(world.read("?limit=200").await.status, 200);
    for wrong in ["limit=0", "limit=201", "cursor=xyz", "cursor=00000000f"] {
        world.read(&format!("?{wrong}")).await.refused(400, "invalid_page");
    }
    for wrong in ["limit=many", "user_id=me", "include_deleted=7", "offset=3"] {
        world.read(&format!("?{wrong}")).await.refused(400, "invalid_query");
    }
}

async fn deleted_characters_are_listed_on_request(world: World) {
    let user = Uuid::new_v4();
    let (one, two) = (world.hero(user, "One").await, world.hero(user, "Two").await);
    world.delete(&one.path("")).await.ok();
    let ids = async |query: &str| -> Vec<Value> {
        let page = world.read(&format!("?user_id={user}{query}")).await.ok();
        page["data"].as_array().unwrap().iter().map(|one| one["character_id"].clone()).collect()
    };
    assert_eq!(ids("").await, [json!(two.id)]);
    assert_eq!(ids("&include_deleted=false").await, [json!(two.id)]);
    assert_eq!(ids("&include_deleted=true").await, [json!(one.id), json!(two.id)]);
}

async fn a_name_can_be_checked(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Straße").await;
    let check = async |name: &str| {
        let reply = world.read(&format!("/check-name?name={name}")).await;
        let answer = reply.ok();
        assert_eq!(spec::keys(&reply.text), ["name", "available", "reason"]);
        (answer["available"].as_bool().unwrap(), answer["reason"].as_str().map(str::to_owned))
    };
    let taken = (false, Some("name_taken".to_owned()));
    assert_eq!(check("Anna").await, (true, None));
    assert_eq!(check("STRASSE").await, taken);
    assert_eq!(check("Admin").await, (false, Some("name_reserved".into())));
    assert_eq!(check("x").await, (false, Some("invalid_name".into())));
    world.delete(&hero.path("")).await.ok();
    assert_eq!(check("strasse").await, taken, "until it is purged");
    world.delete(&hero.path("/permanent")).await;
    assert_eq!(check("strasse").await, (true, None));
    world.read("/check-name").await.refused(400, "invalid_query");
}

async fn what_is_asked_with_the_wrong_method_or_nowhere_is_told_so(world: World) {
    let hero = Hero { id: Uuid::new_v4().into(), number: 1, user: Uuid::new_v4() };
    for (path, allow) in [
        (String::new(), "GET, HEAD, POST"),
        ("/check-name".into(), "GET, HEAD"),
        (hero.path(""), "GET, HEAD, PATCH, DELETE"),
        (hero.path("/restore"), "POST"),
        (hero.path("/permanent"), "DELETE"),
        (hero.path("/select"), "POST"),
        (hero.path("/online"), "POST"),
        (hero.path("/offline"), "POST"),
        (hero.path("/position"), "GET, HEAD, PUT"),
        (hero.path("/stats"), "GET, HEAD"),
        (hero.path("/stats/allocate"), "POST"),
        (hero.path("/experience"), "POST"),
        (hero.path("/appearance"), "GET, HEAD, PUT"),
        (hero.path("/events"), "GET, HEAD"),
    ] {
        let reply = Reply::to(world.about(Method::OPTIONS, &path)).await;
        reply.refused(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{path}");
    }
    world.read(&hero.path("/inventory")).await.refused(404, "no_such_route");
}
