#![allow(clippy::unwrap_used)]

use chrono::{TimeDelta, TimeZone as _};
use serde_json::json;

use super::*;
use crate::domain::catalog;

const PATH_OWNER: Option<CharacterId> = Some(CharacterId(7));

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()
}

fn document(attributes: Value) -> Vec<u8> {
    json!({"data": {"type": "pets", "attributes": attributes}}).to_string().into_bytes()
}

fn parse(attributes: Value) -> Result<Creation, Error> {
    Creation::parse(&document(attributes), PATH_OWNER, &Catalog::builtin(), now())
}

/// A pet with the template every pet needs and one more attribute.
fn with(name: &str, value: Value) -> Result<NewPet, Error> {
    let creation = parse(json!({"templateId": 5000017, name: value}))?;
    Ok(creation.pet)
}

fn code<T>(result: Result<T, Error>) -> Code {
    match result {
        Ok(_) => panic!("accepted"),
        Err(error) => error.code,
    }
}

fn renamed(attributes: Value) -> Result<Box<str>, Error> {
    rename(&document(attributes), PetId(17))
}

#[test]
fn a_pet_of_which_nothing_is_said_has_the_defaults() {
    let pet = NewPet {
        id: PetId(0),
        template_id: 5000017,
        cash_id: 0,
        name: "Pet".into(),
        level: 1,
        closeness: 0,
        fullness: 100,
        expiration: Some(Utc.with_ymd_and_hms(2026, 4, 1, 0, 0, 0).unwrap()),
        flag: 0,
        purchase_by: 0,
        excludes: [].into(),
        asset: None,
    };
    let expected = Creation { owner: CharacterId(7), pet };
    assert_eq!(parse(json!({"templateId": 5000017})).unwrap(), expected);
}

#[test]
fn a_pet_lives_as_long_as_its_template_says() {
    let pets = "[[pet]]\ntemplate_id = 5000017\nname = \"Kitty\"\nhunger = 6\nlife_days = 30\n";
    let catalog = Catalog::parse(pets, catalog::MAPS, catalog::CHARACTERS).unwrap();
    let expiration = |template: u32| {
        let body = document(json!({"templateId": template}));
        Creation::parse(&body, PATH_OWNER, &catalog, now()).unwrap().pet.expiration.unwrap()
    };
    assert_eq!(expiration(5_000_017) - now(), TimeDelta::days(30));
    assert_eq!(expiration(5_000_018) - now(), TimeDelta::days(90), "not in the catalog");
}

#[test]
fn zero_values_of_a_marshalled_struct_mean_the_defaults() {
    let zeroes = json!({
        "id": 0, "cashId": 0, "templateId": 5000017, "name": "", "level": 0, "closeness": 0,
        "fullness": 0, "expiration": "0001-01-01T00:00:00Z", "ownerId": 0, "slot": 0, "x": 0,
        "y": 0, "stance": 0, "fh": 0, "excludes": null, "flag": 0, "purchaseBy": 0,
    });
    assert_eq!(parse(zeroes).unwrap(), parse(json!({"templateId": 5000017})).unwrap());
}

#[test]
fn everything_that_is_said_is_taken() {
    let body = document(json!({
        "cashId": u64::MAX, "templateId": 5000017, "name": "Mèo con", "level": 30,
        "closeness": 30000, "fullness": 1, "expiration": "2030-02-03T04:05:06.1234567+01:00",
        "ownerId": 9, "excludes": [{"itemId": 2000000}, {"itemId": 1}], "flag": 65535,
        "purchaseBy": 5,
    }));
    let Creation { owner, pet } = Creation::parse(&body, None, &Catalog::builtin(), now()).unwrap();
    assert_eq!(owner, CharacterId(9));
    assert_eq!((pet.cash_id, pet.level, pet.closeness, pet.fullness), (u64::MAX, 30, 30_000, 1));
    assert_eq!((&*pet.name, pet.flag, pet.purchase_by), ("Mèo con", 65_535, 5));
    assert_eq!(*pet.excludes, [2_000_000, 1]);
    assert_eq!(pet.expiration.unwrap().to_rfc3339(), "2030-02-03T03:05:06.123456+00:00");
}

