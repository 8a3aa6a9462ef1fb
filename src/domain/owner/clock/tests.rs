#![allow(clippy::unwrap_used)]

use super::*;
use crate::domain::character::StatusChange;
use crate::domain::effects::Outcome;
use crate::domain::ids::PetId;
use crate::domain::input::Input;
use crate::domain::owner::CharacterChange;
use crate::domain::pet::{Order, Pet};
use crate::domain::testing::{
    INTERVAL, NO_TEMPLATE, SNOWMAN, Scene, kitty, login, spawned, start, three_out,
};

const SPAWN: Order = Order::Spawn { lead: false };

fn full(fullness: u8, pet: Pet) -> Pet {
    Pet { fullness, ..pet }
}

fn expiring(after: TimeDelta, pet: Pet) -> Pet {
    Pet { expiration: Some(start() + after), ..pet }
}

fn next_hunger(scene: &Scene) -> DateTime<Utc> {
    scene.owner.session().unwrap().next_hunger
}

#[test]
fn a_spawned_pet_loses_its_templates_hunger_each_interval() {
    let mut scene = Scene::online([spawned(0, kitty(1))]);
    assert_eq!(scene.tick_after(INTERVAL), ["1 in 0: fullness 94 by -6"]);
    assert_eq!(scene.tick_after(INTERVAL), ["1 in 0: fullness 88 by -6"]);
}

#[test]
fn the_lead_gets_hungry_first() {
    let mut scene = Scene::online([spawned(1, kitty(1)), spawned(0, kitty(2))]);
    assert_eq!(
        scene.tick_after(INTERVAL),
        ["2 in 0: fullness 94 by -6", "1 in 1: fullness 94 by -6"]
    );
}

#[test]
fn nothing_happens_a_moment_before_the_tick_is_due() {
    let mut scene = Scene::online([spawned(0, kitty(1))]);
    assert!(scene.tick_after(INTERVAL - TimeDelta::milliseconds(1)).is_empty());
}

