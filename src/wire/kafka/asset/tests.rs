#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::wire::{spec, strategies};

const HEADING: &str = "### Asset Status Event (Consumed)";

fn record(kind: &str, body: &str) -> String {
    spec::example(spec::PET_KAFKA, HEADING)
        .replace(r#""uuid""#, r#""6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11""#)
        .replace("DELETED", kind)
        .replace("{}", body)
}

fn read(text: &str) -> Result<Option<(CharacterId, Asset)>, Refused> {
    decode(text.as_bytes())
}

fn change_of(kind: &str, body: &str) -> Result<Option<AssetChange>, Refused> {
    Ok(read(&record(kind, body))?.map(|(_, asset)| asset.change))
}

#[test]
fn the_example_of_the_specification_decodes() {
    let expected =
        Asset { asset: 1, template_id: 5_000_017, slot: 15, change: AssetChange::Deleted };
    assert_eq!(read(&record("DELETED", "{}")), Ok(Some((CharacterId(12_345), expected))));
    assert_eq!(change_of("DELETED", "null"), Ok(Some(AssetChange::Deleted)));
}

#[test]
fn three_types_record_which_pet_an_item_stands_for() {
    for name in ["CREATED", "UPDATED", "ACCEPTED"] {
        let expected = AssetChange::Recorded { name, pet: PetId(17) };
        assert_eq!(change_of(name, r#"{"petId":17,"quantity":1}"#), Ok(Some(expected)));
        assert_eq!(expected.name(), name);
    }
}

#[test]
fn a_record_without_a_pet_is_ignored() {
    for body in ["null", "{}", r#"{"petId":0}"#, r#"{"petId":null}"#] {
        assert_eq!(read(&record("CREATED", body)), Ok(None), "{body}");
    }
}

#[test]
fn a_move_keeps_both_slots() {
    assert_eq!(
        change_of("MOVED", r#"{"oldSlot":-3}"#),
        Ok(Some(AssetChange::Moved { old_slot: Some(-3) }))
    );
    assert_eq!(change_of("MOVED", "{}"), Ok(Some(AssetChange::Moved { old_slot: None })));
}

#[test]
fn other_types_are_ignored_whatever_their_body() {
    assert_eq!(read(&record("QUANTITY_CHANGED", r#""text""#)), Ok(None));
}

#[test]
fn only_the_pet_classification_is_a_pet_item() {
    for (template_id, is_pet) in [
        (4_999_999, false),
        (5_000_000, true),
        (5_009_999, true),
        (5_010_000, false),
        (2_000_000, false),
        (0, false),
        (u32::MAX, false),
    ] {
        let text = record("DELETED", "{}").replace("5000017", &template_id.to_string());
        assert_eq!(read(&text).unwrap().is_some(), is_pet, "{template_id}");
    }
}

#[test]
fn of_another_item_the_body_is_not_read() {
    let text = record("CREATED", r#"{"petId":"x"}"#);
    assert_eq!(read(&text).unwrap_err().reason(), "malformed");
    assert_eq!(read(&text.replace("5000017", "2000000")), Ok(None));
}

#[test]
fn a_record_outside_its_types_is_malformed() {
    for (kind, body) in [
        ("CREATED", r#"{"petId":-1}"#),
        ("UPDATED", r#"{"petId":4294967296}"#),
        ("ACCEPTED", "[17]"),
        ("MOVED", r#"{"oldSlot":32768}"#),
        ("DELETED", "1"),
    ] {
        let refused = read(&record(kind, body)).unwrap_err();
        assert_eq!(refused.reason(), "malformed", "{kind} {body}");
    }
    let good = record("DELETED", "{}");
    for (from, to) in [
        (r#""characterId": 12345,"#, ""),
        (r#""assetId": 1,"#, ""),
        (r#""slot": 15,"#, ""),
        (r#""templateId": 5000017,"#, ""),
        (r#""slot": 15"#, r#""slot": 32768"#),
        (r#""assetId": 1"#, r#""assetId": -1"#),
        (r#""type": "DELETED","#, ""),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good, "{from}");
        assert_eq!(read(&bad).unwrap_err().reason(), "malformed", "{bad}");
    }
    for text in ["", "[]", &format!("{good}]")] {
        assert_eq!(read(text).unwrap_err().reason(), "malformed", "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same((character, asset) in strategies::asset()) {
        let bytes = encode(character, &asset);
        prop_assert_eq!(decode(&bytes), Ok(Some((character, asset))));
    }

    #[test]
    fn damaged_records_never_panic(
        (character, asset) in strategies::asset(),
        damage in strategies::damage(),
    ) {
        let _ = decode(&damage.of(encode(character, &asset)));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = decode(&bytes);
    }
}
