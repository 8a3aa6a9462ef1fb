//! The limits of `spec/rules.md` section 6: names, slots, numbers, what the catalog knows,
//! points and places.

use serde_json::{Value, json};
use uuid::Uuid;

use super::characters_kit::{creation, place, with};
use super::world::World;

behaviours! {
    in a shared engine:
    a_name_has_3_to_30_characters_of_any_script,
    a_name_is_had_once_without_regard_to_case,
    a_deleted_character_keeps_its_name_until_it_is_purged,
    reserved_names_are_refused,
    a_new_character_gets_the_lowest_free_slot,
    a_slot_is_had_once_and_lies_within_the_range,
    a_restoration_into_a_taken_slot_names_another,
    a_number_is_had_once,
    numbers_are_drawn_to_nearly_the_last,
    what_the_catalog_does_not_know_is_refused,
    an_appearance_has_the_values_of_the_catalog,
    points_are_allocated_all_or_not_at_all,
    a_place_is_a_finite_one_within_the_limits,
    an_amount_of_experience_is_a_whole_number_from_1_on,
}

async fn a_name_has_3_to_30_characters_of_any_script(world: World) {
    let (x30, x31) = ("x".repeat(30), "x".repeat(31));
    let wide = "猫".repeat(30);
    for name in ["abc", &*x30, &*wide, "Jean-Luc O'Neill 7", "Ёлка", "小さな猫"] {
        let reply = world.post("", creation(Uuid::new_v4(), name)).await;
        assert_eq!(reply.with(201)["name"], json!(name));
    }
    // NFC: one character less than it was written with.
    let composed = world.post("", creation(Uuid::new_v4(), "Rene\u{301}e")).await.with(201);
    assert_eq!(composed["name"], "Ren\u{e9}e");
    let hero = composed["character_id"].as_str().unwrap();
    let unfit = ["", "  ", "ab", " ab ", &*x31, "a  b", "a_b", "a\tb", "nul\0", "<b>c", "cat 😀"];
    for name in unfit {
        let refused = world.post("", creation(Uuid::new_v4(), name)).await;
        refused.refused(422, "invalid_name");
        let refused = world.patch(&format!("/{hero}"), json!({ "name": name })).await;
        refused.refused(422, "invalid_name");
    }
}

async fn a_name_is_had_once_without_regard_to_case(world: World) {
    let straße = world.hero(Uuid::new_v4(), "Straße").await;
    let other = world.hero(Uuid::new_v4(), "Ren\u{e9}e").await;
    for name in ["STRASSE", "straße", " Strasse ", "rene\u{301}e"] {
        let refused = world.post("", creation(Uuid::new_v4(), name)).await;
        refused.refused(409, "name_taken");
    }
    let refused = world.patch(&other.path(""), json!({ "name": "strasse" })).await;
    refused.refused(409, "name_taken");
    world.patch(&straße.path(""), json!({ "name": "STRASSE" })).await.ok();
    // Another tenant has names of its own.
    let stranger = World::of(Uuid::new_v4(), &world.engine);
    stranger.hero(Uuid::new_v4(), "Strasse").await;
}

async fn a_deleted_character_keeps_its_name_until_it_is_purged(world: World) {
    let user = Uuid::new_v4();
    let hero = world.hero(user, "Ann").await;
    world.delete(&hero.path("")).await.ok();
    world.post("", creation(user, "ANN")).await.refused(409, "name_taken");
    let other = world.post("", creation(user, "Bob")).await.with(201);
    let other = format!("/{}", other["character_id"].as_str().unwrap());
    world.patch(&other, json!({ "name": "ann" })).await.refused(409, "name_taken");
    world.delete(&hero.path("/permanent")).await;
    world.patch(&other, json!({ "name": "ann" })).await.ok();
}

async fn reserved_names_are_refused(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    for name in ["admin", "GameMaster", " SYSTEM ", "character-12", "Character-7"] {
        let refused = world.post("", creation(Uuid::new_v4(), name)).await;
        refused.refused(422, "name_reserved");
        world.patch(&hero.path(""), json!({ "name": name })).await.refused(422, "name_reserved");
    }
    world.post("", creation(Uuid::new_v4(), "Admins")).await.with(201);
}