#[test]
fn a_tick_delivered_again_does_nothing_more() {
    let mut scene = Scene::online([spawned(0, kitty(1))]);
    scene.tick_after(INTERVAL);
    scene.owner.take_changes();
    assert!(scene.tick().is_empty());
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn a_pet_at_home_is_not_hungry() {
    let mut scene = Scene::online([kitty(1)]);
    assert!(scene.tick_after(INTERVAL).is_empty());
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn a_tick_of_an_offline_character_is_ignored() {
    let mut scene = Scene::with([spawned(0, kitty(1))]);
    scene.now += INTERVAL;
    assert_eq!(scene.refuse(&Input::Tick), Outcome::Ignored(Reason::NotOnline));
}

#[test]
fn however_late_only_one_tick_is_owed_and_the_phase_is_kept() {
    let mut scene = Scene::online([spawned(0, kitty(1))]);
    let late = INTERVAL * 10 + TimeDelta::seconds(7);
    assert_eq!(scene.tick_after(late).len(), 1);
    assert_eq!(next_hunger(&scene), start() + INTERVAL * 11);
}

#[test]
fn a_tick_on_the_phase_itself_is_followed_by_the_next_one() {
    let mut scene = Scene::online([spawned(0, kitty(1))]);
    scene.tick_after(INTERVAL * 2);
    assert_eq!(next_hunger(&scene), start() + INTERVAL * 3);
}

#[test]
fn a_starving_pet_is_despawned_after_its_hunger_is_told() {
    let mut scene = Scene::online([spawned(0, full(11, kitty(1))), spawned(1, kitty(2))]);
    assert_eq!(
        scene.tick_after(INTERVAL),
        [
            "1 in 0: fullness 5 by -6",
            "2 slot 1 > 0",
            "1 slot 0 > -1",
            "1 despawned 0 > -1 HUNGER",
            "2 in 0: fullness 94 by -6",
        ]
    );
}

#[test]
fn six_is_still_enough_to_stay() {
    let mut scene = Scene::online([spawned(0, full(12, kitty(1)))]);
    assert_eq!(scene.tick_after(INTERVAL), ["1 in 0: fullness 6 by -6"]);
}

#[test]
fn the_last_of_its_fullness_is_all_a_pet_can_lose() {
    let mut scene = Scene::online([spawned(0, full(4, kitty(1)))]);
    assert_eq!(scene.tick_after(INTERVAL)[0], "1 in 0: fullness 0 by -4");
}

#[test]
fn an_empty_pet_is_despawned_without_a_change_of_fullness() {
    let mut scene = Scene::online([spawned(0, full(0, kitty(1)))]);
    assert_eq!(scene.tick_after(INTERVAL), ["1 slot 0 > -1", "1 despawned 0 > -1 HUNGER"]);
}

#[test]
fn a_template_without_hunger_loses_nothing() {
    let mut scene = Scene::online([spawned(0, Pet { template_id: SNOWMAN, ..kitty(1) })]);
    assert!(scene.tick_after(INTERVAL).is_empty());
    assert_eq!(scene.num_unknown_templates, 0);
}

#[test]
fn an_unknown_template_loses_nothing_counts_and_stops_nobody() {
    let unknown = Pet { template_id: NO_TEMPLATE, ..full(3, kitty(1)) };
    let mut scene = Scene::online([spawned(0, unknown), spawned(1, kitty(2))]);
    assert_eq!(scene.tick_after(INTERVAL), ["2 in 1: fullness 94 by -6"]);
    assert_eq!(scene.num_unknown_templates, 1);
    assert_eq!(scene.line_up(), [1, 2]);
}

#[test]
fn ticks_that_passed_with_no_pet_out_are_not_owed() {
    let mut scene = Scene::online([kitty(1)]);
    scene.now += INTERVAL * 5 + TimeDelta::seconds(1);
    scene.order(1, SPAWN);
    assert_eq!(next_hunger(&scene), start() + INTERVAL * 6);
    assert!(scene.tick().is_empty());
    let changes = scene.owner.take_changes();
    assert!(changes.character.written().is_some(), "the clock is stored");
}

#[test]
fn a_spawn_before_the_tick_leaves_the_clock_alone() {
    let mut scene = Scene::online([kitty(1)]);
    scene.now += INTERVAL - TimeDelta::seconds(1);
    scene.order(1, SPAWN);
    assert_eq!(next_hunger(&scene), start() + INTERVAL);
    assert_eq!(scene.owner.take_changes().character, CharacterChange::None);
}

#[test]
fn a_second_pet_does_not_save_the_first_from_its_tick() {
    let mut scene = Scene::online([spawned(0, kitty(1)), kitty(2)]);
    scene.now += INTERVAL;
    scene.order(2, SPAWN);
    assert_eq!(scene.tick().len(), 2);
}

#[test]
fn the_clock_starts_again_at_each_login() {
    let mut scene = Scene::online([spawned(0, kitty(1))]);
    scene.now += TimeDelta::minutes(2);
    scene.status(StatusChange::Logout);
    scene.status(login());
    assert_eq!(next_hunger(&scene), start() + TimeDelta::minutes(2) + INTERVAL);
}

#[test]
fn an_expired_pet_is_despawned_at_its_instant_and_stays_owned() {
    let mut scene = Scene::online([spawned(0, expiring(TimeDelta::minutes(1), kitty(1)))]);
    assert!(scene.tick_after(TimeDelta::seconds(59)).is_empty());
    assert_eq!(
        scene.tick_after(TimeDelta::seconds(1)),
        ["1 slot 0 > -1", "1 despawned 0 > -1 EXPIRED"]
    );
    assert_eq!(scene.rejection(1, SPAWN), Reason::Expired);
}

#[test]
fn several_expire_lead_first_with_the_slots_of_the_moment() {
    let mut pets = three_out();
    pets[0].expiration = Some(start());
    pets[1].expiration = Some(start());
    let mut scene = Scene::online(pets);
    assert_eq!(
        scene.tick(),
        [
            "2 slot 1 > 0",
            "3 slot 2 > 1",
            "1 slot 0 > -1",
            "1 despawned 0 > -1 EXPIRED",
            "3 slot 1 > 0",
            "2 slot 0 > -1",
            "2 despawned 0 > -1 EXPIRED",
        ]
    );
}

#[test]
fn expiry_comes_before_hunger_in_one_tick() {
    let mut scene = Scene::online([spawned(0, expiring(INTERVAL, kitty(1))), spawned(1, kitty(2))]);
    assert_eq!(
        scene.tick_after(INTERVAL)[2..],
        ["1 despawned 0 > -1 EXPIRED", "2 in 0: fullness 94 by -6"]
    );
    assert_eq!(scene.pet(1).fullness, 100);
}

#[test]
fn nothing_is_due_offline_or_with_no_pet_out() {
    assert_eq!(Scene::with([spawned(0, kitty(1))]).owner.next_due(), None);
    let at_home = expiring(TimeDelta::seconds(1), kitty(1));
    assert_eq!(Scene::online([at_home]).owner.next_due(), None);
}

#[test]
fn what_is_due_first_is_hunger_or_the_earliest_expiration_of_a_spawned_pet() {
    let scene = Scene::online([spawned(0, kitty(1))]);
    assert_eq!(scene.owner.next_due(), Some(start() + INTERVAL));

    let minutes = |minutes| expiring(TimeDelta::minutes(minutes), kitty(1));
    let scene =
        Scene::online([spawned(0, minutes(2)), spawned(1, Pet { id: PetId(2), ..minutes(1) })]);
    assert_eq!(scene.owner.next_due(), Some(start() + TimeDelta::minutes(1)));

    let scene = Scene::online([spawned(0, minutes(5))]);
    assert_eq!(scene.owner.next_due(), Some(start() + INTERVAL));
}

#[test]
fn a_step_at_what_is_due_always_moves_it_on() {
    let mut scene = Scene::online([
        spawned(0, expiring(TimeDelta::minutes(4), kitty(1))),
        spawned(1, Pet { template_id: NO_TEMPLATE, ..kitty(2) }),
    ]);
    for _ in 0..50 {
        let due = scene.owner.next_due().unwrap();
        scene.now = due;
        scene.tick();
        assert!(scene.owner.next_due().unwrap() > due);
    }
}

#[test]
fn an_interval_of_nothing_neither_loops_nor_divides_by_zero() {
    let mut scene = Scene::with([spawned(0, kitty(1))]);
    scene.set_hunger_interval(Duration::ZERO);
    scene.status(login());
    assert_eq!(scene.tick_after(TimeDelta::days(1)).len(), 1);
    assert!(next_hunger(&scene) > scene.now);
}

#[test]
fn an_interval_beyond_the_calendar_is_never_due() {
    let mut scene = Scene::with([spawned(0, kitty(1))]);
    scene.set_hunger_interval(Duration::MAX);
    scene.status(login());
    assert_eq!(next_hunger(&scene), DateTime::<Utc>::MAX_UTC);
    assert!(scene.tick_after(TimeDelta::days(1)).is_empty());
}

#[test]
fn a_login_from_the_future_keeps_its_first_tick() {
    let since = start() + TimeDelta::hours(1);
    let interval = Duration::from_secs(180);
    assert_eq!(hunger_after(since, interval, start()), since + INTERVAL);
}

#[test]
fn a_hungry_kitty_lasts_sixteen_ticks() {
    let mut scene = Scene::online([spawned(0, kitty(1))]);
    let ticks = (1..).find(|_| scene.tick_after(INTERVAL).len() > 1).unwrap();
    assert_eq!((ticks, scene.pet(1).fullness), (16, 4));
}