#[test]
fn a_level_no_pet_can_have_is_the_first() {
    for level in [json!(0), json!(31), json!(-4), json!(300), json!(1e30), json!(2.5)] {
        assert_eq!(with("level", level.clone()).unwrap().level, 1, "{level}");
    }
}

#[test]
fn a_value_out_of_its_range_or_type_is_refused() {
    let invalid = [
        ("fullness", json!(101)),
        ("fullness", json!(-1)),
        ("fullness", json!(256)),
        ("closeness", json!(30_001)),
        ("closeness", json!(70_000)),
        ("cashId", json!("17")),
        ("flag", json!(65_536)),
        ("purchaseBy", json!(-1)),
        ("level", json!("1")),
        ("name", json!(17)),
        ("name", json!("fourteen chars")),
        ("name", json!("a\u{0}b")),
        ("name", json!("a\nb")),
        ("expiration", json!("tomorrow")),
        ("expiration", json!("10000-01-01T00:00:00Z")),
        ("expiration", json!("9999-12-31T23:59:59-01:00")),
        ("excludes", json!([1])),
        ("excludes", json!([{"itemId": 1, "x": 1}])),
    ];
    for (name, value) in invalid {
        assert_eq!(code(with(name, value.clone())), Code::InvalidField, "{name} {value}");
    }
}

#[test]
fn a_name_is_counted_in_characters() {
    assert_eq!(
        &*with("name", json!("ゆうべのゆめのねこちゃんだ")).unwrap().name,
        "ゆうべのゆめのねこちゃんだ"
    );
}

#[test]
fn a_pet_without_template_or_owner_is_refused() {
    assert_eq!(code(parse(json!({}))), Code::MissingField);
    assert_eq!(code(parse(json!({"templateId": 0}))), Code::MissingField);
    let ownerless = document(json!({"templateId": 5000017, "ownerId": 0}));
    assert_eq!(
        code(Creation::parse(&ownerless, None, &Catalog::builtin(), now())),
        Code::MissingField
    );
    assert_eq!(
        code(Creation::parse(&ownerless, Some(CharacterId(0)), &Catalog::builtin(), now())),
        Code::MissingField
    );
}

#[test]
fn the_owner_of_the_path_and_of_the_body_are_the_same() {
    assert_eq!(parse(json!({"templateId": 1, "ownerId": 7})).unwrap().owner, CharacterId(7));
    assert_eq!(code(parse(json!({"templateId": 1, "ownerId": 8}))), Code::InvalidField);
}

#[test]
fn a_field_nobody_knows_is_refused_wherever_it_stands() {
    assert_eq!(code(parse(json!({"templateId": 1, "nmae": "Tom"}))), Code::UnknownField);
    for body in [
        r#"{"data":{"type":"pets","attributes":{"templateId":1}},"extra":1}"#,
        r#"{"data":{"type":"pets","attributes":{"templateId":1},"extra":1}}"#,
    ] {
        assert_eq!(
            code(Creation::parse(body.as_bytes(), PATH_OWNER, &Catalog::builtin(), now())),
            Code::UnknownField
        );
    }
}

