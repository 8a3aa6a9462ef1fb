#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn foothold(id: i16, (x1, y1): (i16, i16), (x2, y2): (i16, i16)) -> Foothold {
    Foothold { id, x1, y1, x2, y2 }
}

fn map(footholds: impl Into<Vec<Foothold>>) -> Map {
    Map::new(1, footholds.into())
}

#[test]
fn the_nearest_of_several_below_is_taken() {
    let map = map([
        foothold(1, (-100, 300), (100, 300)),
        foothold(2, (-100, 200), (100, 200)),
        foothold(3, (-100, 50), (100, 50)),
    ]);
    assert_eq!(map.foothold_below(0, 100), Some(2));
}

#[test]
fn a_point_on_a_foothold_stands_on_it() {
    let map = map([foothold(1, (-100, 100), (100, 100))]);
    assert_eq!(map.foothold_below(0, 100), Some(1));
}

#[test]
fn a_foothold_one_pixel_above_is_not_below() {
    let map = map([foothold(1, (-100, 100), (100, 100))]);
    assert_eq!(map.foothold_below(0, 101), None);
}

#[test]
fn both_ends_of_a_foothold_belong_to_it_and_nothing_beyond() {
    let map = map([foothold(1, (-100, 100), (100, 100))]);
    assert_eq!(map.foothold_below(-100, 0), Some(1));
    assert_eq!(map.foothold_below(100, 0), Some(1));
    assert_eq!(map.foothold_below(-101, 0), None);
    assert_eq!(map.foothold_below(101, 0), None);
}

#[test]
fn a_wall_is_never_stood_on() {
    let map = map([foothold(1, (0, -100), (0, 100))]);
    assert_eq!(map.foothold_below(0, -100), None);
    assert_eq!(map.foothold_below(0, 0), None);
}

#[test]
fn a_slope_is_as_high_as_the_line_at_x() {
    let map = map([foothold(1, (0, 0), (100, 50))]);
    assert_eq!(map.foothold_below(60, 30), Some(1));
    assert_eq!(map.foothold_below(60, 31), None);
}

#[test]
fn a_slope_between_two_pixels_is_compared_exactly() {
    // Its height at x = 1 is 1/3: below 0, above 1.
    let map = map([foothold(1, (0, 0), (3, 1))]);
    assert_eq!(map.foothold_below(1, 0), Some(1));
    assert_eq!(map.foothold_below(1, 1), None);
}

#[test]
fn two_slopes_less_than_a_pixel_apart_are_told_apart() {
    let map = map([foothold(1, (0, 0), (3, 2)), foothold(2, (0, 0), (5, 3))]);
    assert_eq!(map.foothold_below(1, 0), Some(2), "3/5 is nearer to 0 than 2/3");
}

#[test]
fn the_direction_a_segment_is_drawn_in_does_not_matter() {
    let map = map([foothold(1, (100, 50), (0, 0))]);
    assert_eq!(map.foothold_below(60, 30), Some(1));
    assert_eq!(map.foothold_below(60, 31), None);
}

#[test]
fn of_two_that_meet_the_first_given_is_taken() {
    let map = map([foothold(7, (0, 0), (100, 0)), foothold(3, (-100, 0), (0, 0))]);
    assert_eq!(map.foothold_below(0, -5), Some(7));
}

#[test]
fn a_map_without_footholds_has_none_below() {
    assert_eq!(map([]).foothold_below(0, 0), None);
    assert_eq!(map([foothold(1, (5, 0), (5, 9))]).foothold_below(5, 0), None);
}

#[test]
fn the_corners_of_the_coordinate_space_do_not_overflow() {
    let (min, max) = (i16::MIN, i16::MAX);
    let map = map([
        foothold(1, (min, max), (max, min)),
        foothold(2, (min, min), (max, max)),
        foothold(3, (min, max), (max, max)),
    ]);
    assert_eq!(map.foothold_below(min, min), Some(2));
    assert_eq!(map.foothold_below(max, min), Some(1));
    assert_eq!(map.foothold_below(max, max), Some(2));
    assert_eq!(map.foothold_below(0, max), Some(3));
}

/// The rule as it is written, in fractions over one denominator, without bands.
fn by_the_rule(footholds: &[Foothold], x: i16, y: i16) -> Option<i16> {
    let height = |foothold: &Foothold| {
        let [x1, y1, x2, y2] = [foothold.x1, foothold.y1, foothold.x2, foothold.y2].map(i128::from);
        let (num, den) = (y1 * (x2 - x1) + (y2 - y1) * (i128::from(x) - x1), x2 - x1);
        (num * den.signum(), den.abs())
    };
    let spans =
        |one: &&Foothold| one.x1 != one.x2 && one.x1.min(one.x2) <= x && x <= one.x1.max(one.x2);
    let mut below: Vec<(i128, i128, i16)> = footholds
        .iter()
        .filter(spans)
        .map(|one| (height(one).0, height(one).1, one.id))
        .filter(|(num, den, _)| *num >= i128::from(y) * den)
        .collect();
    below.sort_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)));
    below.first().map(|(_, _, id)| *id)
}

fn any_foothold() -> impl Strategy<Value = Foothold> {
    let near = (-300..300i16, -40..40i16, -300..300i16, -40..40i16);
    let far = (any::<i16>(), any::<i16>(), any::<i16>(), any::<i16>());
    prop_oneof![8 => near, 1 => far].prop_map(|(x1, y1, x2, y2)| Foothold { id: 0, x1, y1, x2, y2 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_bands_find_what_a_plain_scan_finds(
        mut footholds in prop::collection::vec(any_foothold(), 0..60),
        points in prop::collection::vec((-320..320i16, -50..50i16), 1..40),
        far in prop::collection::vec((any::<i16>(), any::<i16>()), 1..10),
    ) {
        for (foothold, id) in footholds.iter_mut().zip(1..) {
            foothold.id = id;
        }
        let map = map(footholds.clone());
        for (x, y) in points.into_iter().chain(far) {
            prop_assert_eq!(map.foothold_below(x, y), by_the_rule(&footholds, x, y));
        }
    }
}
