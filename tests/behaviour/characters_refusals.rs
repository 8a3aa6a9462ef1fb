//! What is refused before the rules are asked: bodies, headers, versions, tenants.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::characters_kit::{Hero, ROOT, Reply, creation, place, with};
use super::world::World;

/// As `spec/interface.md` section 2 limits a body.
const MAX_BODY_BYTES: usize = 64 * 1024;

behaviours! {
    in a shared engine:
    a_version_that_is_not_the_current_one_is_a_412,
    a_field_nobody_knows_is_a_422,
    a_parameter_nobody_knows_is_a_400,
    a_refusal_names_the_field_and_what_there_is,
    a_field_that_is_missing_or_of_another_kind_is_a_422,
    what_is_no_json_is_a_400,
    a_body_over_64_kib_is_a_413,
    a_request_without_a_tenant_is_a_400,
    another_tenants_character_is_a_404,
    a_request_id_is_given_back_or_made,
}

/// Every route that takes a body: its method and path, and a body it accepts.
fn changes(hero: &Hero) -> Vec<(Method, String, Value)> {
    let online = json!({ "world_id": "world1", "zone_id": "zone1" });
    vec![
        (Method::POST, String::new(), creation(hero.user, "Another")),
        (Method::PATCH, hero.path(""), json!({ "name": "Hannah" })),
        (Method::POST, hero.path("/select"), json!({})),
        (Method::POST, hero.path("/online"), online),
        (Method::POST, hero.path("/offline"), json!({ "reason": "logout" })),
        (Method::PUT, hero.path("/position"), place(1.0)),
        (Method::POST, hero.path("/experience"), json!({ "amount": 100 })),
        (Method::POST, hero.path("/stats/allocate"), json!({ "strength": 1 })),
        (Method::PUT, hero.path("/appearance"), json!({ "height": 180 })),
        (Method::DELETE, hero.path(""), json!({})),
        (Method::POST, hero.path("/restore"), json!({})),
        (Method::DELETE, hero.path("/permanent"), json!({})),
    ]
}

async fn send(world: &World, method: &Method, path: &str, body: &Value) -> Reply {
    Reply::to(world.about(method.clone(), path).json(body)).await
}

async fn a_version_that_is_not_the_current_one_is_a_412(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    // Those that come before the deletion change the version each time.
    for (method, path, body) in changes(&hero).into_iter().skip(1) {
        let before = world.document(&hero).await;
        let version = before["version"].as_u64().unwrap();
        let with_version = async |text: String| {
            let request = world.about(method.clone(), &path).header("If-Match", text);
            Reply::to(request.json(&body)).await
        };
        for other in [version - 1, version + 1] {
            with_version(format!("\"{other}\"")).await.refused(412, "version_mismatch");
        }
        for never in ["\"x\"".into(), format!("W/\"{version}\"")] {
            with_version(never).await.refused(412, "version_mismatch");
        }
        with_version("x".into()).await.refused(400, "invalid_version");
        assert_eq!(world.document(&hero).await, before, "{method} {path}");
        let reply = with_version(format!("\"x\", \"{version}\"")).await;
        assert!(matches!(reply.status, 200 | 204), "{method} {path}: {reply:?}");
        if reply.status == 200 {
            assert_eq!(reply.header("etag"), Some(&*format!("\"{}\"", version + 1)));
        }
    }
    let hero = world.post("", creation(hero.user, "Bob")).await.with(201);
    let path = format!("/{}", hero["character_id"].as_str().unwrap());
    let any = world.about(Method::PATCH, &path).header("If-Match", "*");
    Reply::to(any.json(&json!({ "name": "Bobby" }))).await.ok();
}

async fn a_field_nobody_knows_is_a_422(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let before = world.document(&hero).await;
    for (method, path, body) in changes(&hero) {
        let code = match &*path {
            path if path.ends_with("/allocate") => "unknown_stat",
            path if path.ends_with("/appearance") => "unknown_appearance",
            _ => "unknown_field",
        };
        let body = with(body, json!({ "nonsense": 1 }));
        send(&world, &method, &path, &body).await.refused(422, code);
    }
    assert_eq!(world.document(&hero).await, before);
    world.nothing_until_a_move_of(&hero).await;
}

