//! Things to store.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeZone as _, Utc};
use menagerie::domain::character::{
    Appearance, Character, Deletion, Name, Place, Profile, Session, Stats, Trait, Whereabouts,
};
use menagerie::domain::owner::Vitals;
use menagerie::domain::pet::{Asset, Pet};
use menagerie::domain::{CharacterId, CharacterKey, PetId, PetKey, Tenant, TenantId};
use menagerie::store::{
    AnswerRow, CharacterRow, DeadLetter, Fence, HistoryRow, Lease, OutboxRow, PetRow, Sink, Source,
    Store, Work,
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
        name: Name::provisional(number),
        session: None,
        place: None,
        event_seq: 0,
        version: 1,
        profile: Profile::unset(at(-7200)),
    };
    CharacterRow { key, character }
}

/// Online, with no field at its default.
pub(super) fn online(number: u32) -> CharacterRow {
    let mut row = offline(number);
    let character = &mut row.character;
    character.user = Uuid::from_u128(u128::MAX);
    character.name = Name {
        text: format!("Ærøskøbing 漢字 \u{1f98a} {number}").into(),
        key: Some(format!("ærøskøbing 漢字 \u{1f98a} {number}").into()),
    };
    character.version = 9_007_199_254_740_995;
    character.profile = profile();
    // One user has one character in a slot; these are one user's.
    character.profile.slot = None;
    character.event_seq = 9_007_199_254_740_993;
    character.session = Some(Session {
        id: Uuid::from_u128(5),
        whereabouts: Some(Whereabouts {
            world: u8::MAX,
            channel: 19,
            map: u32::MAX,
            instance: Uuid::from_u128(6),
        }),
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

/// With no field at its default, and everything at its limit.
pub(super) fn profile() -> Profile {
    let stats = [("wisdom", u32::MAX), ("agility", 0), ("zeal", 7), ("сила", 1)];
    let color = || Trait::Color("#5A3825".into());
    let looks = [
        ("hair_style", Trait::Number(i64::MAX)),
        ("eye_color", color()),
        ("height", Trait::Number(i64::MIN)),
        ("beard_color", color()),
    ];
    Profile {
        class: Some("warlock".into()),
        race: Some("undead".into()),
        gender: Some("other".into()),
        level: u16::MAX,
        experience: u64::MAX,
        slot: Some(u8::MAX),
        stat_points: u32::MAX,
        skill_points: u32::MAX,
        stats: Stats(stats.map(|(stat, points)| (stat.into(), points)).into()),
        appearance: Appearance(looks.map(|(look, value)| (look.into(), value)).into()),
        selected: Some(Uuid::from_u128(8)),
        created_at: at(-86_400),
        last_played_at: Some(at(-10)),
        play_time_ms: u64::MAX,
        max_spawned: Some(2),
        deletion: Some(Deletion { at: at(-5), restorable_until: at(5) }),
    }
}

/// Somebody's, live, in a slot and with a name.
pub(super) fn owned(number: u32, user: Uuid, slot: u8) -> CharacterRow {
    let mut row = offline(number);
    row.character.user = user;
    row.character.name = Name::chosen(&format!("Ann {number}")).unwrap();
    row.character.profile.slot = Some(slot);
    row
}

/// As a request creates it, with no field at its default that is set then.
pub(super) fn newborn(number: u32, user: Uuid) -> CharacterRow {
    let mut row = owned(number, user, u8::MAX);
    row.character.event_seq = 1;
    row.character.profile = Profile {
        selected: None,
        last_played_at: None,
        max_spawned: None,
        deletion: None,
        ..profile()
    };
    row
}

/// Each makes a character that was created unlike others of its round.
pub(super) fn beginnings() -> [fn(&mut Character); 8] {
    [
        |character| character.profile.level -= 1,
        |character| character.profile.experience -= 1,
        |character| character.profile.stat_points -= 1,
        |character| character.profile.skill_points -= 1,
        |character| character.profile.created_at = at(-1),
        |character| character.profile.play_time_ms -= 1,
        |character| character.event_seq += 1,
        |character| character.version += 1,
    ]
}

/// As it is once softly deleted.
pub(super) fn deleted(mut row: CharacterRow, restorable_until: DateTime<Utc>) -> CharacterRow {
    row.character.profile.deletion = Some(Deletion { at: at(0), restorable_until });
    row
}

pub(super) fn event(character: Uuid, seq: u64, decided_at: DateTime<Utc>) -> HistoryRow {
    HistoryRow {
        tenant: TENANT,
        character,
        seq,
        event_id: Uuid::from_u128(u128::from(seq)),
        kind: "character.levelup",
        at: decided_at,
        body: format!("{{\"b\" : {seq}, \"a\":\"\\u0000 漢\"}}").into_bytes(),
    }
}

pub(super) fn answer(key: &str, given_at: DateTime<Utc>) -> AnswerRow {
    AnswerRow {
        tenant: TENANT,
        key: key.into(),
        request_hash: std::array::from_fn(|i| 255 - i as u8),
        answer: vec![0xff, 0, b'{'],
        at: given_at,
    }
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
