use chrono::TimeDelta;
use uuid::Uuid;

use crate::domain::character::request::{Creation, Patch, Request};
use crate::domain::character::{Action, Body, Character, Name, Place, Standing, Trait};
use crate::domain::ids::CharacterId;
use crate::domain::pet::Order;
use crate::domain::testing::{
    OWNER, STRANGER, Scene, kitty, login, movement, only_character_event, request, start,
};
use crate::domain::{Input, Outcome, Reason};

const USER: Uuid = Uuid::from_u128(0xb0b);
const HERO: Uuid = Uuid::from_u128(0xc0ffee);
const SESSION: Uuid = Uuid::from_u128(0x5e55);

fn ask(action: Action) -> Input {
    request(crate::domain::input::Request::Character(Box::new(Request::internal(action))))
}

fn creation() -> Creation {
    Creation {
        uuid: HERO,
        user: USER,
        name: Name::chosen("Ann").expect("a name"),
        class: "warrior".into(),
        race: "human".into(),
        gender: "female".into(),
        slot: None,
        appearance: Vec::new(),
    }
}

fn create(creation: Creation, standing: Standing) -> Input {
    ask(Action::Create(Box::new(creation), standing))
}

fn patch(patch: Patch) -> Input {
    ask(Action::Patch(Box::new(patch), Standing::default()))
}

fn taken(slots: &[u8]) -> Standing {
    Standing { is_name_taken: false, taken_slots: slots.into() }
}

fn delete() -> Input {
    ask(Action::Delete { reason: "user_requested".into() })
}

fn restore(slot: Option<u8>, standing: Standing) -> Input {
    ask(Action::Restore { reason: "user_requested".into(), slot, user: USER, standing })
}

fn select(others: &[CharacterId]) -> Input {
    ask(Action::Select { session: SESSION, ip: None, user: USER, others: others.into() })
}

fn online(session: Option<Uuid>, zone: &str) -> Input {
    let fresh = Uuid::from_u128(0xf4e5);
    ask(Action::Online { session, fresh, world: "0".into(), zone: zone.into() })
}

fn experience(amount: u64) -> Input {
    ask(Action::Experience { amount })
}

fn allocate(points: &[(&str, u32)]) -> Input {
    ask(Action::Allocate(points.iter().map(|(stat, more)| ((*stat).into(), *more)).collect()))
}

fn dress(fields: &[(&str, Trait)]) -> Input {
    let fields = fields.iter().map(|(field, value)| ((*field).into(), value.clone())).collect();
    ask(Action::Appearance { fields, reason: "cosmetic_shop".into() })
}

fn walk(x: f64) -> Input {
    let place = Place { world: "w".into(), zone: "z".into(), x, y: 0.0, z: 0.0 };
    ask(Action::Move { place, movement: "walk".into() })
}

/// Ann, a warrior in slot 1, with nothing left to write.
fn ann() -> Scene {
    let mut scene = Scene::with([kitty(1)]);
    scene.apply(&create(creation(), Standing::default()));
    scene.owner.take_changes();
    scene
}

impl Scene {
    fn character(&self) -> &Character {
        self.owner.character().expect("the character is there")
    }

    fn refusal(&mut self, input: &Input) -> Reason {
        match self.refuse(input) {
            Outcome::Rejected(reason) => reason,
            other => panic!("{other:?} is no rejection"),
        }
    }

    /// Applied, and nothing came of it: not even a version.
    fn idle(&mut self, input: &Input) {
        let before = self.owner.clone();
        assert!(self.apply(input).is_empty());
        assert_eq!(self.owner, before);
    }
}

#[test]
fn a_new_character_has_its_classes_stats_and_the_catalogs_looks() {
    let mut scene = Scene::with([]);
    let appearance = vec![("height".into(), Trait::Number(180))];
    let asked = Creation { slot: Some(4), appearance, ..creation() };
    assert_eq!(scene.apply(&create(asked, taken(&[1]))), ["#1 created Ann, a warrior, in 4"]);
    let character = scene.character();
    assert_eq!((character.uuid, character.user, character.version), (HERO, USER, 1));
    let profile = &character.profile;
    assert_eq!((profile.level, profile.experience, profile.slot), (1, 0, Some(4)));
    assert_eq!(profile.stats.get("vitality"), Some(15));
    assert_eq!(profile.appearance.get("height"), Some(&Trait::Number(180)));
    assert_eq!(profile.appearance.get("hair_style"), Some(&Trait::Number(0)));
    assert_eq!((profile.created_at, profile.last_played_at), (start(), None));
}