#[test]
fn what_is_no_document_is_refused() {
    let bodies = [
        ("", Code::InvalidJson),
        ("{", Code::InvalidJson),
        ("{} {}", Code::InvalidJson),
        ("\u{feff}{}", Code::InvalidJson),
        ("[]", Code::InvalidDocument),
        ("null", Code::InvalidDocument),
        ("{}", Code::MissingField),
        (r#"{"data":[]}"#, Code::InvalidDocument),
        (r#"{"data":{"attributes":{}}}"#, Code::MissingField),
        (r#"{"data":{"type":"cats","attributes":{}}}"#, Code::InvalidField),
        (r#"{"data":{"type":"pets"}}"#, Code::MissingField),
        (r#"{"data":{"type":"pets","attributes":1}}"#, Code::InvalidDocument),
    ];
    for (body, expected) in bodies {
        assert_eq!(
            code(Creation::parse(body.as_bytes(), PATH_OWNER, &Catalog::builtin(), now())),
            expected,
            "{body}"
        );
        assert_eq!(code(rename(body.as_bytes(), PetId(1))), expected, "{body}");
    }
}

#[test]
fn a_new_name_is_trimmed_and_counted_in_characters() {
    assert_eq!(&*renamed(json!({"name": "  ねこさん "})).unwrap(), "ねこさん");
    assert_eq!(&*renamed(json!({"name": "twelve chars"})).unwrap(), "twelve chars");
}

#[test]
fn a_new_name_too_short_too_long_or_unprintable_is_refused() {
    for name in ["", "abc", " abc ", "thirteen char", "ab\u{0}cd", "ab\tcd"] {
        assert_eq!(code(renamed(json!({"name": name}))), Code::InvalidField, "{name:?}");
    }
    assert_eq!(code(renamed(json!({}))), Code::MissingField);
    assert_eq!(code(renamed(json!({"name": null}))), Code::MissingField);
}

#[test]
fn nothing_but_the_name_can_be_changed() {
    assert_eq!(code(renamed(json!({"name": "Felix", "level": 30}))), Code::UnknownField);
}

#[test]
fn a_rename_of_another_pet_than_the_paths_is_refused() {
    let about = |id: &str| {
        json!({"data": {"type": "pets", "id": id, "attributes": {"name": "Felix"}}}).to_string()
    };
    for id in ["17", "0", ""] {
        assert!(rename(about(id).as_bytes(), PetId(17)).is_ok(), "{id:?}");
    }
    assert_eq!(code(rename(about("18").as_bytes(), PetId(17))), Code::InvalidField);
}

#[test]
fn attributes_alone_make_a_pet_and_the_owner_is_one_of_them() {
    let body = json!({"templateId": 5000017, "ownerId": 7, "name": "Tom"}).to_string();
    let flat = Creation::of_attributes(body.as_bytes(), &Catalog::builtin(), now()).unwrap();
    assert_eq!(flat, parse(json!({"templateId": 5000017, "name": "Tom"})).unwrap());
    let nested = document(json!({"templateId": 5000017, "ownerId": 7}));
    assert_eq!(
        code(Creation::of_attributes(&nested, &Catalog::builtin(), now())),
        Code::UnknownField
    );
}

#[test]
fn a_pet_is_named_by_number_or_text() {
    for body in [r#"{"petId": 17}"#, r#"{"petId": "17"}"#] {
        assert_eq!(pet(body.as_bytes()).unwrap(), PetId(17), "{body}");
    }
    for (body, expected) in [
        ("{}", Code::MissingField),
        (r#"{"petId": -1}"#, Code::InvalidField),
        (r#"{"petId": 4294967296}"#, Code::InvalidField),
        (r#"{"petId": ""}"#, Code::InvalidField),
        (r#"{"petId": "tom"}"#, Code::InvalidField),
        (r#"{"petId": 17, "name": "Felix"}"#, Code::UnknownField),
        ("", Code::InvalidJson),
        ("[]", Code::InvalidDocument),
    ] {
        assert_eq!(code(pet(body.as_bytes())), expected, "{body}");
    }
}

#[test]
fn a_new_name_stands_beside_the_pet() {
    let body = r#"{"petId": 17, "name": " Felix "}"#;
    assert_eq!(renaming(body.as_bytes()).unwrap(), (PetId(17), "Felix".into()));
    assert_eq!(code(renaming(br#"{"petId": 17, "name": "Tom"}"#)), Code::InvalidField);
}

#[test]
fn a_list_has_the_first_page_unless_another_is_asked_for() {
    let first = (CharacterId(7), page::Request::new(Some(1), Some(250)).unwrap());
    assert_eq!(listing(br#"{"characterId": 7}"#).unwrap(), first);
    let second = (CharacterId(7), page::Request::new(Some(2), Some(5)).unwrap());
    let body = br#"{"characterId": 7, "page": {"number": 2, "size": 5}}"#;
    assert_eq!(listing(body).unwrap(), second);
    for body in [r#"{"number": 0}"#, r#"{"size": 0}"#, r#"{"size": 251}"#] {
        let body = format!(r#"{{"characterId": 7, "page": {body}}}"#);
        assert_eq!(code(listing(body.as_bytes())), Code::InvalidPage, "{body}");
    }
}
