#![allow(clippy::unwrap_used)]

use chrono::TimeZone as _;

use super::*;
use crate::domain::PetId;

const OWNER: CharacterId = CharacterId(7);

fn tom() -> Pet {
    let mut pet = Pet::new(PetId(17), 5_000_017);
    pet.cash_id = u64::MAX;
    pet.name = "Tom \"T\"".into();
    pet.slot = 1;
    pet.expiration = Some(Utc.with_ymd_and_hms(2026, 4, 1, 2, 3, 4).unwrap());
    pet.excludes = [2_000_000, 1].into();
    pet.purchase_by = 5;
    pet
}

#[test]
fn a_pet_is_written_in_the_order_of_the_specification() {
    let position = Position { x: -3, y: 40, stance: 2, fh: 9 };
    let data = Resource::new(OWNER, tom(), Some(position));
    let expected = concat!(
        r#"{"data":{"type":"pets","id":"17","attributes":{"cashId":18446744073709551615,"#,
        r#""templateId":5000017,"name":"Tom \"T\"","level":1,"closeness":0,"fullness":100,"#,
        r#""expiration":"2026-04-01T02:03:04Z","ownerId":7,"slot":1,"x":-3,"y":40,"stance":2,"#,
        r#""fh":9,"excludes":[{"itemId":2000000},{"itemId":1}],"flag":0,"purchaseBy":5}}}"#
    );
    assert_eq!(serde_json::to_string(&Document { data }).unwrap(), expected);
}

#[test]
fn a_pet_of_unknown_position_stands_on_the_first_foothold_and_may_live_forever() {
    let mut pet = tom();
    pet.expiration = None;
    let data = serde_json::to_value(Resource::new(OWNER, pet, None)).unwrap();
    let attributes = &data["attributes"];
    assert_eq!((&attributes["x"], &attributes["fh"]), (&0.into(), &1.into()));
    assert!(attributes["expiration"].is_null());
}

#[test]
fn a_list_says_which_page_it_is() {
    let page = super::super::page::Request::parse("page[size]=1").unwrap();
    let list = List::new(vec![], 2, page.among(2), "/p");
    let expected = concat!(
        r#"{"data":[],"meta":{"total":2,"page":{"number":1,"size":1,"last":2}},"#,
        r#""links":{"self":"/p?page%5Bnumber%5D=1&page%5Bsize%5D=1","#,
        r#""first":"/p?page%5Bnumber%5D=1&page%5Bsize%5D=1","#,
        r#""last":"/p?page%5Bnumber%5D=2&page%5Bsize%5D=1","prev":null,"#,
        r#""next":"/p?page%5Bnumber%5D=2&page%5Bsize%5D=1"}}"#
    );
    assert_eq!(serde_json::to_string(&list).unwrap(), expected);
}
