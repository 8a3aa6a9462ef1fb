use uuid::Uuid;

use super::excludes;
use crate::domain::effects::{Outcome, Reason};
use crate::domain::pet::{Body, MAX_EXCLUDES, Order, Pet};
use crate::domain::testing::{
    NO_TEMPLATE, OWNER, STRANGER, SYSTEM, Scene, TRANSACTION, command, kitty, only_pet_event,
    spawned,
};

/// One order of each kind.
fn every_order() -> [Order; 7] {
    [
        Order::Spawn { lead: false },
        Order::Despawn,
        Order::Attempt { command: 0 },
        Order::AwardCloseness { amount: 1 },
        Order::AwardFullness { amount: 1 },
        Order::AwardLevel { amount: 1 },
        Order::Exclude { items: [1].into() },
    ]
}

fn out() -> Pet {
    spawned(0, kitty(1))
}

fn with_closeness(closeness: u16, level: u8) -> Scene {
    Scene::with([Pet { closeness, level, ..out() }])
}

fn closeness(amount: u16) -> Order {
    Order::AwardCloseness { amount }
}

fn fullness(amount: u8) -> Order {
    Order::AwardFullness { amount }
}

fn level(amount: u8) -> Order {
    Order::AwardLevel { amount }
}

fn attempt(command: u8) -> Order {
    Order::Attempt { command }
}

#[test]
fn no_order_reaches_an_unknown_pet() {
    let mut scene = Scene::with([out()]);
    for actor in [OWNER, SYSTEM, STRANGER] {
        for order in every_order() {
            let outcome = scene.refuse(&command(actor, 2, order));
            assert_eq!(outcome, Outcome::Rejected(Reason::UnknownPet));
        }
    }
}

#[test]
fn a_pet_obeys_no_stranger() {
    let mut scene = Scene::with([out()]);
    for order in every_order() {
        let outcome = scene.refuse(&command(STRANGER, 1, order));
        assert_eq!(outcome, Outcome::Rejected(Reason::NotOwner));
    }
}

#[test]
fn a_pet_obeys_its_owner_in_everything() {
    for order in every_order() {
        let (outcome, _) = Scene::with([out()]).step(&command(OWNER, 1, order));
        assert_eq!(outcome, Outcome::Applied);
    }
}

#[test]
fn the_system_awards_and_gives_no_other_order() {
    for order in every_order() {
        let is_award = order.name().starts_with("AWARD");
        let (outcome, _) = Scene::with([out()]).step(&command(SYSTEM, 1, order));
        let refused = Outcome::Rejected(Reason::NotOwner);
        assert_eq!(outcome, if is_award { Outcome::Applied } else { refused });
    }
}

#[test]
fn a_pet_at_home_tries_no_trick() {
    assert_eq!(Scene::with([kitty(1)]).rejection(1, attempt(0)), Reason::NotSpawned);
}

#[test]
fn a_trick_the_template_does_not_have_is_refused_without_a_draw() {
    let mut scene = Scene::with([out()]);
    assert_eq!(scene.rejection(1, attempt(9)), Reason::UnknownSkill);
    assert_eq!(scene.dice.num_drawn, 0);
}

#[test]
fn a_pet_of_an_unknown_template_has_no_tricks() {
    let mut scene = Scene::with([Pet { template_id: NO_TEMPLATE, ..out() }]);
    assert_eq!(scene.rejection(1, attempt(0)), Reason::UnknownSkill);
}

#[test]
fn a_draw_below_the_probability_succeeds() {
    let mut scene = with_closeness(10, 30);
    scene.dice.draws = vec![49];
    assert_eq!(
        scene.order(1, attempt(0)),
        ["1 in 0: closeness 12 by 2", "1 in 0: trick 0 true, closeness 12"]
    );
}

