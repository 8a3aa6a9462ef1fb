//! What the tests of the characters API share: asking, and reading what is answered.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};
use uuid::Uuid;

use super::ears::Heard;
use super::spec;
use super::world::World;

pub(super) const ROOT: &str = "/api/v1/characters";

/// An answer of the characters API, read to its end.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) text: String,
}

/// A character that was created.
#[derive(Clone, Debug)]
pub(super) struct Hero {
    pub(super) id: String,
    pub(super) number: u32,
    pub(super) user: Uuid,
}

impl Reply {
    pub(super) async fn to(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, text: answer.text().await.unwrap() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The document of an answer with this status.
    #[track_caller]
    pub(super) fn with(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        self.json()
    }

    #[track_caller]
    pub(super) fn ok(&self) -> Value {
        self.with(200)
    }

    /// A problem of RFC 9457 with this status and code, and nothing left out.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.header("content-type")), (status, Some(PROBLEM)), "{self:?}");
        let members = spec::keys(&self.text);
        assert_eq!(members, ["type", "title", "status", "detail", "code", "request_id"]);
        let problem = self.json();
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)));
        for text in ["type", "title", "detail"] {
            assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{problem}");
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()));
        assert_eq!(self.header("retry-after").is_some(), status == 503);
    }
}

const PROBLEM: &str = "application/problem+json";

impl World {
    /// A request about characters; `path` follows the root.
    pub(super) fn about(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, &format!("{ROOT}{path}"))
    }

    pub(super) async fn read(&self, path: &str) -> Reply {
        Reply::to(self.about(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.about(Method::POST, path).json(&body)).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.about(Method::PUT, path).json(&body)).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Reply {
        Reply::to(self.about(Method::PATCH, path).json(&body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        Reply::to(self.about(Method::DELETE, path)).await
    }

    /// The same POST under an `Idempotency-Key`. Its id is fixed, so that equal answers are
    /// equal to the byte.
    pub(super) async fn keyed(&self, key: &str, path: &str, body: &Value) -> Reply {
        let request = self.about(Method::POST, path).header("Idempotency-Key", key);
        Reply::to(request.header("X-Request-Id", "one-and-the-same").json(body)).await
    }

    /// A new warrior, whose creation was heard.
    pub(super) async fn hero(&self, user: Uuid, name: &str) -> Hero {
        let hero = Hero::of(&self.post("", creation(user, name)).await.with(201));
        let heard = self.heard(1).await;
        assert_eq!(heard[0].subject, "character.created");
        assert_eq!(heard[0].body["character_id"], json!(hero.id));
        hero
    }

    /// As it is now.
    pub(super) async fn document(&self, hero: &Hero) -> Value {
        self.read(&hero.path("")).await.ok()
    }

    /// The subjects of the next events.
    pub(super) async fn subjects(&self, count: usize) -> Vec<String> {
        self.heard(count).await.iter().map(|heard| heard.subject.clone()).collect()
    }

    /// Nothing was published since the last event heard: a move is the next one.
    pub(super) async fn nothing_until_a_move_of(&self, hero: &Hero) {
        self.put(&hero.path("/position"), place(0.5)).await.ok();
        let heard = self.heard(1).await;
        assert_eq!(heard[0].subject, "character.position.updated", "{heard:?}");
    }
}

impl Hero {
    pub(super) fn of(document: &Value) -> Self {
        Self {
            id: document["character_id"].as_str().unwrap().to_owned(),
            number: u32::try_from(document["number"].as_u64().unwrap()).unwrap(),
            user: serde_json::from_value(document["user_id"].clone()).unwrap(),
        }
    }

    pub(super) fn path(&self, rest: &str) -> String {
        format!("/{}{rest}", self.id)
    }
}

/// What a warrior is created from.
pub(super) fn creation(user: Uuid, name: &str) -> Value {
    json!({
        "user_id": user, "name": name, "class_type": "warrior", "race": "human", "gender": "male",
    })
}

/// With some of its members replaced, or set.
pub(super) fn with(mut object: Value, members: Value) -> Value {
    object.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    object
}

pub(super) fn place(x: f64) -> Value {
    json!({
        "world_id": "world1", "zone_id": "zone1", "position_x": x, "position_y": 200.0,
        "position_z": 50.0, "movement_type": "walk",
    })
}

/// The example of an event in `docs/spec/character-events.md`, as it stands there.
pub(super) fn example(kind: &str) -> &'static str {
    spec::example(spec::CHARACTER_EVENTS, &format!("#### `{kind}`"))
}

/// The event has the members of the specification's example, in its order, each of its type;
/// and its values but for those given, its id and its time.
#[track_caller]
pub(super) fn assert_specified(heard: &Heard, values: Value) {
    let example = example(&heard.subject);
    assert_eq!(shape(&heard.text), shape(example), "{}", heard.subject);
    let own = json!({
        "event_id": heard.body["event_id"], "timestamp": heard.body["timestamp"],
        "character_id": heard.body["character_id"], "user_id": heard.body["user_id"],
    });
    let expected = with(with(serde_json::from_str(example).unwrap(), own), values);
    assert_eq!(heard.body, expected, "{}", heard.subject);
    assert!(heard.body["timestamp"].as_str().unwrap().ends_with('Z'));
}

/// The numbers in `character-seq`, in the order in which the events came.
pub(super) fn numbers(heard: &[Arc<Heard>]) -> Vec<u64> {
    heard.iter().map(|heard| heard.headers["character-seq"].parse().unwrap()).collect()
}

/// Keys in their order and the kinds of all values.
fn shape(json: &str) -> String {
    serde_json::from_str::<Shape>(json).unwrap().0
}

struct Shape(String);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shaping;

        impl<'de> Visitor<'de> for Shaping {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
                Ok(Shape("boolean".into()))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
                Ok(Shape("integer".into()))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
                Ok(Shape("integer".into()))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
                Ok(Shape("float".into()))
            }

            fn visit_unit<E>(self) -> Result<Shape, E> {
                Ok(Shape("null".into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
                let is_uuid =
                    matches!(text, "uuid" | "session-uuid") || Uuid::try_parse(text).is_ok();
                let is_instant = chrono::DateTime::parse_from_rfc3339(text).is_ok();
                Ok(Shape(match (is_uuid, is_instant) {
                    (true, _) => "uuid".into(),
                    (_, true) => "instant".into(),
                    _ => "text".into(),
                }))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
                let mut kinds = BTreeSet::new();
                while let Some(Shape(kind)) = seq.next_element()? {
                    kinds.insert(kind);
                }
                Ok(Shape(format!("{kinds:?}")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
                let mut members = Vec::new();
                while let Some((key, Shape(kind))) = map.next_entry::<String, Shape>()? {
                    members.push(format!("{key}: {kind}"));
                }
                Ok(Shape(format!("{{{}}}", members.join(", "))))
            }
        }

        deserializer.deserialize_any(Shaping)
    }
}
