#![allow(clippy::unwrap_used)]

use crate::domain::Catalog;
use crate::domain::catalog::{CHARACTERS, ParseError};

const PET: &str = "[[pet]]
template_id = 5000017
name = \"Brown Kitty\"
hunger = 6
life_days = 90
[[pet.skill]]
command = 0
increase = 2
probability = 50
";

const MAP: &str = "[[map]]
id = 100000000
[[map.foothold]]
id = 99
x1 = -500
y1 = 100
x2 = 500
y2 = 100
";

/// With the shipped characters.
fn parse(pets: &str, maps: &str) -> Result<Catalog, ParseError> {
    Catalog::parse(pets, maps, CHARACTERS)
}

fn pets_error(text: &str) -> String {
    parse(text, "").unwrap_err().to_string()
}

fn maps_error(text: &str) -> String {
    parse("", text).unwrap_err().to_string()
}

#[test]
fn the_rules_example_is_read() {
    let catalog = parse(PET, MAP).unwrap();
    assert_eq!(catalog.template(5_000_017).unwrap().hunger, 6);
    assert_eq!(catalog.map(100_000_000).unwrap().footholds().len(), 1);
}

#[test]
fn empty_files_are_no_pets_and_no_maps() {
    let catalog = parse("", "").unwrap();
    assert_eq!((catalog.templates().count(), catalog.maps().count()), (0, 0));
}

#[test]
fn a_pet_needs_no_skill_and_a_map_no_foothold() {
    let pet = PET.split("[[pet.skill]]").next().unwrap();
    let catalog = parse(pet, "[[map]]\nid = 1\n").unwrap();
    assert!(catalog.template(5_000_017).unwrap().skills.is_empty());
    assert!(catalog.map(1).unwrap().footholds().is_empty());
}

#[test]
fn a_percentage_above_a_hundred_is_named_with_its_line() {
    let error = pets_error(&PET.replace("probability = 50", "probability = 101"));
    assert_eq!(error, "pets.toml:9: probability must be 0..=100, not 101");
}

#[test]
fn a_number_too_large_for_its_type_is_named_with_its_range() {
    let error = pets_error(&PET.replace("hunger = 6", "hunger = 300"));
    assert_eq!(error, "pets.toml:4: hunger must be 0..=100, not 300");
    let error = maps_error(&MAP.replace("x2 = 500", "x2 = 40000"));
    assert_eq!(error, "maps.toml:7: x2 must be -32768..=32767, not 40000");
}

#[test]
fn a_negative_number_where_none_can_be_is_refused() {
    let error = pets_error(&PET.replace("increase = 2", "increase = -2"));
    assert_eq!(error, "pets.toml:8: increase must be 0..=65535, not -2");
}

#[test]
fn a_lifetime_of_no_day_is_refused() {
    let error = pets_error(&PET.replace("life_days = 90", "life_days = 0"));
    assert_eq!(error, "pets.toml:5: life_days must be 1..=36500, not 0");
}

#[test]
fn a_template_that_is_no_pet_is_refused() {
    let error = pets_error(&PET.replace("5000017", "5010000"));
    assert_eq!(error, "pets.toml:2: template_id must be 5000000..=5009999, not 5010000");
}

#[test]
fn a_template_given_twice_is_named_where_it_is_repeated() {
    let error = pets_error(&format!("{PET}\n{PET}"));
    assert_eq!(error, "pets.toml:12: template_id 5000017 is given twice");
}

#[test]
fn a_command_given_twice_in_one_template_is_refused() {
    let skill = PET.split_at(PET.find("[[pet.skill]]").unwrap()).1;
    let error = pets_error(&format!("{PET}{skill}"));
    assert_eq!(error, "pets.toml:11: command 0 is given twice");
}

#[test]
fn two_templates_may_have_the_same_command() {
    let other = PET.replace("5000017", "5000018");
    assert_eq!(parse(&format!("{PET}{other}"), "").unwrap().templates().count(), 2);
}

#[test]
fn a_map_given_twice_is_refused() {
    let error = maps_error(&format!("{MAP}{MAP}"));
    assert_eq!(error, "maps.toml:10: id 100000000 is given twice");
}

#[test]
fn a_foothold_given_twice_in_one_map_is_refused() {
    let foothold = MAP.split_at(MAP.find("[[map.foothold]]").unwrap()).1;
    let error = maps_error(&format!("{MAP}{foothold}"));
    assert_eq!(error, "maps.toml:10: id 99 is given twice");
}

#[test]
fn two_maps_may_have_the_same_foothold() {
    let other = MAP.replace("100000000", "100000001");
    assert_eq!(parse("", &format!("{MAP}{other}")).unwrap().maps().count(), 2);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let error = pets_error(&PET.replace("hunger", "hungry"));
    assert!(error.starts_with("pets.toml:4: unknown field `hungry`"), "{error}");
}

#[test]
fn a_missing_key_is_named_with_the_line_of_its_pet() {
    let error = pets_error(&format!("\n{}", PET.replace("hunger = 6\n", "")));
    assert!(error.starts_with("pets.toml:2: missing field `hunger`"), "{error}");
}

#[test]
fn text_that_is_no_toml_is_named_with_its_line() {
    let error = maps_error(&MAP.replace("y1 = 100", "y1 100"));
    assert!(error.starts_with("maps.toml:6: "), "{error}");
}

#[test]
fn a_number_written_as_text_is_refused_with_its_line() {
    let error = maps_error(&MAP.replace("id = 99", "id = \"99\""));
    assert!(error.starts_with("maps.toml:4: "), "{error}");
}
