//! Things to store.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeZone as _, Utc};
use menagerie::domain::character::Session;
use menagerie::domain::character::{Character, Place};
use menagerie::domain::owner::Vitals;
use menagerie::domain::pet::{Asset, Pet};
use menagerie::domain::{CharacterId, CharacterKey, PetId, PetKey, Tenant, TenantId};
use menagerie::store::{
    CharacterRow, DeadLetter, Fence, Lease, OutboxRow, PetRow, Sink, Source, Store, Work,
};
use uuid::Uuid;

pub(super) const SHARD: &str = "eu-1";
pub(super) const LEASE: Duration = Duration::from_secs(600);
pub(super) const TENANT: TenantId =
    TenantId(Uuid::from_u128(0x083839c6_c47c_42a6_9585_76492795d123));
pub(super) const OTHER_TENANT: TenantId = TenantId(Uuid::from_u128(7));

pub(super) async fn take(store: &Store) -> (Fence, Lease) {
    let lease = store.acquire(SHARD, "test", LEASE).await.unwrap().expect("nobody has the shard");
    (Fence { shard: SHARD.into(), epoch: lease.epoch, lease: LEASE }, lease)
}

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000 + seconds, 123_456_000).unwrap()
}

pub(super) fn tenant() -> Tenant {
    Tenant { id: TENANT, region: "GMS".into(), major: 83, minor: 1 }
}

pub(super) fn owner(number: u32) -> CharacterKey {
    CharacterKey { tenant: TENANT, character: CharacterId(number) }
}

pub(super) fn pet_key(number: u32) -> PetKey {
    PetKey { tenant: TENANT, pet: PetId(number) }
}

pub(super) fn pet(number: u32, owner: u32) -> PetRow {
    let pet = Pet::new(PetId(number), 5_000_017);
    PetRow { tenant: TENANT, owner: CharacterId(owner), pet }
}

/// A pet with no field at its default, and everything at its limit.
pub(super) fn extreme_pet(number: u32, owner: u32) -> PetRow {
    let mut row = pet(number, owner);
    let pet = &mut row.pet;
    pet.template_id = u32::MAX;
    pet.cash_id = u64::MAX;
    pet.name = "猫\"'\\\u{1f431}e\u{301}\t".into();
    pet.level = 30;
    pet.closeness = 30_000;
    pet.fullness = 0;
    pet.slot = 2;
    pet.expiration = Some(at(7));
    pet.flag = u16::MAX;
    pet.purchase_by = u32::MAX;
    pet.excludes = [9, 1, u32::MAX, 3].into();
    pet.asset = Some(Asset { id: u32::MAX, slot: i16::MIN });
    row
}

pub(super) fn vitals(number: u32, closeness: u16) -> Vitals {
    Vitals { pet: PetId(number), level: 7, closeness, fullness: 55, slot: 1 }
}

pub(super) fn offline(number: u32) -> CharacterRow {
    let key = owner(number);
    let character = Character {
        uuid: key.derived_uuid(),
        user: Uuid::nil(),
        name: format!("character-{number}").into(),
        session: None,
        place: None,
        event_seq: 0,
    };
    CharacterRow { key, character }
}

/// Online, with no field at its default.
pub(super) fn online(number: u32) -> CharacterRow {
    let mut row = offline(number);
    let character = &mut row.character;
    character.user = Uuid::from_u128(u128::MAX);
    character.name = "Ærøskøbing 漢字 \u{1f98a}".into();
    character.event_seq = 9_007_199_254_740_993;
    character.session = Some(Session {
        id: Uuid::from_u128(5),
        world: u8::MAX,
        channel: 19,
        map: u32::MAX,
        instance: Uuid::from_u128(6),
        since: at(-3600),
        next_hunger: at(180),
    });
    character.place = Some(Place {
        world: "wörld".into(),
        zone: "100000000".into(),
        x: 0.1 + 0.2,
        y: -9_999_999.123_456_79,
        z: 1.0 / 3.0,
    });
    row
}

pub(super) fn dead_letter(offset: i64) -> DeadLetter {
    DeadLetter {
        tenant: Some(TENANT),
        topic: "COMMAND_TOPIC_PET".into(),
        partition: 3,
        offset,
        key: Some(vec![0, 255, 16]),
        headers: vec![
            ("TENANT_ID".to_owned(), TENANT.to_string().into_bytes()),
            ("MAJOR_VERSION".to_owned(), vec![0, 83]),
        ],
        payload: vec![0xff, 0x00, b'{'],
        reason: "malformed".to_owned(),
        detail: "expected value at line 1: \u{fffd}".to_owned(),
        at: at(1),
    }
}

pub(super) fn source(partition: i32, next_offset: i64) -> Source {
    Source { topic: "COMMAND_TOPIC_PET".into(), partition, next_offset }
}

pub(super) fn events(sink: Sink, body: &[u8]) -> OutboxRow {
    OutboxRow { sink, num_events: 4, body: body.to_vec() }
}

/// A round that inserts pets.
pub(super) fn pets(pets: impl IntoIterator<Item = PetRow>) -> Arc<Work> {
    Arc::new(Work { pets: pets.into_iter().collect(), ..empty() })
}

pub(super) fn empty() -> Work {
    Work { decided_at: at(0), ..Work::default() }
}