async fn a_parameter_nobody_knows_is_a_400(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    for (method, path, body) in changes(&hero) {
        let path = format!("{path}?soft=true");
        send(&world, &method, &path, &body).await.refused(400, "invalid_query");
    }
    for path in ["", "/position", "/stats", "/appearance", "/events"] {
        let path = format!("{}?soft=true", hero.path(path));
        world.read(&path).await.refused(400, "invalid_query");
    }
    assert_eq!(world.document(&hero).await["version"], 1);
}

async fn a_refusal_names_the_field_and_what_there_is(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let another = creation(hero.user, "Bob");
    let words = [
        ("class_type", "class_type is one of druid, mage, paladin"),
        ("race", "race is one of dwarf, elf"),
        ("gender", "gender is one of female, male, other"),
    ];
    for (field, told) in words {
        let reply = world.post("", with(another.clone(), json!({ field: "cloud" }))).await;
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with(told), "{detail}");
    }
    let reply = world.put(&hero.path("/appearance"), json!({ "hair_style": 64 })).await;
    reply.refused(422, "invalid_appearance");
    assert_eq!(reply.json()["detail"], "hair_style: must be a whole number from 0 to 63");
    let reply = world.put(&hero.path("/appearance"), json!({ "wings": 1 })).await;
    assert!(reply.json()["detail"].as_str().unwrap().starts_with("wings: a field is one of "));
}

async fn a_field_that_is_missing_or_of_another_kind_is_a_422(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let required = ["POST", "PUT", "online", "offline", "position"];
    for (method, path, body) in changes(&hero) {
        for (field, value) in body.as_object().unwrap() {
            let is_text = value.is_string();
            let other =
                with(body.clone(), json!({ field: if is_text { json!(7) } else { json!("7") } }));
            send(&world, &method, &path, &other).await.refused(422, "invalid_field");
            let mut less = body.clone();
            less.as_object_mut().unwrap().remove(field);
            let is_required = required.iter().any(|end| path.ends_with(end)) || path.is_empty();
            if is_required || path.ends_with("/experience") {
                send(&world, &method, &path, &less).await.refused(422, "missing_field");
                let null = with(body.clone(), json!({ field: null }));
                send(&world, &method, &path, &null).await.refused(422, "missing_field");
            }
        }
        send(&world, &method, &path, &json!([body])).await.refused(422, "invalid_document");
    }
    let nil = creation(Uuid::nil(), "Nobody");
    world.post("", nil).await.refused(422, "invalid_field");
    let long = "x".repeat(65);
    for reason in ["", &*long, "new\nline", "nul\0"] {
        let asked = json!({ "reason": reason });
        let delete = world.about(Method::DELETE, &hero.path("")).json(&asked);
        Reply::to(delete).await.refused(422, "invalid_field");
    }
    for wrong in
        [json!({ "ip": "300.1.1.1" }), json!({ "ip": "home" }), json!({ "session_id": "1" })]
    {
        world.post(&hero.path("/select"), wrong).await.refused(422, "invalid_field");
    }
    assert_eq!(world.document(&hero).await["version"], 1);
}

async fn what_is_no_json_is_a_400(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    for (method, path, body) in changes(&hero) {
        let cut = body.to_string();
        let cut = &cut.as_bytes()[..cut.len() - 1];
        for text in [cut, b"{'name': 1}", b"\xff\xfe", b"{} {}", b"{\"a\": \"\x01\"}"] {
            let request = world.about(method.clone(), &path).body(text.to_vec());
            Reply::to(request).await.refused(400, "invalid_json");
        }
    }
    assert_eq!(world.document(&hero).await["version"], 1);
}

