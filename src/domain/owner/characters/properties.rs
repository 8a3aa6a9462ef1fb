//! Random requests against a slow, obvious model of `spec/rules.md`, section 6.

#![allow(clippy::unwrap_used)]

use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use crate::domain::character::request::{Creation, Request};
use crate::domain::character::{Action, Name, Place, Standing, Trait};
use crate::domain::testing::{Scene, login, request, short};
use crate::domain::{Input, Outcome};

const USER: Uuid = Uuid::from_u128(0xb0b);
const STATS: [&str; 5] = ["strength", "agility", "intelligence", "wisdom", "vitality"];
const WARRIOR: [u64; 5] = [10, 12, 8, 7, 15];

#[derive(Clone, Debug)]
enum Play {
    Delete,
    Restore {
        slot: Option<u8>,
        taken: Vec<u8>,
    },
    Select,
    GiveWay,
    Online,
    Login,
    Offline,
    Walk,
    Allocate(Vec<(usize, u32)>),
    Experience(u64),
    Height(i64),
    /// A request that believes in another version.
    Stale,
}

/// Everything as it was told and counted, nothing computed ahead.
#[derive(Clone, Debug)]
struct Model {
    level: u64,
    experience: u64,
    stat_points: u64,
    skill_points: u64,
    stats: [u64; 5],
    slot: u8,
    height: i64,
    is_deleted: bool,
    is_online: bool,
    is_selected: bool,
    version: u64,
    seq: u64,
}

impl Model {
    fn new() -> Self {
        Self {
            level: 1,
            experience: 0,
            stat_points: 0,
            skill_points: 0,
            stats: WARRIOR,
            slot: 1,
            height: 175,
            is_deleted: false,
            is_online: false,
            is_selected: false,
            version: 1,
            seq: 1,
        }
    }

    /// The events, or none if it is refused.
    fn play(&mut self, play: &Play) -> Option<Vec<String>> {
        let before = self.clone();
        let mut told = Vec::new();
        match play {
            Play::GiveWay if self.is_deleted => {}
            Play::Stale => return None,
            Play::Restore { slot, taken } => {
                let slot = slot.unwrap_or(self.slot);
                if !self.is_deleted || !(1..=5).contains(&slot) || taken.contains(&slot) {
                    return None;
                }
                self.is_deleted = false;
                self.slot = slot;
                told.push("restored why".to_owned());
                self.version += 1;
            }
            _ if self.is_deleted => return None,
            Play::Delete => {
                if self.is_online {
                    told.push("offline deleted after 0s".to_owned());
                }
                told.push("deleted why true".to_owned());
                (self.is_deleted, self.is_online, self.is_selected) = (true, false, false);
                self.version += 1;
            }
            Play::Select => {
                self.is_selected = true;
                told.push("selected Ann".to_owned());
                self.version += 1;
            }
            Play::GiveWay => {
                if self.is_online {
                    told.push("offline switched after 0s".to_owned());
                }
                if self.is_online || self.is_selected {
                    self.version += 1;
                }
                (self.is_online, self.is_selected) = (false, false);
            }
            Play::Online | Play::Login => {
                if self.is_online {
                    told.push("offline replaced after 0s".to_owned());
                }
                let zone = if matches!(play, Play::Login) { "100000000" } else { "z" };
                told.push(format!("online in 0/{zone}"));
                self.is_online = true;
                self.version += 1;
            }
            Play::Offline => {
                if !self.is_online {
                    return None;
                }
                self.is_online = false;
                told.push("offline why after 0s".to_owned());
                self.version += 1;
            }
            Play::Walk => {
                told.push("walk to w/z (0, 0)".to_owned());
                self.version += 1;
            }
            Play::Allocate(points) => {
                let total: u64 = points.iter().map(|(_, more)| u64::from(*more)).sum();
                if total > self.stat_points {
                    return None;
                }
                self.stat_points -= total;
                for (stat, more) in points {
                    self.stats[*stat] += u64::from(*more);
                }
                let gains = (0..5).map(|stat| (stat, self.stats[stat] - before.stats[stat]));
                let gains = gains.filter(|(_, gain)| *gain > 0);
                let gains: Vec<_> =
                    gains.map(|(stat, gain)| format!("{} +{gain}", STATS[stat])).collect();
                told.push(gains.join(", "));
                self.version += 1;
            }
            Play::Experience(amount) => {
                self.experience = (self.experience + amount).min(100 * 99 * 99);
                while self.level < 100 && self.experience >= 100 * self.level * self.level {
                    self.level += 1;
                    self.stat_points += 5;
                    self.skill_points += 2;
                    told.push(format!("level {}", self.level));
                }
                self.version += u64::from(self.experience != before.experience);
            }
            Play::Height(height) => {
                if !(90..=230).contains(height) {
                    return None;
                }
                if *height != self.height {
                    told.push("height".to_owned());
                    self.version += 1;
                }
                self.height = *height;
            }
        }
        let number = |told: String| {
            self.seq += 1;
            format!("#{} {told}", self.seq)
        };
        Some(told.into_iter().map(number).collect())
    }
}