#[test]
fn a_draw_equal_to_the_probability_fails_and_is_awarded_all_the_same() {
    let mut scene = with_closeness(10, 30);
    scene.dice.draws = vec![50];
    assert_eq!(
        scene.order(1, attempt(0)),
        ["1 in 0: closeness 12 by 2", "1 in 0: trick 0 false, closeness 12"]
    );
}

#[test]
fn a_failed_trick_earns_nothing_where_the_operator_says_so() {
    let mut scene = with_closeness(10, 30);
    scene.rules.closeness_on_failed_command = false;
    scene.dice.draws = vec![50, 49];
    assert_eq!(scene.order(1, attempt(0)), ["1 in 0: trick 0 false, closeness 10"]);
    assert_eq!(scene.order(1, attempt(0)).len(), 2, "a success still earns");
}

#[test]
fn a_trick_is_decided_by_one_draw() {
    let mut scene = Scene::with([out()]);
    scene.order(1, attempt(0));
    assert_eq!(scene.dice.num_drawn, 1);
}

#[test]
fn a_level_gained_by_a_trick_is_told_first() {
    let mut scene = with_closeness(0, 1);
    assert_eq!(
        scene.order(1, attempt(0)),
        ["1 in 0: level 2 by 1", "1 in 0: closeness 2 by 2", "1 in 0: trick 0 true, closeness 2"]
    );
}

