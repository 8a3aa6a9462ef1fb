use std::sync::Arc;

use super::*;
use crate::domain::testing::{OWNER, Scene, kitty, tenant};

#[test]
fn restored_pets_are_found_by_id_whatever_their_order() {
    let scene = Scene::with([kitty(9), kitty(2), kitty(5)]);
    let ids: Vec<_> = scene.owner.pets().iter().map(|pet| pet.id.0).collect();
    assert_eq!(ids, [2, 5, 9]);
    assert_eq!(scene.pet(5).id, PetId(5));
    assert_eq!(scene.owner.pet(PetId(4)), None);
}

#[test]
fn an_owner_never_seen_has_no_character_and_is_offline() {
    let owner = Owner::new(tenant(), OWNER);
    assert_eq!(owner.character(), None);
    assert_eq!(owner.session(), None);
    assert!(!owner.is_online());
    assert_eq!(owner.key(), CharacterKey { tenant: tenant().id, character: OWNER });
}

#[test]
fn the_latest_headers_of_the_tenant_are_kept() {
    let mut owner = Owner::new(tenant(), OWNER);
    let newer = Arc::new(Tenant { major: 95, ..(*tenant()).clone() });
    owner.set_tenant(newer.clone());
    assert_eq!(owner.tenant(), &newer);
}
