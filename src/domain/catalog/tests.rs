#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_shipped_catalog_has_the_rules_example_and_more() {
    let catalog = Catalog::builtin();
    let kitty = catalog.template(5_000_017).unwrap();
    assert_eq!((kitty.name.as_str(), kitty.hunger, kitty.life_days), ("Brown Kitty", 6, 90));
    assert_eq!(kitty.skill(0), Some(Skill { command: 0, increase: 2, probability: 50 }));
    assert_eq!(catalog.map(100_000_000).unwrap().foothold_below(0, 0), Some(99));
    assert!(catalog.templates().count() >= 10);
    assert!(catalog.maps().count() >= 3);
}

#[test]
fn every_shipped_template_is_a_pet() {
    assert!(Catalog::builtin().templates().all(|template| is_pet(template.id)));
}

#[test]
fn a_template_has_no_other_skills_than_its_own() {
    assert_eq!(Catalog::builtin().template(5_000_017).unwrap().skill(200), None);
}

#[test]
fn only_items_of_the_pet_classification_are_pets() {
    assert!(is_pet(5_000_000));
    assert!(is_pet(5_009_999));
    assert!(!is_pet(5_010_000));
    assert!(!is_pet(4_999_999));
    assert!(!is_pet(500));
    assert!(!is_pet(50_000_000));
}