#[test]
fn a_trick_without_increase_changes_no_closeness() {
    let mut scene = with_closeness(10, 30);
    assert_eq!(scene.order(1, attempt(1)), ["1 in 0: trick 1 true, closeness 10"]);
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn a_trick_at_the_cap_still_tells_its_award() {
    let mut scene = with_closeness(30_000, 30);
    assert_eq!(
        scene.order(1, attempt(2)),
        ["1 in 0: closeness 30000 by 32767", "1 in 0: trick 2 false, closeness 30000"]
    );
}

#[test]
fn the_response_to_a_trick_carries_all_its_fields() {
    let mut scene = Scene::with([Pet { fullness: 55, closeness: 10, level: 30, ..out() }]);
    let (_, events) = scene.step(&command(OWNER, 1, attempt(0)));
    let body =
        Body::CommandResponse { slot: 0, closeness: 12, fullness: 55, command: 0, success: true };
    assert_eq!(only_pet_event(events, "COMMAND_RESPONSE").body, body);
}

#[test]
fn the_award_of_a_trick_carries_the_transaction_of_the_command() {
    let (_, events) = with_closeness(10, 30).step(&command(OWNER, 1, attempt(0)));
    let body =
        Body::ClosenessChanged { slot: 0, closeness: 12, amount: 2, transaction: TRANSACTION };
    assert_eq!(only_pet_event(events, "CLOSENESS_CHANGED").body, body);
}

#[test]
fn the_first_point_of_closeness_is_the_second_level() {
    let mut scene = with_closeness(0, 1);
    assert_eq!(scene.order(1, closeness(1)), ["1 in 0: level 2 by 1", "1 in 0: closeness 1 by 1"]);
}

#[test]
fn one_award_gives_several_levels_in_one_event() {
    let mut scene = with_closeness(0, 1);
    assert_eq!(scene.order(1, closeness(6)), ["1 in 0: level 4 by 3", "1 in 0: closeness 6 by 6"]);
    assert_eq!((scene.pet(1).closeness, scene.pet(1).level), (6, 4));
}

#[test]
fn an_award_of_closeness_forwards_its_transaction() {
    let (_, events) = with_closeness(10, 30).step(&command(SYSTEM, 1, closeness(5)));
    let Body::ClosenessChanged { transaction, .. } =
        only_pet_event(events, "CLOSENESS_CHANGED").body
    else {
        panic!("it is a change of closeness");
    };
    assert_eq!(transaction, TRANSACTION);
    assert_ne!(transaction, Uuid::nil());
}

#[test]
fn an_award_of_nothing_is_told_since_somebody_waits() {
    let mut scene = with_closeness(10, 30);
    assert_eq!(scene.order(1, closeness(0)), ["1 in 0: closeness 10 by 0"]);
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn closeness_saturates_and_the_amount_asked_for_is_told() {
    let mut scene = with_closeness(29_999, 29);
    assert_eq!(
        scene.order(1, closeness(100)),
        ["1 in 0: level 30 by 1", "1 in 0: closeness 30000 by 100"]
    );
    assert_eq!(scene.order(1, closeness(1)), ["1 in 0: closeness 30000 by 1"]);
}

#[test]
fn an_amount_beyond_the_event_type_is_limited_to_it() {
    let mut scene = with_closeness(0, 30);
    assert_eq!(scene.order(1, closeness(u16::MAX)), ["1 in 0: closeness 30000 by 32767"]);
    assert_eq!(scene.order(1, fullness(200)), ["1 in 0: fullness 100 by 127"]);
    assert_eq!(scene.order(1, level(255)), ["1 in 0: level 30 by 127"]);
}

#[test]
fn a_pet_at_home_is_awarded_too() {
    let mut scene = Scene::with([Pet { level: 30, ..kitty(1) }]);
    assert_eq!(scene.order(1, closeness(1)), ["1 in -1: closeness 1 by 1"]);
}

#[test]
fn a_meal_fills_up_to_the_brim() {
    let mut scene = Scene::with([Pet { fullness: 70, ..out() }]);
    assert_eq!(scene.order(1, fullness(20)), ["1 in 0: fullness 90 by 20"]);
    assert_eq!(scene.order(1, fullness(20)), ["1 in 0: fullness 100 by 20"]);
}

#[test]
fn a_pet_that_is_full_still_eats() {
    let mut scene = Scene::with([out()]);
    assert_eq!(scene.order(1, fullness(30)), ["1 in 0: fullness 100 by 30"]);
    assert!(scene.owner.take_changes().is_empty());
}

#[test]
fn an_awarded_level_leaves_closeness_alone() {
    let mut scene = with_closeness(0, 1);
    assert_eq!(scene.order(1, level(2)), ["1 in 0: level 3 by 2"]);
    assert_eq!(scene.pet(1).closeness, 0);
}

#[test]
fn a_level_saturates_and_is_told_also_at_the_cap() {
    let mut scene = with_closeness(0, 29);
    assert_eq!(scene.order(1, level(5)), ["1 in 0: level 30 by 5"]);
    assert_eq!(scene.order(1, level(0)), ["1 in 0: level 30 by 0"]);
}

#[test]
fn excludes_are_replaced_whole() {
    let mut scene = Scene::with([Pet { excludes: [1, 2].into(), ..out() }]);
    assert_eq!(scene.order(1, Order::Exclude { items: [9, 3].into() }), ["1 excludes [9, 3]"]);
    assert_eq!(*scene.pet(1).excludes, [9, 3]);
}

#[test]
fn excludes_drop_zero_and_duplicates_and_keep_their_order() {
    assert_eq!(*excludes(&[5, 0, 3, 5, 9, 3, 0]), [5, 3, 9]);
}

#[test]
fn no_more_than_a_thousand_excludes_are_kept() {
    let items: Vec<u32> = (1..=2_000).flat_map(|item| [item, item]).collect();
    let kept = excludes(&items);
    assert_eq!(kept.len(), MAX_EXCLUDES);
    assert_eq!(kept.last(), Some(&1_000));
}

#[test]
fn excludes_are_told_also_when_empty_or_the_same() {
    let mut scene = Scene::with([Pet { excludes: [1].into(), ..out() }]);
    assert_eq!(scene.order(1, Order::Exclude { items: [1].into() }), ["1 excludes [1]"]);
    assert!(scene.owner.take_changes().is_empty(), "the same set is not written again");
    assert_eq!(scene.order(1, Order::Exclude { items: Box::default() }), ["1 excludes []"]);
}
