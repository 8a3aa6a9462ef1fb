#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::*;

fn payload(event_type: &str, body: &Value) -> Bytes {
    let mut event = json!({
        "event_id": Uuid::from_u128(1),
        "event_type": event_type,
        "character_id": Uuid::from_u128(2),
        "user_id": Uuid::from_u128(3),
        "timestamp": "2024-01-15T10:30:00Z",
        "version": "1.0",
    });
    event.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    Bytes::from(event.to_string())
}

fn level_up() -> Value {
    json!({
        "name": "PlayerName",
        "previous_level": 10,
        "new_level": 11,
        "experience": u64::MAX,
        "stat_points_gained": 5,
        "skill_points_gained": 2,
    })
}

#[test]
fn any_event_is_read_by_its_type() {
    let event = Body::read(&payload("character.levelup", &level_up())).unwrap();
    assert_eq!(event.character_id, Uuid::from_u128(2));
    let Body::LevelUp(level_up) = event.body else { panic!("{:?}", event.body) };
    assert_eq!((level_up.new_level, level_up.experience), (11, u64::MAX));
}

#[test]
fn fields_of_a_later_version_are_skipped() {
    let mut body = level_up();
    body["guild"] = json!({"name": "later"});
    let event = LevelUp::read(&payload("character.levelup", &body)).unwrap();
    assert_eq!(event.body.new_level, 11);
}

#[test]
fn an_unknown_type_is_kept_byte_for_byte() {
    #[derive(Deserialize)]
    struct Married {
        dowry: f64,
    }
    let sent = payload("character.married", &json!({"dowry": 1.50, "large": u64::MAX}));
    let event = Body::read(&sent).unwrap();
    assert_eq!(event.event_type, "character.married");
    let Body::Unknown(unknown) = event.body else { panic!("{:?}", event.body) };
    assert_eq!(unknown.json().as_bytes(), sent);
    assert!(unknown.read::<Married>().unwrap().dowry > 1.0);
}

#[test]
fn another_type_than_the_one_asked_for_is_unreadable() {
    let error = LevelUp::read(&payload("character.other", &level_up())).unwrap_err();
    assert!(matches!(error, Unreadable::Type { wanted: "character.levelup", .. }), "{error}");
}

#[test]
fn a_missing_or_misshapen_field_is_unreadable() {
    for (field, value) in [("new_level", json!("eleven")), ("experience", json!(-1))] {
        let mut body = level_up();
        body[field] = value;
        assert!(Body::read(&payload("character.levelup", &body)).is_err(), "{field}");
        body.as_object_mut().unwrap().remove(field);
        assert!(Body::read(&payload("character.levelup", &body)).is_err(), "{field}");
    }
    assert!(Body::read(&Bytes::from_static(b"hello")).is_err());
    assert!(Body::read(&Bytes::from_static(b"{}")).is_err());
}

#[test]
fn what_is_read_is_written_in_the_order_of_the_specification() {
    let event = LevelUp::read(&payload("character.levelup", &level_up())).unwrap();
    let text = serde_json::to_string(&event).unwrap();
    let expected = concat!(
        r#"{"event_id":"00000000-0000-0000-0000-000000000001","event_type":"character.levelup","#,
        r#""character_id":"00000000-0000-0000-0000-000000000002","#,
        r#""user_id":"00000000-0000-0000-0000-000000000003","timestamp":"2024-01-15T10:30:00Z","#,
        r#""version":"1.0","name":"PlayerName","previous_level":10,"new_level":11,"#,
        r#""experience":18446744073709551615,"stat_points_gained":5,"skill_points_gained":2}"#
    );
    assert_eq!(text, expected);
}