#[test]
fn what_cannot_be_created_leaves_nobody() {
    let mut scene = Scene::with([]);
    let wings = vec![("wings".into(), Trait::Number(1))];
    let reserved = Name::chosen("GameMaster").expect("a name");
    let name_taken = Standing { is_name_taken: true, taken_slots: Vec::new() };
    for (asked, standing, reason) in [
        (creation(), name_taken, Reason::NameTaken),
        (Creation { name: reserved, ..creation() }, taken(&[]), Reason::NameReserved),
        (Creation { class: "bard".into(), ..creation() }, taken(&[]), Reason::UnknownClass),
        (Creation { race: "ent".into(), ..creation() }, taken(&[]), Reason::UnknownRace),
        (Creation { gender: "none".into(), ..creation() }, taken(&[]), Reason::UnknownGender),
        (Creation { appearance: wings, ..creation() }, taken(&[]), Reason::UnknownAppearance),
        (creation(), taken(&[1, 2, 3, 4, 5]), Reason::SlotsFull),
    ] {
        assert_eq!(scene.refusal(&create(asked, standing)), reason);
    }
    assert_eq!(ann().refusal(&create(creation(), Standing::default())), Reason::NumberTaken);
    let mut scene = Scene::online([]);
    let known_from_kafka = scene.refusal(&create(creation(), Standing::default()));
    assert_eq!(known_from_kafka, Reason::NumberTaken);
}

#[test]
fn a_slot_is_the_one_asked_for_or_the_lowest_free() {
    for (asked, others, slot) in [
        (None, &[][..], Ok(1)),
        (None, &[1, 2, 4], Ok(3)),
        (None, &[1, 2, 3, 4, 5], Err(Reason::SlotsFull)),
        // Of a time when there were more slots.
        (None, &[1, 2, 3, 4, 9], Ok(5)),
        (Some(5), &[1], Ok(5)),
        (Some(1), &[1], Err(Reason::SlotOccupied)),
        (Some(0), &[], Err(Reason::UnknownSlot)),
        (Some(6), &[], Err(Reason::UnknownSlot)),
    ] {
        assert_eq!(taken(others).slot(asked, 5), slot, "{asked:?} beside {others:?}");
    }
}

#[test]
fn what_is_unset_is_set_once_all_or_nothing() {
    let mut scene = Scene::online([]);
    let mage = Patch { class: Some("mage".into()), ..Patch::default() };
    let wrong = Patch { race: Some("ent".into()), ..mage.clone() };
    assert_eq!(scene.refusal(&patch(wrong)), Reason::UnknownRace);
    let version = scene.character().version;
    assert!(scene.apply(&patch(mage.clone())).is_empty());
    assert_eq!(scene.character().profile.stats.get("intelligence"), Some(16));
    assert_eq!(scene.character().version, version + 1);
    scene.idle(&patch(mage));
    let rogue = Patch {
        class: Some("rogue".into()),
        name: Some(Name::chosen("Merlin").expect("a name")),
        ..Patch::default()
    };
    assert_eq!(scene.refusal(&patch(rogue)), Reason::AlreadySet);
}

#[test]
fn who_gets_a_user_gets_its_lowest_free_slot() {
    let mut scene = Scene::online([]);
    let asked = Patch { user: Some(USER), ..Patch::default() };
    let with = |slots: &[u8]| ask(Action::Patch(Box::new(asked.clone()), taken(slots)));
    assert_eq!(scene.refusal(&with(&[1, 2, 3, 4, 5])), Reason::SlotsFull);
    scene.apply(&with(&[1, 3]));
    assert_eq!((scene.character().user, scene.character().profile.slot), (USER, Some(2)));
    let other = Patch { user: Some(Uuid::from_u128(1)), ..Patch::default() };
    assert_eq!(scene.refusal(&patch(other)), Reason::AlreadySet);
}