async fn a_new_character_gets_the_lowest_free_slot(world: World) {
    let user = Uuid::new_v4();
    let create = async |name: &str| world.post("", creation(user, name)).await;
    let third = with(creation(user, "Third"), json!({ "slot_number": 3 }));
    world.post("", third).await.with(201);
    let mut ids = Vec::new();
    for (name, slot) in [("First", 1), ("Second", 2), ("Fourth", 4), ("Fifth", 5)] {
        let document = create(name).await.with(201);
        assert_eq!(document["slot_number"], slot);
        ids.push(document["character_id"].as_str().unwrap().to_owned());
    }
    create("Sixth").await.refused(409, "slots_full");
    world.delete(&format!("/{}", ids[1])).await.ok();
    assert_eq!(create("Sixth").await.with(201)["slot_number"], 2, "the deletion frees it");
    create("Seventh").await.refused(409, "slots_full");
    // Another user has slots of its own.
    world.post("", creation(Uuid::new_v4(), "Seventh")).await.with(201);
}

async fn a_slot_is_had_once_and_lies_within_the_range(world: World) {
    let user = Uuid::new_v4();
    let create = async |name: &str, slot: Value| {
        let asked = with(creation(user, name), json!({ "slot_number": slot }));
        world.post("", asked).await
    };
    create("One", json!(5)).await.with(201);
    create("Two", json!(5)).await.refused(409, "slot_occupied");
    for slot in [0, 6, 255] {
        create("Two", json!(slot)).await.refused(422, "unknown_slot");
    }
    for slot in [json!(256), json!(-1), json!(1.5), json!("1"), json!([1])] {
        create("Two", slot).await.refused(422, "invalid_field");
    }
    assert_eq!(create("Two", Value::Null).await.with(201)["slot_number"], 1);
}

async fn a_restoration_into_a_taken_slot_names_another(world: World) {
    let user = Uuid::new_v4();
    let hero = world.hero(user, "One").await;
    world.delete(&hero.path("")).await.ok();
    assert_eq!(world.subjects(1).await, ["character.deleted"]);
    let heir = world.hero(user, "Two").await;
    assert_eq!(world.document(&heir).await["slot_number"], 1);
    let restore = async |slot: Value| {
        world.post(&hero.path("/restore"), json!({ "slot_number": slot })).await
    };
    restore(Value::Null).await.refused(409, "slot_occupied");
    restore(json!(1)).await.refused(409, "slot_occupied");
    restore(json!(6)).await.refused(422, "unknown_slot");
    restore(json!("2")).await.refused(422, "invalid_field");
    assert!(world.document(&hero).await["deleted_at"].is_string());
    assert_eq!(restore(json!(2)).await.ok()["slot_number"], 2);
    assert_eq!(world.subjects(1).await, ["character.restored"]);
}

async fn a_number_is_had_once(world: World) {
    let create = async |name: &str, number: Value| {
        let asked = with(creation(Uuid::new_v4(), name), json!({ "number": number }));
        world.post("", asked).await
    };
    create("One", json!(777)).await.with(201);
    create("Two", json!(777)).await.refused(409, "number_taken");
    // First seen on Kafka: taken as well.
    world.heard(1).await;
    world.login(900).await;
    create("Two", json!(900)).await.refused(409, "number_taken");
    for number in [json!(0), json!(-1), json!(4_294_967_296_u64), json!("7")] {
        create("Two", number).await.refused(422, "invalid_field");
    }
    // Drawn ones pass by all that were seen, however that was.
    let draw = async |name: &str, greatest: u64| {
        let drawn = create(name, Value::Null).await.with(201)["number"].as_u64().unwrap();
        assert!(drawn > greatest, "{drawn} after {greatest}");
        world.heard(1).await;
        drawn
    };
    let drawn = draw("Two", 900).await;
    create("Three", json!(drawn + 10)).await.with(201);
    world.heard(1).await;
    let drawn = draw("Four", drawn + 10).await;
    world.login(u32::try_from(drawn + 10).unwrap()).await;
    let drawn = draw("Five", drawn + 10).await;
    world.pet(u32::try_from(drawn + 10).unwrap()).await;
    let drawn = draw("Six", drawn + 10).await;
    // Seen, and gone again.
    let gone = u32::try_from(drawn + 1_000).unwrap();
    world.login(gone).await;
    world.status(gone, "DELETED", json!({}));
    world.heard(2).await;
    let drawn = draw("Seven", u64::from(gone)).await;
    let drawn = draw("Eight", drawn).await;
    assert_eq!(drawn, u64::from(gone) + 2);
    // None is above this one.
    create("Nine", json!(u32::MAX)).await.with(201);
    world.heard(1).await;
    assert_eq!(draw("Ten", drawn).await, drawn + 1);
}

