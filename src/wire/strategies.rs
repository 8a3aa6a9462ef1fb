//! Arbitrary values of what goes over the wire, and damage to its bytes.

use chrono::DateTime;
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use super::kafka::movement::MovementRecord;
use crate::domain::character::{Asset, AssetChange, Status, StatusChange};
use crate::domain::owner::Movement;
use crate::domain::pet::{Body, Command, DespawnReason, Event, Order};
use crate::domain::{CharacterId, PetId};

fn uuid() -> impl Strategy<Value = Uuid> + Clone {
    prop_oneof![Just(Uuid::nil()), any::<u128>().prop_map(Uuid::from_u128)]
}

fn name() -> impl Strategy<Value = Box<str>> {
    any::<String>().prop_map(Into::into)
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    let items = vec(1..=u32::MAX, 0..8).prop_map(|mut items| {
        items.sort_unstable();
        items.dedup();
        items.into()
    });
    let order = prop_oneof![
        any::<bool>().prop_map(|lead| Order::Spawn { lead }),
        Just(Order::Despawn),
        any::<u8>().prop_map(|command| Order::Attempt { command }),
        any::<u16>().prop_map(|amount| Order::AwardCloseness { amount }),
        any::<u8>().prop_map(|amount| Order::AwardFullness { amount }),
        any::<u8>().prop_map(|amount| Order::AwardLevel { amount }),
        items.prop_map(|items| Order::Exclude { items }),
    ];
    (uuid(), any::<u32>(), any::<u32>(), order).prop_map(|(transaction, actor, pet, order)| {
        Command { transaction, actor: CharacterId(actor), pet: PetId(pet), order }
    })
}

pub(super) fn pet_event() -> impl Strategy<Value = Event> {
    (any::<u32>(), any::<u32>(), pet_event_body()).prop_map(|(pet, owner, body)| Event {
        pet: PetId(pet),
        owner: CharacterId(owner),
        body,
    })
}

fn pet_event_body() -> impl Strategy<Value = Body> {
    let vitals = || (any::<i8>(), any::<u8>(), any::<u16>(), any::<u8>());
    let reason = prop::sample::select(vec![
        DespawnReason::Normal,
        DespawnReason::Hunger,
        DespawnReason::Expired,
    ]);
    prop_oneof![
        Just(Body::Created),
        Just(Body::Deleted),
        (any::<u32>(), name(), vitals(), any::<(i16, i16, u8, i16)>()).prop_map(
            |(template_id, name, (slot, level, closeness, fullness), (x, y, stance, fh))| {
                Body::Spawned {
                    template_id,
                    name,
                    slot,
                    level,
                    closeness,
                    fullness,
                    x,
                    y,
                    stance,
                    fh,
                }
            }
        ),
        (any::<u32>(), name(), vitals(), any::<i8>(), reason).prop_map(
            |(template_id, name, (slot, level, closeness, fullness), old_slot, reason)| {
                Body::Despawned {
                    template_id,
                    name,
                    slot,
                    level,
                    closeness,
                    fullness,
                    old_slot,
                    reason,
                }
            }
        ),
        (any::<(i8, u16, u8, u8, bool)>()).prop_map(
            |(slot, closeness, fullness, command, success)| {
                Body::CommandResponse { slot, closeness, fullness, command, success }
            }
        ),
        (any::<(i8, u16, i16)>(), uuid()).prop_map(|((slot, closeness, amount), transaction)| {
            Body::ClosenessChanged { slot, closeness, amount, transaction }
        }),
        any::<(i8, u8, i8)>().prop_map(|(slot, fullness, amount)| {
            Body::FullnessChanged { slot, fullness, amount }
        }),
        any::<(i8, u8, i8)>().prop_map(|(slot, level, amount)| Body::LevelChanged {
            slot,
            level,
            amount
        }),
        any::<(i8, i8)>().prop_map(|(old_slot, new_slot)| Body::SlotChanged { old_slot, new_slot }),
        vec(any::<u32>(), 0..8).prop_map(|items| Body::ExcludeChanged { items: items.into() }),
    ]
}

pub(super) fn status() -> impl Strategy<Value = (CharacterId, Status)> {
    let located = || (any::<u8>(), any::<u32>(), uuid());
    let change = prop_oneof![
        located().prop_map(|(channel, map, instance)| {
            StatusChange::Login { channel, map, instance }
        }),
        Just(StatusChange::Logout),
        (located(), any::<Option<(i16, i16)>>()).prop_map(|((channel, map, instance), target)| {
            StatusChange::MapChanged { channel, map, instance, target }
        }),
        located().prop_map(|(channel, map, instance)| {
            StatusChange::ChannelChanged { channel, map, instance }
        }),
        Just(StatusChange::Deleted),
    ];
    (any::<u32>(), any::<u8>(), uuid(), change).prop_map(|(id, world, transaction, change)| {
        let at = DateTime::UNIX_EPOCH;
        (CharacterId(id), Status { transaction, world, at, change })
    })
}

pub(super) fn asset() -> impl Strategy<Value = (CharacterId, Asset)> {
    let name = prop::sample::select(vec!["CREATED", "UPDATED", "ACCEPTED"]);
    let change = prop_oneof![
        (name, 1..=u32::MAX)
            .prop_map(|(name, pet)| AssetChange::Recorded { name, pet: PetId(pet) }),
        any::<Option<i16>>().prop_map(|old_slot| AssetChange::Moved { old_slot }),
        Just(AssetChange::Deleted),
    ];
    (any::<u32>(), any::<u32>(), 5_000_000..5_010_000u32, any::<i16>(), change).prop_map(
        |(character, asset, template_id, slot, change)| {
            (CharacterId(character), Asset { asset, template_id, slot, change })
        },
    )
}

pub(super) fn movement() -> impl Strategy<Value = MovementRecord> {
    let place = (any::<u8>(), any::<u8>(), any::<u32>(), uuid());
    let position = any::<(i16, i16, u8, Option<i16>)>();
    (any::<u32>(), any::<u32>(), place, position).prop_map(
        |(observer, pet, (world, channel, map, instance), (x, y, stance, fh))| MovementRecord {
            observer: CharacterId(observer),
            movement: Movement { pet: PetId(pet), world, channel, map, instance, x, y, stance, fh },
        },
    )
}

/// What may happen to a valid record: bytes overwritten, and its end lost.
#[derive(Clone, Debug)]
pub(super) struct Damage {
    overwritten: Vec<(prop::sample::Index, u8)>,
    kept: Option<prop::sample::Index>,
}

impl Damage {
    pub(super) fn of(&self, mut record: Vec<u8>) -> Vec<u8> {
        for (index, byte) in &self.overwritten {
            let index = index.index(record.len());
            record[index] = *byte;
        }
        if let Some(kept) = &self.kept {
            record.truncate(kept.index(record.len()));
        }
        record
    }
}

pub(super) fn damage() -> impl Strategy<Value = Damage> {
    // Mostly bytes that mean something in JSON.
    let byte = prop_oneof![prop::sample::select(b"{}[]\",:\\-0.e".to_vec()), any::<u8>()];
    let overwritten = vec((any::<prop::sample::Index>(), byte), 0..4);
    (overwritten, any::<Option<prop::sample::Index>>())
        .prop_map(|(overwritten, kept)| Damage { overwritten, kept })
}