#[test]
fn a_name_in_another_case_is_its_owners_to_take() {
    let mut scene = ann();
    let named = |text: &str, is_name_taken| {
        let name = Name::chosen(text).ok();
        let standing = Standing { is_name_taken, taken_slots: Vec::new() };
        ask(Action::Patch(Box::new(Patch { name, ..Patch::default() }), standing))
    };
    scene.apply(&named("ANN", false));
    assert_eq!(&*scene.character().name.text, "ANN");
    scene.idle(&named("ANN", false));
    assert_eq!(scene.refusal(&named("Bob", true)), Reason::NameTaken);
    assert_eq!(scene.refusal(&named("Admin", false)), Reason::NameReserved);
}

#[test]
fn only_its_own_user_and_the_right_version_are_admitted() {
    let mut scene = ann();
    let of = |user, uuid, version: Option<u64>| {
        let action = Action::Experience { amount: 1 };
        let asked =
            Request { user, uuid, versions: version.map(|version| [version].into()), action };
        request(crate::domain::input::Request::Character(Box::new(asked)))
    };
    let stranger = Some(Uuid::from_u128(1));
    assert_eq!(scene.refusal(&of(stranger, None, None)), Reason::UnknownCharacter);
    assert_eq!(scene.refusal(&of(None, stranger, None)), Reason::UnknownCharacter);
    // A stranger is not even told about versions.
    assert_eq!(scene.refusal(&of(stranger, None, Some(9))), Reason::UnknownCharacter);
    assert_eq!(scene.refusal(&of(Some(USER), Some(HERO), Some(2))), Reason::VersionMismatch);
    scene.apply(&of(Some(USER), Some(HERO), Some(1)));
    assert_eq!(Scene::with([]).refusal(&of(None, None, None)), Reason::UnknownCharacter);
}

#[test]
fn a_deletion_ends_the_session_and_the_selection() {
    let mut scene = ann();
    scene.apply(&select(&[]));
    scene.apply(&online(None, "100000000"));
    scene.now += TimeDelta::seconds(2);
    let events = scene.apply(&delete());
    assert_eq!(events, ["#4 offline deleted after 2s", "#5 deleted user_requested true"]);
    let profile = &scene.character().profile;
    assert_eq!((profile.selected, profile.play_time_ms), (None, 2_000));
    let deletion = profile.deletion.expect("it is deleted");
    assert_eq!(deletion.at, scene.now);
    assert_eq!(deletion.restorable_until, scene.now + TimeDelta::days(30));
}

#[test]
fn a_deleted_character_takes_nothing_but_its_restoration_and_its_end() {
    let mut scene = ann();
    scene.apply(&delete());
    let named = Patch { name: Name::chosen("Bob").ok(), ..Patch::default() };
    for input in [
        delete(),
        patch(named),
        select(&[]),
        online(None, "1"),
        ask(Action::Offline { reason: "logout".into() }),
        walk(1.0),
        experience(1),
        allocate(&[("strength", 1)]),
        dress(&[("height", Trait::Number(90))]),
    ] {
        assert_eq!(scene.refusal(&input), Reason::Deleted, "{input:?}");
    }
    scene.idle(&ask(Action::GiveWay));
    assert_eq!(scene.rejection(1, Order::Spawn { lead: false }), Reason::Deleted);
    let login = scene.status_input(login());
    assert_eq!(scene.refuse(&login), Outcome::Ignored(Reason::Deleted));
    assert_eq!(scene.apply(&restore(None, taken(&[]))), ["#3 restored user_requested"]);
    scene.order(1, Order::Spawn { lead: false });
}

#[test]
fn a_restoration_is_in_time_until_the_very_end_of_the_window() {
    let mut scene = ann();
    assert_eq!(scene.refusal(&restore(None, taken(&[]))), Reason::NotDeleted);
    scene.apply(&delete());
    scene.now += TimeDelta::days(30);
    assert_eq!(scene.refusal(&restore(None, taken(&[]))), Reason::RestoreExpired);
    scene.now -= TimeDelta::microseconds(1);
    assert_eq!(scene.refuse(&Input::Tick), Outcome::Ignored(Reason::NotOnline));
    assert_eq!(scene.refusal(&restore(None, taken(&[1]))), Reason::SlotOccupied);
    assert_eq!(scene.refusal(&restore(Some(6), taken(&[1]))), Reason::UnknownSlot);
    scene.apply(&restore(Some(2), taken(&[1])));
    assert_eq!(scene.character().profile.slot, Some(2));
}

