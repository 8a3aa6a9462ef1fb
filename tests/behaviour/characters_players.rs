//! Who may (`spec/interface.md` section 2): services act for anybody, players for themselves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use ring::{digest, hmac};
use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{Hero, Reply, creation, place};
use super::engine::Setup;
use super::world::World;

const SECRET: &str = "a secret of players, test-only, not short";
const SERVICE: &str = "the token of the shop, test-only";
const VIEWER: &str = "the token of somebody who looks, test-only";

mod guarded {
    use super::{
        a_player_acts_for_itself_alone, players_share_names, who_brings_no_credentials_is_refused,
    };

    behaviours! {
        in an engine of its own with [("auth.jwt.secret", crate::characters_players::SECRET)];
        a_player_acts_for_itself_alone,
        who_brings_no_credentials_is_refused,
        players_share_names,
    }
}

fn token(user: Uuid) -> String {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let in_an_hour = chrono::Utc::now().timestamp() + 3_600;
    let signed = format!(
        "{}.{}",
        part(json!({ "alg": "HS256", "typ": "JWT" })),
        part(json!({ "sub": user, "exp": in_an_hour }))
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes())))
}

/// With a service's and a viewer's token beside the players'.
async fn start(mut setup: Setup) -> (Setup, World) {
    let hash = |token: &str| {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let tokens = format!("shop:service:{},look:viewer:{}", hash(SERVICE), hash(VIEWER));
    setup.set("auth.tokens", &tokens);
    let engine = setup.start().await;
    (setup, World::of(Uuid::new_v4(), &engine))
}

async fn ask(world: &World, token: &str, method: Method, path: &str, body: Value) -> Reply {
    let request = world.about(method, path).bearer_auth(token);
    Reply::to(if body.is_null() { request } else { request.json(&body) }).await
}

/// Every request about a character that exists, but its permanent deletion, which ends them.
fn requests(hero: &Hero) -> Vec<(Method, String, Value)> {
    let online = json!({ "world_id": "world1", "zone_id": "zone1" });
    vec![
        (Method::GET, hero.path(""), Value::Null),
        (Method::GET, format!("/n:{}", hero.number), Value::Null),
        (Method::PATCH, hero.path(""), json!({ "name": "Hannah" })),
        (Method::PUT, hero.path("/position"), place(1.0)),
        (Method::GET, hero.path("/position"), Value::Null),
        (Method::POST, hero.path("/select"), json!({})),
        (Method::POST, hero.path("/online"), online),
        (Method::POST, hero.path("/offline"), json!({ "reason": "logout" })),
        (Method::POST, hero.path("/experience"), json!({ "amount": 100 })),
        (Method::GET, hero.path("/stats"), Value::Null),
        (Method::POST, hero.path("/stats/allocate"), json!({ "strength": 1 })),
        (Method::GET, hero.path("/appearance"), Value::Null),
        (Method::PUT, hero.path("/appearance"), json!({ "height": 180 })),
        (Method::GET, hero.path("/events"), Value::Null),
        (Method::DELETE, hero.path(""), json!({})),
        (Method::POST, hero.path("/restore"), json!({})),
    ]
}

async fn a_player_acts_for_itself_alone(setup: Setup) {
    let (_setup, world) = start(setup).await;
    let (user, stranger) = (Uuid::new_v4(), Uuid::new_v4());
    let (own, strange) = (token(user), token(stranger));
    // For another user, for itself, and for whoever it is.
    let asked = creation(user, "Ann");
    let refused = ask(&world, &strange, Method::POST, "", asked.clone()).await;
    refused.refused(403, "forbidden");
    let mut implied = asked;
    implied.as_object_mut().unwrap().remove("user_id");
    let hero = ask(&world, &own, Method::POST, "", implied).await.with(201);
    assert_eq!(hero["user_id"], json!(user));
    let hero = Hero::of(&hero);
    for (method, path, body) in requests(&hero) {
        let refused = ask(&world, &strange, method.clone(), &path, body.clone()).await;
        refused.refused(404, "unknown_character");
        // Under a key as well, and no matter what its owner asked under it.
        let request = world.about(method.clone(), &path).header("Idempotency-Key", "key");
        let request = request.bearer_auth(&strange);
        let request = if body.is_null() { request } else { request.json(&body) };
        assert!(matches!(Reply::to(request).await.status, 404 | 409));
        ask(&world, &own, method, &path, body).await.ok();
    }
    let end = hero.path("/permanent");
    let refused = ask(&world, &strange, Method::DELETE, &end, Value::Null).await;
    refused.refused(404, "unknown_character");
    let listed = async |token: &str, query: &str| {
        let page = ask(&world, token, Method::GET, query, Value::Null).await.ok();
        page["data"].as_array().unwrap().len()
    };
    assert_eq!(listed(&own, "").await, 1);
    assert_eq!(listed(&own, &format!("?user_id={user}")).await, 1);
    for query in [String::new(), format!("?user_id={user}"), "?include_deleted=true".into()] {
        assert_eq!(listed(&strange, &query).await, 0, "{query}");
    }
    // A service acts for anybody.
    assert_eq!(listed(SERVICE, &format!("?user_id={user}")).await, 1);
    for (method, path, body) in requests(&hero) {
        let answer = ask(&world, SERVICE, method.clone(), &path, body).await;
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
    }
    assert_eq!(ask(&world, &own, Method::DELETE, &end, Value::Null).await.status, 204);
    // Nobody's character is no player's.
    world.login(12_345).await;
    let path = "/n:12345";
    let patch = json!({ "user_id": user });
    let refused = ask(&world, &own, Method::PATCH, path, patch.clone()).await;
    refused.refused(404, "unknown_character");
    ask(&world, SERVICE, Method::PATCH, path, patch).await.ok();
    ask(&world, &own, Method::GET, path, Value::Null).await.ok();
}

async fn who_brings_no_credentials_is_refused(setup: Setup) {
    let (_setup, world) = start(setup).await;
    let hero = Hero { id: Uuid::new_v4().into(), number: 1, user: Uuid::new_v4() };
    let mut all = requests(&hero);
    all.push((Method::POST, String::new(), creation(hero.user, "Ann")));
    all.push((Method::GET, String::new(), Value::Null));
    all.push((Method::GET, "/check-name?name=Ann".into(), Value::Null));
    all.push((Method::DELETE, hero.path("/permanent"), Value::Null));
    let forged = format!("{}x", token(hero.user));
    for (method, path, body) in all {
        let bare = Reply::to(world.about(method.clone(), &path).json(&body)).await;
        bare.refused(401, "unauthenticated");
        assert_eq!(bare.header("www-authenticate"), Some("Bearer"));
        let refused = ask(&world, &forged, method.clone(), &path, body.clone()).await;
        refused.refused(401, "unauthenticated");
        let refused = ask(&world, VIEWER, method, &path, body).await;
        refused.refused(403, "forbidden");
    }
}

async fn players_share_names(setup: Setup) {
    let (_setup, world) = start(setup).await;
    let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
    ask(&world, &token(one), Method::POST, "", creation(one, "Ann")).await.with(201);
    let taken = ask(&world, &token(two), Method::POST, "", creation(two, "ANN")).await;
    taken.refused(409, "name_taken");
    let check = ask(&world, &token(two), Method::GET, "/check-name?name=ann", Value::Null).await;
    assert_eq!(check.ok()["available"], false);
    // A key is the tenant's: what another player asked under it is not told.
    let keyed = async |user: Uuid, name: &str| {
        let request = world.about(Method::POST, "").bearer_auth(token(user));
        let mut asked = creation(user, name);
        asked.as_object_mut().unwrap().remove("user_id");
        Reply::to(request.header("Idempotency-Key", "k").json(&asked)).await
    };
    keyed(one, "Bob").await.with(201);
    keyed(two, "Bob").await.refused(409, "idempotency_conflict");
}