async fn a_body_over_64_kib_is_a_413(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    for (method, path, body) in changes(&hero) {
        let mut text = body.to_string();
        text.push_str(&" ".repeat(MAX_BODY_BYTES + 1 - text.len()));
        let request = world.about(method, &path).body(text);
        Reply::to(request).await.refused(413, "body_too_large");
    }
    assert_eq!(world.document(&hero).await["version"], 1);
    let mut text = json!({ "name": "Hannah" }).to_string();
    text.push_str(&" ".repeat(MAX_BODY_BYTES - text.len()));
    Reply::to(world.about(Method::PATCH, &hero.path("")).body(text.clone())).await.ok();
    let answer = in_chunks(world.about(Method::PATCH, &hero.path("")), &text).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// The answer to a body that does not say how long it is.
async fn in_chunks(request: RequestBuilder, text: &str) -> String {
    let request = request.build().unwrap();
    let (method, url) = (request.method(), request.url());
    let mut raw = format!("{method} {} HTTP/1.1\r\nHost: localhost\r\n", url.path());
    for (name, value) in request.headers() {
        raw.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    raw.push_str("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    for chunk in text.as_bytes().chunks(10_000) {
        let chunk = str::from_utf8(chunk).unwrap();
        raw.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    raw.push_str("0\r\n\r\n");
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(raw.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn a_request_without_a_tenant_is_a_400(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let client = reqwest::Client::new();
    let bare = |method: Method, path: &str| {
        client.request(method, format!("{}{ROOT}{path}", world.engine.game))
    };
    for (method, path, body) in changes(&hero) {
        Reply::to(bare(method, &path).json(&body)).await.refused(400, "invalid_tenant");
    }
    for path in [String::new(), "/check-name?name=Ann".into(), hero.path(""), hero.path("/events")]
    {
        Reply::to(bare(Method::GET, &path)).await.refused(400, "invalid_tenant");
    }
    // All four headers, each readable.
    let whole = [
        ("TENANT_ID", &*world.tenant, "me"),
        ("REGION", "GMS", "\u{e9}"),
        ("MAJOR_VERSION", "83", "x"),
        ("MINOR_VERSION", "1", "65536"),
    ];
    for (broken, _, wrong) in whole {
        for replacement in [None, Some(wrong)] {
            let mut request = bare(Method::GET, "");
            for (name, value, _) in whole {
                let value = if name == broken { replacement } else { Some(value) };
                if let Some(value) = value {
                    request = request.header(name, value.as_bytes());
                }
            }
            let reply = Reply::to(request).await;
            match (broken, replacement) {
                // Any text is a region.
                ("REGION", Some(_)) => assert_eq!(reply.ok()["data"].as_array().unwrap().len(), 1),
                _ => reply.refused(400, "invalid_tenant"),
            }
        }
    }
}

async fn another_tenants_character_is_a_404(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let stranger = World::of(Uuid::new_v4(), &world.engine);
    for (method, path, body) in changes(&hero).into_iter().skip(1) {
        send(&stranger, &method, &path, &body).await.refused(404, "unknown_character");
    }
    for path in ["", "/position", "/stats", "/appearance", "/events"] {
        stranger.read(&hero.path(path)).await.refused(404, "unknown_character");
    }
    stranger.read(&format!("/n:{}", hero.number)).await.refused(404, "unknown_character");
    let all = stranger.read(&format!("?user_id={}&include_deleted=true", hero.user)).await.ok();
    assert_eq!(all["data"], json!([]));
    assert_eq!(world.document(&hero).await["version"], 1);
}

async fn a_request_id_is_given_back_or_made(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    for path in [hero.path(""), format!("/{}", Uuid::new_v4())] {
        let request = world.about(Method::GET, &path).header("X-Request-Id", "mine-1");
        assert_eq!(Reply::to(request).await.header("x-request-id"), Some("mine-1"));
        let made = world.read(&path).await;
        let made = made.header("x-request-id").unwrap();
        assert!(Uuid::try_parse(made).is_ok(), "{made}");
    }
}