#[test]
fn it_is_purged_with_its_pets_at_the_end_of_the_window() {
    let mut scene = ann();
    scene.apply(&delete());
    let events = scene.tick_after(TimeDelta::days(30));
    assert_eq!(events, ["#3 deleted retention false", "1 deleted"]);
    assert_eq!(scene.owner.character(), None);
    assert!(scene.owner.pets().is_empty());
}

#[test]
fn a_character_that_is_purged_names_the_uuid_that_is_free_of_it() {
    let mut scene = ann();
    let uuid = scene.character().uuid;
    scene.apply(&delete());
    scene.now += TimeDelta::days(30);
    let (outcome, out) = scene.effects(&Input::Tick);
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(out.removed, [uuid]);
}

#[test]
fn a_window_that_ends_after_all_time_never_does() {
    let mut scene = ann();
    scene.rules.restore_window = std::time::Duration::MAX;
    scene.apply(&delete());
    scene.now += TimeDelta::days(365 * 1_000);
    assert_eq!(scene.refuse(&Input::Tick), Outcome::Ignored(Reason::NotOnline));
}

#[test]
fn a_selection_has_the_others_give_way_and_never_itself() {
    let mut scene = ann();
    let (outcome, out) = scene.effects(&select(&[STRANGER, OWNER]));
    assert_eq!(outcome, Outcome::Applied);
    assert_eq!(out.consequences, [(STRANGER, Action::GiveWay)]);
}

#[test]
fn who_got_a_user_since_the_others_were_looked_up_is_refused() {
    let mut scene = ann();
    let of = |user| Action::Select { session: SESSION, ip: None, user, others: Vec::new() };
    for user in [Uuid::nil(), Uuid::from_u128(0xe15e)] {
        assert_eq!(scene.refusal(&ask(of(user))), Reason::VersionMismatch);
    }
    assert_eq!(scene.character().profile.selected, None);
    scene.apply(&delete());
    let action = Action::Restore {
        reason: "user_requested".into(),
        slot: Some(2),
        user: Uuid::nil(),
        standing: Standing::default(),
    };
    assert_eq!(scene.refusal(&ask(action)), Reason::VersionMismatch);
    scene.apply(&restore(Some(2), Standing::default()));
}

#[test]
fn who_gives_way_loses_session_and_selection() {
    let mut scene = ann();
    scene.idle(&ask(Action::GiveWay));
    scene.apply(&select(&[]));
    assert!(scene.apply(&ask(Action::GiveWay)).is_empty(), "a selection ends unheard");
    assert_eq!(scene.character().profile.selected, None);
    scene.apply(&online(None, "1"));
    scene.now += TimeDelta::seconds(3);
    assert_eq!(scene.apply(&ask(Action::GiveWay)), ["#4 offline switched after 3s"]);
    assert_eq!(scene.character().session, None);
}

#[test]
fn a_session_is_the_one_named_else_the_one_selected_else_a_fresh_one() {
    let mut scene = ann();
    let session = |scene: &Scene| scene.character().session.as_ref().map(|session| session.id);
    scene.apply(&online(None, "1"));
    assert_eq!(session(&scene), Some(Uuid::from_u128(0xf4e5)));
    scene.apply(&select(&[]));
    assert_eq!(scene.apply(&online(None, "1"))[0], "#4 offline replaced after 0s");
    assert_eq!(session(&scene), Some(SESSION));
    scene.apply(&online(Some(HERO), "1"));
    assert_eq!(session(&scene), Some(HERO));
}

#[test]
fn movement_is_for_a_session_whose_world_and_zone_are_numbers() {
    let mut scene = ann();
    scene.order(1, Order::Spawn { lead: false });
    let mut packet = movement(1, 5, 6);
    packet.channel = 0;
    scene.apply(&online(None, "100000000"));
    assert_eq!(scene.owner.movement(&packet, &scene.catalog), Ok(()));
    scene.apply(&online(None, "zone1"));
    assert_eq!(scene.owner.movement(&packet, &scene.catalog), Err(Reason::OtherMap));
}

