#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::wire::{spec, strategies};

const HEADING: &str = "### Pet Command (Consumed)";
const TRANSACTION: &str = "6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11";

/// The specification's envelope with a type and a body.
fn record(kind: &str, body: &str) -> String {
    spec::example(spec::PET_KAFKA, HEADING)
        .replace(r#""uuid""#, &format!("{TRANSACTION:?}"))
        .replace(&types().collect::<Vec<_>>().join("|"), kind)
        .replace("{}", body)
}

fn types() -> impl Iterator<Item = &'static str> {
    spec::types(spec::PET_KAFKA, HEADING).into_iter().map(|(kind, _)| kind)
}

fn order_of(kind: &str, body: &str) -> Result<Order, Refused> {
    decode(record(kind, body).as_bytes()).map(|command| command.order)
}

fn malformed(text: &str) -> String {
    match decode(text.as_bytes()) {
        Err(Refused::Malformed(what)) => what,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn every_command_of_the_specification_decodes() {
    let value = |field: &str| match field {
        "lead" | "byName" => "true",
        "commandId" => "3",
        "amount" => "7",
        "items" => "[2000000,2000001]",
        other => panic!("the table names a new field {other}"),
    };
    let orders: Vec<_> = spec::types(spec::PET_KAFKA, HEADING)
        .into_iter()
        .map(|(kind, fields)| {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{field:?}:{}", value(field))).collect();
            let order = order_of(kind, &format!("{{{}}}", fields.join(","))).unwrap();
            assert_eq!(order.name(), kind);
            order
        })
        .collect();
    let expected = [
        Order::Spawn { lead: true },
        Order::Despawn,
        Order::Attempt { command: 3 },
        Order::AwardCloseness { amount: 7 },
        Order::AwardFullness { amount: 7 },
        Order::AwardLevel { amount: 7 },
        Order::Exclude { items: [2_000_000, 2_000_001].into() },
    ];
    assert_eq!(orders, expected);
}

#[test]
fn the_envelope_names_transaction_actor_and_pet() {
    let expected = pet::Command {
        transaction: TRANSACTION.parse().unwrap(),
        actor: CharacterId(12_345),
        pet: PetId(1),
        order: Order::Despawn,
    };
    assert_eq!(decode(record("DESPAWN", "{}").as_bytes()), Ok(expected));
}

#[test]
fn an_absent_or_null_transaction_and_actor_are_nil_and_the_system() {
    for text in [
        r#"{"petId":1,"type":"DESPAWN"}"#,
        r#"{"petId":1,"type":"DESPAWN","transactionId":null,"actorId":null,"body":null}"#,
    ] {
        let command = decode(text.as_bytes()).unwrap();
        assert_eq!((command.transaction, command.actor), (Uuid::nil(), CharacterId(0)), "{text}");
    }
}

#[test]
fn the_type_may_stand_after_the_body_and_be_escaped() {
    let text = r#"{"body":{"amount":5},"type":"AWARD\u005fLEVEL","petId":1}"#;
    assert_eq!(decode(text.as_bytes()).unwrap().order, Order::AwardLevel { amount: 5 });
}

#[test]
fn an_absent_flag_is_false() {
    assert_eq!(order_of("SPAWN", "null"), Ok(Order::Spawn { lead: false }));
    assert_eq!(order_of("SPAWN", "{}"), Ok(Order::Spawn { lead: false }));
    assert_eq!(
        order_of("ATTEMPT_COMMAND", r#"{"commandId":0}"#),
        Ok(Order::Attempt { command: 0 })
    );
}

#[test]
fn unknown_fields_are_skipped() {
    let text = record("DESPAWN", r#"{"reason":[{}]}"#).replacen('{', r#"{"extra":[1,{"a":2}],"#, 1);
    assert_eq!(decode(text.as_bytes()).unwrap().order, Order::Despawn);
}

#[test]
fn excludes_lose_zeros_and_duplicates_and_keep_their_order() {
    let expected = Order::Exclude { items: [7, 5, 9].into() };
    assert_eq!(order_of("EXCLUDE", r#"{"items":[7,0,5,7,9,5]}"#), Ok(expected));
}

#[test]
fn missing_excludes_are_none_at_all() {
    for body in ["null", "{}", r#"{"items":null}"#, r#"{"items":[]}"#] {
        assert_eq!(order_of("EXCLUDE", body), Ok(Order::Exclude { items: [].into() }), "{body}");
    }
}

#[test]
fn at_most_a_thousand_excludes_are_kept() {
    let items: Vec<u32> = (1..=1_500).collect();
    let kept = Order::Exclude { items: items[..1_000].into() };
    assert_eq!(order_of("EXCLUDE", &format!("{{\"items\":{items:?}}}")), Ok(kept));
}

#[test]
fn an_exclude_beyond_the_thousandth_still_has_to_be_an_item_id() {
    let items = "1,".repeat(2_000);
    malformed(&record("EXCLUDE", &format!("{{\"items\":[{items}-1]}}")));
}

#[test]
fn the_limits_of_a_type_are_inside_its_range() {
    assert_eq!(
        order_of("AWARD_CLOSENESS", r#"{"amount":65535}"#),
        Ok(Order::AwardCloseness { amount: u16::MAX })
    );
    assert_eq!(
        order_of("AWARD_FULLNESS", r#"{"amount":255}"#),
        Ok(Order::AwardFullness { amount: u8::MAX })
    );
}

#[test]
fn a_body_outside_its_type_is_malformed() {
    for (kind, body) in [
        ("AWARD_CLOSENESS", r#"{"amount":65536}"#),
        ("AWARD_CLOSENESS", r#"{"amount":-1}"#),
        ("AWARD_CLOSENESS", r#"{"amount":1.0}"#),
        ("AWARD_CLOSENESS", r#"{"amount":"1"}"#),
        ("AWARD_CLOSENESS", r#"{"amount":null}"#),
        ("AWARD_CLOSENESS", r#"{"amount":1,"amount":2}"#),
        ("AWARD_CLOSENESS", "{}"),
        ("AWARD_CLOSENESS", "null"),
        ("AWARD_CLOSENESS", "[1]"),
        ("AWARD_CLOSENESS", r#""1""#),
        ("AWARD_FULLNESS", r#"{"amount":300}"#),
        ("AWARD_LEVEL", r#"{"amount":256}"#),
        ("ATTEMPT_COMMAND", "{}"),
        ("ATTEMPT_COMMAND", r#"{"commandId":256}"#),
        ("ATTEMPT_COMMAND", r#"{"commandId":1,"byName":1}"#),
        ("SPAWN", r#"{"lead":"true"}"#),
        ("DESPAWN", "[]"),
        ("EXCLUDE", r#"{"items":[4294967296]}"#),
        ("EXCLUDE", r#"{"items":[-1]}"#),
        ("EXCLUDE", r#"{"items":{}}"#),
    ] {
        let what = malformed(&record(kind, body));
        assert!(what.starts_with("in body: "), "{kind} {body}: {what}");
    }
}

#[test]
fn an_envelope_outside_its_types_is_malformed() {
    let good = record("DESPAWN", "{}");
    for (from, to) in [
        (r#""petId": 1,"#, ""),
        (r#""petId": 1"#, r#""petId": null"#),
        (r#""petId": 1"#, r#""petId": 4294967296"#),
        (r#""petId": 1"#, r#""petId": 1, "petId": 1"#),
        (r#""actorId": 12345"#, r#""actorId": -1"#),
        (TRANSACTION, "uuid"),
        (TRANSACTION, ""),
        (r#""type": "DESPAWN","#, ""),
        (r#""type": "DESPAWN""#, r#""type": 1"#),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        malformed(&bad);
    }
}

#[test]
fn what_is_no_single_json_object_is_malformed() {
    let good = record("DESPAWN", "{}");
    for text in ["", " ", "null", "1", "{", r#"[null,0,1,"DESPAWN",{}]"#] {
        malformed(text);
    }
    malformed(&format!("{good}x"));
    malformed(&format!("{good}{good}"));
    malformed(&good[..good.len() - 2]);
}

#[test]
fn bytes_that_are_no_text_are_malformed_even_where_they_would_be_skipped() {
    let bytes = b"{\"petId\":1,\"type\":\"DESPAWN\",\"extra\":\"\xff\"}";
    assert_eq!(decode(bytes).unwrap_err().reason(), "malformed");
}

#[test]
fn an_unknown_type_is_refused_before_its_body_is_read() {
    assert_eq!(
        order_of("TELEPORT", r#"{"amount":"x"}"#),
        Err(Refused::UnknownType("TELEPORT".into()))
    );
    assert_eq!(order_of("TELEPORT", "{}").unwrap_err().reason(), "unknown_type");
}

#[test]
fn what_is_kept_of_a_refused_record_is_bounded() {
    let what = malformed(&record("DESPAWN", &format!("{:?}", "x".repeat(10_000))));
    assert!(what.chars().count() <= 200);
}

#[test]
fn deep_nesting_is_malformed_and_takes_no_stack() {
    const DEPTH: usize = 1_000_000;
    let (open, close) = ("[".repeat(DEPTH), "]".repeat(DEPTH));
    let attempt = move || {
        malformed(&open);
        for place in ["petId", "transactionId", "type", "body", "extra"] {
            malformed(&format!(r#"{{"{place}":{open}"#));
        }
        malformed(&format!(r#"{{"petId":1,"type":"DESPAWN","extra":{open}{close}}}"#));
        malformed(&format!(r#"{{"petId":1,"type":"TELEPORT","body":{open}{close}}}"#));
    };
    let small = std::thread::Builder::new().stack_size(128 * 1024);
    small.spawn(attempt).unwrap().join().unwrap();
}

#[test]
fn the_encoder_writes_envelope_and_bodies_in_the_order_of_the_specification() {
    let orders = [
        Order::Spawn { lead: true },
        Order::Despawn,
        Order::Attempt { command: 3 },
        Order::AwardCloseness { amount: 7 },
        Order::AwardFullness { amount: 7 },
        Order::AwardLevel { amount: 7 },
        Order::Exclude { items: [2_000_000].into() },
    ];
    let table = spec::types(spec::PET_KAFKA, HEADING);
    assert_eq!(orders.len(), table.len());
    for (order, (kind, fields)) in orders.into_iter().zip(table) {
        let command =
            pet::Command { transaction: Uuid::nil(), actor: CharacterId(0), pet: PetId(1), order };
        let text = String::from_utf8(encode(&command)).unwrap();
        assert_eq!(spec::keys(&text), spec::keys(spec::example(spec::PET_KAFKA, HEADING)));
        let envelope: Envelope<'_> = super::super::record(text.as_bytes()).unwrap();
        assert_eq!(
            (&*envelope.kind, spec::keys(envelope.body.unwrap().get())),
            (kind, fields.into_iter().map(str::to_owned).collect())
        );
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(command in strategies::command()) {
        let encoded = encode(&command);
        prop_assert!(Order::NAMES.contains(&command.order.name()));
        prop_assert_eq!(with_serde(&encoded), Ok(command.clone()));
        if command.order.is_award() {
            prop_assert_eq!(plain(&encoded), Some(command.clone()));
        }
        prop_assert_eq!(decode(&encoded), Ok(command));
    }

    #[test]
    fn a_damaged_record_is_never_read_as_something_else(
        command in strategies::command(),
        damage in strategies::damage(),
    ) {
        let damaged = damage.of(encode(&command));
        let expected = with_serde(&damaged);
        if let Some(plain) = plain(&damaged) {
            prop_assert_eq!(expected, Ok(plain));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = decode(&bytes);
    }
}