async fn numbers_are_drawn_to_nearly_the_last(world: World) {
    // Until so many are reserved together that above the next one there are not as many.
    for number in 0..65 {
        world.hero(Uuid::new_v4(), &format!("Hero {number}")).await;
    }
    let greatest = u32::MAX - 101;
    let asked = with(creation(Uuid::new_v4(), "High"), json!({ "number": greatest }));
    world.post("", asked).await.with(201);
    for number in 1..=64 {
        let asked = creation(Uuid::new_v4(), &format!("Higher {number}"));
        assert_eq!(world.post("", asked).await.with(201)["number"], greatest + number);
    }
}

async fn what_the_catalog_does_not_know_is_refused(world: World) {
    let user = Uuid::new_v4();
    for (field, code) in
        [("class_type", "unknown_class"), ("race", "unknown_race"), ("gender", "unknown_gender")]
    {
        let asked = with(creation(user, "Ann"), json!({ field: "Warrior" }));
        world.post("", asked).await.refused(422, code);
    }
    let hero = world.hero(user, "Ann").await;
    let stats = world.post(&hero.path("/stats/allocate"), json!({ "luck": 1 })).await;
    stats.refused(422, "unknown_stat");
    for movement in ["moonwalk", "WALK", "walk "] {
        let asked = with(place(1.0), json!({ "movement_type": movement }));
        world.put(&hero.path("/position"), asked).await.refused(422, "unknown_movement_type");
    }
    let known = [
        "walk",
        "run",
        "jump",
        "swim",
        "fly",
        "mount",
        "teleport",
        "knockback",
        "map_change",
        "channel_change",
    ];
    for movement in known {
        let asked = with(place(1.0), json!({ "movement_type": movement }));
        world.put(&hero.path("/position"), asked).await.ok();
    }
    let classes = ["warrior", "mage", "rogue", "priest", "ranger", "paladin", "warlock", "druid"];
    for (number, class) in classes.into_iter().enumerate() {
        let user = Uuid::new_v4();
        let asked = with(creation(user, &format!("Hero {number}")), json!({ "class_type": class }));
        let document = world.post("", asked).await.with(201);
        assert_eq!(document["stats"].as_object().unwrap().len(), 5, "{class}");
    }
}

async fn an_appearance_has_the_values_of_the_catalog(world: World) {
    let user = Uuid::new_v4();
    let hero = world.hero(user, "Ann").await;
    let before = world.document(&hero).await;
    let unknown = json!({ "wings": 2 });
    let out_of_range = [
        json!({ "hair_style": 64 }),
        json!({ "height": 89 }),
        json!({ "hair_style": -1 }),
        json!({ "hair_color": 7 }),
        json!({ "hair_style": "#000000" }),
        // The first is right: all or nothing.
        json!({ "face_type": 1, "hair_style": 64 }),
    ];
    let unfit = [
        json!({ "hair_color": "#12345" }),
        json!({ "hair_color": "#12345g" }),
        json!({ "hair_color": "red" }),
        json!({ "hair_style": 1.5 }),
        json!({ "hair_style": null }),
        json!({ "hair_style": true }),
    ];
    let refusals = [(unknown, "unknown_appearance")]
        .into_iter()
        .chain(out_of_range.map(|asked| (asked, "invalid_appearance")))
        .chain(unfit.map(|asked| (asked, "invalid_field")));
    for (asked, code) in refusals {
        world.put(&hero.path("/appearance"), asked.clone()).await.refused(422, code);
        let asked = with(creation(user, "Bob"), json!({ "appearance": asked }));
        world.post("", asked).await.refused(422, code);
    }
    assert_eq!(world.document(&hero).await, before);
}