#[test]
fn the_first_place_has_none_before_it() {
    let mut scene = ann();
    for previous in [None, Some(1.0)] {
        let (_, events) = scene.step(&walk(previous.unwrap_or(0.0) + 1.0));
        let event = only_character_event(events, "character.position.updated");
        let Body::PositionUpdated { previous: told, .. } = event.body else { unreachable!() };
        assert_eq!(told.map(|place| place.x), previous);
    }
    let place = Place { world: "w".into(), zone: "z".into(), x: 0.0, y: 0.0, z: 0.0 };
    let moonwalk = Action::Move { place, movement: "moonwalk".into() };
    assert_eq!(scene.refusal(&ask(moonwalk)), Reason::UnknownMovement);
}

#[test]
fn each_level_is_an_event_with_the_total_after_the_award() {
    let mut scene = ann();
    assert!(scene.apply(&experience(99)).is_empty());
    let (_, events) = scene.step(&experience(301));
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            crate::domain::Event::Character(event) => Some((event.seq, &event.body)),
            crate::domain::Event::Pet(_) => None,
        })
        .collect();
    let level_up = |previous| Body::LevelUp {
        name: "Ann".into(),
        previous,
        new: previous + 1,
        experience: 400,
        stat_points: 5,
        skill_points: 2,
    };
    assert_eq!(told, [(2, &level_up(1)), (3, &level_up(2))]);
    let profile = &scene.character().profile;
    assert_eq!((profile.level, profile.stat_points, profile.skill_points), (3, 10, 4));
}

#[test]
fn experience_ends_at_what_the_cap_needs() {
    let mut scene = ann();
    assert_eq!(scene.apply(&experience(u64::MAX)).len(), 99);
    let profile = &scene.character().profile;
    assert_eq!((profile.level, profile.experience), (100, 980_100));
    scene.idle(&experience(1));
    // A catalog with a lower cap takes nothing back.
    scene.catalog.characters.levels.cap = 10;
    scene.idle(&experience(1));
}

#[test]
fn points_go_where_they_are_wanted_or_nowhere() {
    let mut scene = ann();
    scene.apply(&experience(100));
    let too_many = allocate(&[("strength", 3), ("wisdom", 3)]);
    assert_eq!(scene.refusal(&too_many), Reason::NotEnoughPoints);
    let beyond = allocate(&[("strength", u32::MAX), ("wisdom", u32::MAX)]);
    assert_eq!(scene.refusal(&beyond), Reason::NotEnoughPoints);
    let unknown = allocate(&[("strength", 1), ("luck", 1)]);
    assert_eq!(scene.refusal(&unknown), Reason::UnknownStat);
    // In the catalog's order, whatever the request's.
    let events = scene.apply(&allocate(&[("wisdom", 2), ("strength", 3)]));
    assert_eq!(events, ["#3 strength +3, wisdom +2"]);
    assert_eq!(scene.character().profile.stat_points, 0);
    assert_eq!(scene.refusal(&allocate(&[("wisdom", 1)])), Reason::NotEnoughPoints);
    let mut nobodys = Scene::online([]);
    assert_eq!(nobodys.refusal(&allocate(&[("wisdom", 1)])), Reason::ClassUnset);
}

#[test]
fn only_looks_that_change_are_told_in_the_catalogs_order() {
    let mut scene = ann();
    let black = Trait::Color("#000000".into());
    let same = ("face_type", Trait::Number(0));
    scene.idle(&dress(std::slice::from_ref(&same)));
    let asked = [("height", Trait::Number(90)), same, ("hair_color", black)];
    assert_eq!(scene.apply(&dress(&asked)), ["#2 hair_color, height"]);
    scene.idle(&dress(&asked));
    let partly = [("height", Trait::Number(91)), ("hair_style", Trait::Number(64))];
    assert_eq!(scene.refusal(&dress(&partly)), Reason::InvalidAppearance);
    assert_eq!(scene.refusal(&dress(&[("wings", Trait::Number(1))])), Reason::UnknownAppearance);
}