fn input(play: &Play, scene: &Scene) -> Input {
    let why = || "why".into();
    let action = match play {
        Play::Login => return scene.status_input(login()),
        Play::Delete => Action::Delete { reason: why() },
        Play::Restore { slot, taken } => Action::Restore {
            reason: why(),
            slot: *slot,
            user: USER,
            standing: Standing { is_name_taken: false, taken_slots: taken.clone() },
        },
        Play::Select => {
            Action::Select { session: Uuid::nil(), ip: None, user: USER, others: Vec::new() }
        }
        Play::GiveWay => Action::GiveWay,
        Play::Online => Action::Online {
            session: None,
            fresh: Uuid::nil(),
            world: "0".into(),
            zone: "z".into(),
        },
        Play::Offline => Action::Offline { reason: why() },
        Play::Walk => {
            let place = Place { world: "w".into(), zone: "z".into(), x: 0.0, y: 0.0, z: 0.0 };
            Action::Move { place, movement: "walk".into() }
        }
        Play::Allocate(points) => Action::Allocate(
            points.iter().map(|(stat, more)| (STATS[*stat].into(), *more)).collect(),
        ),
        Play::Experience(amount) => Action::Experience { amount: *amount },
        Play::Height(height) => Action::Appearance {
            fields: vec![("height".into(), Trait::Number(*height))],
            reason: why(),
        },
        Play::Stale => Action::Experience { amount: 1 },
    };
    let version = scene.owner.character().unwrap().version;
    let version = matches!(play, Play::Stale).then_some(version + 1);
    let asked =
        Request { versions: version.map(|version| [version].into()), ..Request::internal(action) };
    request(crate::domain::input::Request::Character(Box::new(asked)))
}

fn created() -> Scene {
    let mut scene = Scene::with([]);
    let creation = Creation {
        uuid: Uuid::from_u128(1),
        user: USER,
        name: Name::chosen("Ann").unwrap(),
        class: "warrior".into(),
        race: "human".into(),
        gender: "other".into(),
        slot: None,
        appearance: Vec::new(),
    };
    let create = Action::Create(Box::new(creation), Standing::default());
    let create = Request::internal(create);
    scene.apply(&request(crate::domain::input::Request::Character(Box::new(create))));
    scene
}

fn play() -> impl Strategy<Value = Play> {
    let points = prop::collection::btree_map(0..5_usize, 1..8_u32, 1..4);
    let slots = prop::collection::vec(1..=5_u8, 0..4);
    prop_oneof![
        1 => Just(Play::Delete),
        3 => (prop::option::of(0..=6_u8), slots)
            .prop_map(|(slot, taken)| Play::Restore { slot, taken }),
        1 => Just(Play::Select),
        1 => Just(Play::GiveWay),
        2 => Just(Play::Online),
        1 => Just(Play::Login),
        1 => Just(Play::Offline),
        1 => Just(Play::Walk),
        4 => points.prop_map(|points| Play::Allocate(points.into_iter().collect())),
        4 => (1..2_000_u64).prop_map(Play::Experience),
        1 => (0..u64::MAX / 2).prop_map(Play::Experience),
        2 => (85..=235_i64).prop_map(Play::Height),
        1 => Just(Play::Stale),
    ]
}

proptest! {
    #[test]
    fn every_life_goes_as_the_model_says(plays in prop::collection::vec(play(), 1..80)) {
        let (mut scene, mut model) = (created(), Model::new());
        for play in &plays {
            let expected = model.play(play);
            let input = input(play, &scene);
            let (outcome, events) = scene.step(&input);
            let events: Vec<String> = events.iter().map(short).collect();
            prop_assert_eq!(outcome == Outcome::Applied, expected.is_some(), "{:?}", play);
            prop_assert_eq!(events, expected.unwrap_or_default(), "{:?}", play);
            scene.now += TimeDelta::milliseconds(1);
            let character = scene.owner.character().unwrap();
            let profile = &character.profile;
            prop_assert_eq!(u64::from(profile.level), model.level);
            prop_assert_eq!(profile.experience, model.experience);
            prop_assert_eq!(u64::from(profile.stat_points), model.stat_points);
            prop_assert_eq!(u64::from(profile.skill_points), model.skill_points);
            let stats = STATS.map(|stat| u64::from(profile.stats.get(stat).unwrap()));
            prop_assert_eq!(stats, model.stats);
            prop_assert_eq!(profile.slot, Some(model.slot));
            prop_assert_eq!(profile.appearance.get("height"), Some(&Trait::Number(model.height)));
            prop_assert_eq!(character.is_deleted(), model.is_deleted);
            prop_assert_eq!(character.session.is_some(), model.is_online);
            prop_assert_eq!(profile.selected.is_some(), model.is_selected);
            prop_assert_eq!(character.version, model.version, "{:?}", play);
            prop_assert_eq!(character.event_seq, model.seq);
        }
    }
}
