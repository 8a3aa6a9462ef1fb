#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::domain::pet::DespawnReason;
use crate::domain::{CharacterId, PetId};
use crate::wire::kafka::Refused;
use crate::wire::{spec, strategies};

const HEADING: &str = "### Pet Status Event (Produced)";

fn encoded(body: Body) -> String {
    let mut out = Vec::new();
    encode(&Event { pet: PetId(1), owner: CharacterId(12_345), body }, &mut out);
    String::from_utf8(out).unwrap()
}

/// One event of each type, in the order of the specification's table.
fn one_of_each() -> Vec<Body> {
    let (template_id, name): (_, Box<str>) = (5_000_017, "Kitty".into());
    let (slot, level, closeness, fullness) = (0, 4, 6, 100);
    vec![
        Body::Created,
        Body::Deleted,
        Body::Spawned {
            template_id,
            name: name.clone(),
            slot,
            level,
            closeness,
            fullness,
            x: -10,
            y: 20,
            stance: 2,
            fh: 1,
        },
        Body::Despawned {
            template_id,
            name,
            slot: -1,
            level,
            closeness,
            fullness,
            old_slot: 2,
            reason: DespawnReason::Hunger,
        },
        Body::CommandResponse { slot, closeness, fullness, command: 3, success: true },
        Body::ClosenessChanged { slot, closeness, amount: 6, transaction: Uuid::nil() },
        Body::FullnessChanged { slot, fullness, amount: -6 },
        Body::LevelChanged { slot, level, amount: 3 },
        Body::SlotChanged { old_slot: -1, new_slot: 0 },
        Body::ExcludeChanged { items: [2_000_000, 2_000_001].into() },
    ]
}

#[test]
fn every_event_has_the_envelope_and_the_fields_of_the_specification_in_its_order() {
    #[derive(serde::Deserialize)]
    struct Parts<'a> {
        #[serde(borrow)]
        body: &'a RawValue,
    }

    let envelope = spec::keys(spec::example(spec::PET_KAFKA, HEADING));
    let table = spec::types(spec::PET_KAFKA, HEADING);
    let bodies = one_of_each();
    assert_eq!(bodies.len(), table.len());
    for (body, (kind, fields)) in bodies.into_iter().zip(table) {
        assert_eq!(body.name(), kind);
        let text = encoded(body);
        assert_eq!(spec::keys(&text), envelope);
        let Parts { body } = serde_json::from_str(&text).unwrap();
        assert_eq!(spec::keys(body.get()), fields, "{kind}");
    }
}

#[test]
fn an_event_is_written_as_one_compact_line() {
    let transaction = "6F1C1C4E-6F2B-4B7E-9D55-0C2F5A9B7C11".parse().unwrap();
    assert_eq!(
        encoded(Body::ClosenessChanged { slot: -1, closeness: 30_000, amount: -7, transaction }),
        concat!(
            r#"{"petId":1,"ownerId":12345,"type":"CLOSENESS_CHANGED","#,
            r#""body":{"slot":-1,"closeness":30000,"amount":-7,"#,
            r#""transactionId":"6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11"}}"#
        )
    );
    assert_eq!(encoded(Body::Created), r#"{"petId":1,"ownerId":12345,"type":"CREATED","body":{}}"#);
    assert_eq!(
        encoded(Body::ExcludeChanged { items: [].into() }),
        r#"{"petId":1,"ownerId":12345,"type":"EXCLUDE_CHANGED","body":{"items":[]}}"#
    );
}

#[test]
fn a_name_is_escaped() {
    let Some(Body::Spawned {
        template_id, slot, level, closeness, fullness, x, y, stance, fh, ..
    }) = one_of_each().into_iter().nth(2)
    else {
        panic!("the third type is SPAWNED");
    };
    let name = "\"K\\\n\u{1}ж".into();
    let text = encoded(Body::Spawned {
        template_id,
        name,
        slot,
        level,
        closeness,
        fullness,
        x,
        y,
        stance,
        fh,
    });
    assert!(text.contains(r#""name":"\"K\\\n\u0001ж","slot""#), "{text}");
}

#[test]
fn an_event_is_appended_to_what_is_there() {
    let mut out = b"before".to_vec();
    encode(&Event { pet: PetId(1), owner: CharacterId(2), body: Body::Created }, &mut out);
    assert!(out.starts_with(b"before{"));
}

#[test]
fn an_unknown_type_or_reason_is_refused() {
    let unknown = encoded(Body::Created).replace("CREATED", "EVOLVED");
    assert_eq!(decode(unknown.as_bytes()), Err(Refused::UnknownType("EVOLVED".into())));
    let despawned = encoded(one_of_each().swap_remove(3)).replace("HUNGER", "BORED");
    assert_eq!(decode(despawned.as_bytes()).unwrap_err().reason(), "malformed");
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(event in strategies::pet_event()) {
        let mut out = Vec::new();
        encode(&event, &mut out);
        prop_assert_eq!(decode(&out), Ok(event));
    }

    #[test]
    fn damaged_records_never_panic(
        event in strategies::pet_event(),
        damage in strategies::damage(),
    ) {
        let mut out = Vec::new();
        encode(&event, &mut out);
        let _ = decode(&damage.of(out));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = decode(&bytes);
    }
}
