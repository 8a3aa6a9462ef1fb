#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::wire::{spec, strategies};

const HEADING: &str = "### Character Status Event (Consumed)";
const TRANSACTION: &str = "6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11";
const INSTANCE: &str = "0b5e7e52-3f2f-4d5b-8a0e-5a2c2f1d9e77";

fn record(kind: &str, body: &str) -> String {
    spec::example(spec::PET_KAFKA, HEADING)
        .replace(r#""uuid""#, &format!("{TRANSACTION:?}"))
        .replace("LOGIN|LOGOUT|DELETED|MAP_CHANGED|CHANNEL_CHANGED", kind)
        .replace("{}", body)
}

fn read(text: &str) -> Result<Option<(CharacterId, Status)>, Refused> {
    decode(text.as_bytes(), DateTime::UNIX_EPOCH)
}

fn change_of(kind: &str, body: &str) -> Result<Option<StatusChange>, Refused> {
    Ok(read(&record(kind, body))?.map(|(_, status)| status.change))
}

fn instance() -> Uuid {
    INSTANCE.parse().unwrap()
}

#[test]
fn every_type_of_the_specification_decodes_with_the_fields_of_its_table() {
    let value = |field: &str| match field {
        "channelId" => "2".to_owned(),
        "oldChannelId" => "1".to_owned(),
        "mapId" | "targetMapId" => "100000000".to_owned(),
        "oldMapId" => "100000100".to_owned(),
        "targetPortalId" => "3".to_owned(),
        "instance" | "targetInstance" => format!("{INSTANCE:?}"),
        "oldInstance" => format!("{:?}", Uuid::max().to_string()),
        other => panic!("the table names a new field {other}"),
    };
    let (channel, map, instance) = (2, 100_000_000, instance());
    for (kind, fields) in spec::types(spec::PET_KAFKA, HEADING) {
        let fields: Vec<_> =
            fields.iter().map(|field| format!("{field:?}:{}", value(field))).collect();
        let expected = match kind {
            "LOGIN" => StatusChange::Login { channel, map, instance },
            "LOGOUT" => StatusChange::Logout,
            "MAP_CHANGED" => StatusChange::MapChanged { channel, map, instance, target: None },
            "CHANNEL_CHANGED" => StatusChange::ChannelChanged { channel, map, instance },
            "DELETED" => StatusChange::Deleted,
            other => panic!("the table names a new type {other}"),
        };
        let change = change_of(kind, &format!("{{{}}}", fields.join(",")));
        assert_eq!(change, Ok(Some(expected)));
    }
}

#[test]
fn the_envelope_names_transaction_world_and_character() {
    let at = DateTime::from_timestamp_millis(1_705_314_600_123).unwrap();
    let status = Status {
        transaction: TRANSACTION.parse().unwrap(),
        world: 0,
        at,
        change: StatusChange::Logout,
    };
    let decoded = decode(record("LOGOUT", "{}").as_bytes(), at);
    assert_eq!(decoded, Ok(Some((CharacterId(12_345), status))));
}

#[test]
fn the_other_types_of_the_topic_are_ignored_whatever_their_body() {
    for kind in ["CREATED", "JOB_CHANGED", "STAT_CHANGED", "login", ""] {
        for body in [r#"{"channelId":"x"}"#, r#""text""#, "null", "[1]"] {
            assert_eq!(read(&record(kind, body)), Ok(None), "{kind} {body}");
        }
    }
}

#[test]
fn a_target_position_counts_only_when_the_record_says_so() {
    let target = |extra: &str| {
        let body = format!(r#"{{"channelId":1,"targetMapId":2,{extra}}}"#);
        match change_of("MAP_CHANGED", &body) {
            Ok(Some(StatusChange::MapChanged { target, .. })) => target,
            other => panic!("{other:?}"),
        }
    };
    let at = r#""targetX":-5,"targetY":7"#;
    assert_eq!(target(&format!(r#""useTargetPosition":true,{at}"#)), Some((-5, 7)));
    assert_eq!(target(&format!(r#""useTargetPosition":false,{at}"#)), None);
    assert_eq!(target(at), None);
    assert_eq!(target(r#""useTargetPosition":true"#), Some((0, 0)));
}

#[test]
fn a_missing_instance_and_transaction_are_nil() {
    let text = r#"{"worldId":1,"characterId":2,"type":"LOGIN","body":{"channelId":3,"mapId":4}}"#;
    let (_, status) = read(text).unwrap().unwrap();
    assert_eq!(status.transaction, Uuid::nil());
    let expected = StatusChange::Login { channel: 3, map: 4, instance: Uuid::nil() };
    assert_eq!(status.change, expected);
}

#[test]
fn a_logout_with_a_bad_location_still_logs_out() {
    assert_eq!(change_of("LOGOUT", r#"{"channelId":300}"#), Ok(Some(StatusChange::Logout)));
    assert_eq!(change_of("LOGOUT", "null"), Ok(Some(StatusChange::Logout)));
}

#[test]
fn a_record_outside_its_types_is_malformed() {
    let login = r#"{"channelId":1,"mapId":2}"#;
    for (kind, body) in [
        ("LOGIN", "null"),
        ("LOGIN", r#"{"mapId":2}"#),
        ("LOGIN", r#"{"channelId":1}"#),
        ("LOGIN", r#"{"channelId":256,"mapId":2}"#),
        ("LOGIN", r#"{"channelId":1,"mapId":4294967296}"#),
        ("LOGIN", r#"{"channelId":1,"mapId":2,"instance":"here"}"#),
        ("LOGIN", "[1,2,null]"),
        ("MAP_CHANGED", r#"{"channelId":1,"mapId":2}"#),
        ("MAP_CHANGED", r#"{"channelId":1,"targetMapId":2,"targetX":40000}"#),
        ("MAP_CHANGED", r#"{"channelId":1,"targetMapId":2,"useTargetPosition":1}"#),
        ("CHANNEL_CHANGED", r#"{"mapId":2}"#),
        ("DELETED", "[]"),
    ] {
        let refused = read(&record(kind, body)).unwrap_err();
        assert_eq!(refused.reason(), "malformed", "{kind} {body}");
    }
    let good = record("LOGIN", login);
    assert!(read(&good).is_ok());
    for (from, to) in [
        (r#""worldId": 0"#, r#""worldId": 256"#),
        (r#""characterId": 12345,"#, ""),
        (r#""characterId": 12345"#, r#""characterId": -1"#),
        (TRANSACTION, "session"),
        (r#""type": "LOGIN","#, ""),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        assert_eq!(read(&bad).unwrap_err().reason(), "malformed", "{bad}");
    }
    let foreign =
        good.replace("LOGIN", "STAT_CHANGED").replace(r#""worldId": 0"#, r#""worldId": -1"#);
    assert_eq!(read(&foreign), Ok(None), "not ours to refuse");
    for text in ["", "[]", &format!("{good}]")] {
        assert_eq!(read(text).unwrap_err().reason(), "malformed", "{text}");
    }
}

#[test]
fn the_encoder_writes_the_envelope_in_the_order_of_the_specification() {
    let status = Status {
        transaction: Uuid::nil(),
        world: 0,
        at: DateTime::UNIX_EPOCH,
        change: StatusChange::Deleted,
    };
    let text = String::from_utf8(encode(CharacterId(1), &status)).unwrap();
    assert_eq!(spec::keys(&text), spec::keys(spec::example(spec::PET_KAFKA, HEADING)));
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same((character, status) in strategies::status()) {
        let bytes = encode(character, &status);
        prop_assert!(StatusChange::NAMES.contains(&status.change.name()));
        prop_assert_eq!(decode(&bytes, status.at), Ok(Some((character, status))));
    }

    #[test]
    fn damaged_records_never_panic(
        (character, status) in strategies::status(),
        damage in strategies::damage(),
    ) {
        let _ = decode(&damage.of(encode(character, &status)), status.at);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = decode(&bytes, DateTime::UNIX_EPOCH);
    }
}