async fn points_are_allocated_all_or_not_at_all(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    world.post(&hero.path("/experience"), json!({ "amount": 100 })).await.ok();
    world.heard(1).await;
    let allocate = async |points: Value| world.post(&hero.path("/stats/allocate"), points).await;
    let before = world.document(&hero).await;
    for (points, code) in [
        (json!({ "strength": 6 }), "not_enough_points"),
        (json!({ "strength": 3, "wisdom": 3 }), "not_enough_points"),
        (json!({ "strength": u32::MAX, "wisdom": u32::MAX }), "not_enough_points"),
        (json!({ "strength": 4_294_967_296_u64, "wisdom": 1 }), "not_enough_points"),
        (json!({ "strength": u64::MAX, "wisdom": 1 }), "not_enough_points"),
    ] {
        allocate(points).await.refused(409, code);
    }
    allocate(json!({ "strength": 1, "luck": 1 })).await.refused(422, "unknown_stat");
    for points in [json!(0), json!(-1), json!(1.5), json!("1")] {
        allocate(json!({ "wisdom": 1, "strength": points })).await.refused(422, "invalid_field");
    }
    allocate(json!({})).await.refused(422, "missing_field");
    assert_eq!(world.document(&hero).await, before);
    assert_eq!(allocate(json!({ "strength": 2, "wisdom": 3 })).await.ok()["stat_points"], 0);
    allocate(json!({ "strength": 1 })).await.refused(409, "not_enough_points");
    let heard = world.heard(1).await;
    assert_eq!(heard[0].body["changes"], json!({ "strength": 2, "wisdom": 3 }));
    world.nothing_until_a_move_of(&hero).await;
}

async fn a_place_is_a_finite_one_within_the_limits(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/position");
    for axis in ["position_x", "position_y", "position_z"] {
        for far in [json!(10_000_000.1), json!(-10_000_001), json!(1e300), json!("1"), json!(null)]
        {
            let asked = with(place(1.0), json!({ axis: far }));
            let code = if far.is_null() { "missing_field" } else { "invalid_field" };
            world.put(&path, asked).await.refused(422, code);
        }
        for edge in [json!(1e7), json!(-1e7), json!(0), json!(-10_000_000)] {
            world.put(&path, with(place(1.0), json!({ axis: edge }))).await.ok();
        }
    }
    world.heard(12).await;
    let text = place(1.0).to_string();
    // JSON by its grammar, and no number that can be had.
    let huge = text.replace("200.0", "1e999");
    let send = async |body: String| {
        super::characters_kit::Reply::to(world.about(reqwest::Method::PUT, &path).body(body)).await
    };
    send(huge).await.refused(422, "invalid_field");
    for no_json in ["NaN", "Infinity", "-Infinity", "+1", "0x10", "1e"] {
        send(text.replace("200.0", no_json)).await.refused(400, "invalid_json");
    }
    world.nothing_until_a_move_of(&hero).await;
}

async fn an_amount_of_experience_is_a_whole_number_from_1_on(world: World) {
    let hero = world.hero(Uuid::new_v4(), "Ann").await;
    let path = hero.path("/experience");
    for amount in [json!(0), json!(-1), json!(0.5), json!("9"), json!([])] {
        world.post(&path, json!({ "amount": amount })).await.refused(422, "invalid_field");
    }
    world.post(&path, json!({ "reason": "quest" })).await.refused(422, "missing_field");
    assert_eq!(world.document(&hero).await["experience"], 0);
}
