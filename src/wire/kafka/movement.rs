//! `COMMAND_TOPIC_PET_MOVEMENT`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Refused;
use super::plain::Plain;
use crate::domain::owner::Movement;
use crate::domain::{CharacterId, PetId};

/// A movement and who reports it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MovementRecord {
    /// `observerId`: the character whose pet it should be.
    pub observer: CharacterId,
    pub movement: Movement,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    world_id: u8,
    channel_id: u8,
    map_id: u32,
    instance: Option<Uuid>,
    /// 64 bits upstream; a pet's number has 32.
    object_id: u32,
    observer_id: u32,
    x: i16,
    y: i16,
    stance: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    fh: Option<i16>,
}

/// Reads one movement; a missing instance is the nil UUID.
///
/// # Errors
/// [`Refused::Malformed`].
pub fn decode(payload: &[u8]) -> Result<MovementRecord, Refused> {
    match plain(payload) {
        Some(record) => Ok(record.into()),
        None => with_serde(payload),
    }
}

fn with_serde(payload: &[u8]) -> Result<MovementRecord, Refused> {
    super::record::<Record>(payload).map(MovementRecord::from)
}

fn plain(payload: &[u8]) -> Option<Record> {
    let mut rest = Plain::of(payload);
    let record = Record {
        world_id: rest.integer(b"{\"worldId\":")?,
        channel_id: rest.integer(b",\"channelId\":")?,
        map_id: rest.integer(b",\"mapId\":")?,
        instance: Some(rest.uuid(b",\"instance\":\"")?),
        object_id: rest.integer(b",\"objectId\":")?,
        observer_id: rest.integer(b",\"observerId\":")?,
        x: rest.integer(b",\"x\":")?,
        y: rest.integer(b",\"y\":")?,
        stance: rest.integer(b",\"stance\":")?,
        fh: rest.integer(b",\"fh\":"),
    };
    rest.end(b"}")?;
    Some(record)
}

impl From<Record> for MovementRecord {
    fn from(record: Record) -> Self {
        Self {
            observer: CharacterId(record.observer_id),
            movement: Movement {
                pet: PetId(record.object_id),
                world: record.world_id,
                channel: record.channel_id,
                map: record.map_id,
                instance: record.instance.unwrap_or_default(),
                x: record.x,
                y: record.y,
                stance: record.stance,
                fh: record.fh,
            },
        }
    }
}

/// A movement as a channel server would send it.
pub fn encode(record: &MovementRecord) -> Vec<u8> {
    let movement = &record.movement;
    super::to_json(&Record {
        world_id: movement.world,
        channel_id: movement.channel,
        map_id: movement.map,
        instance: Some(movement.instance),
        object_id: movement.pet.0,
        observer_id: record.observer.0,
        x: movement.x,
        y: movement.y,
        stance: movement.stance,
        fh: movement.fh,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::wire::{spec, strategies};

    /// The specification's example, with an instance in place of the placeholder.
    fn example() -> String {
        spec::example(spec::PET_KAFKA, "### Pet Movement Command (Consumed)")
            .replace(r#""uuid""#, r#""6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11""#)
    }

    fn malformed(text: &str) -> String {
        match decode(text.as_bytes()) {
            Err(Refused::Malformed(what)) => what,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_example_of_the_specification_decodes() {
        let expected = MovementRecord {
            observer: CharacterId(12_345),
            movement: Movement {
                pet: PetId(1),
                world: 0,
                channel: 1,
                map: 100_000_000,
                instance: "6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11".parse().unwrap(),
                x: 100,
                y: 200,
                stance: 2,
                fh: None,
            },
        };
        assert_eq!(decode(example().as_bytes()), Ok(expected));
    }

    #[test]
    fn the_encoder_writes_the_example_of_the_specification() {
        let record = decode(example().as_bytes()).unwrap();
        assert_eq!(String::from_utf8(encode(&record)).unwrap(), spec::compact(&example()));
    }

    #[test]
    fn a_missing_instance_is_nil() {
        let absent =
            example().replace(r#""instance": "6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11","#, "");
        assert!(!absent.contains("instance"));
        let null = example().replace(r#""6f1c1c4e-6f2b-4b7e-9d55-0c2f5a9b7c11""#, "null");
        for text in [absent, null] {
            assert_eq!(decode(text.as_bytes()).unwrap().movement.instance, Uuid::nil());
        }
    }

    #[test]
    fn a_foothold_of_its_own_is_kept() {
        let text = example().replace(r#""stance": 2"#, r#""stance": 2, "fh": -7"#);
        assert_eq!(decode(text.as_bytes()).unwrap().movement.fh, Some(-7));
    }

    #[test]
    fn a_value_outside_its_type_is_malformed() {
        for (good, bad) in [
            (r#""worldId": 0"#, r#""worldId": 256"#),
            (r#""channelId": 1"#, r#""channelId": -1"#),
            (r#""mapId": 100000000"#, r#""mapId": 4294967296"#),
            (r#""objectId": 1"#, r#""objectId": 4294967296"#),
            (r#""observerId": 12345"#, r#""observerId": "12345""#),
            (r#""x": 100"#, r#""x": 32768"#),
            (r#""y": 200"#, r#""y": 200.0"#),
            (r#""stance": 2"#, r#""stance": 256"#),
            (r#""stance": 2"#, r#""stance": 2, "fh": 40000"#),
        ] {
            let text = example().replace(good, bad);
            assert_ne!(text, example(), "{good}");
            malformed(&text);
            malformed(&spec::compact(&text));
        }
    }

    #[test]
    fn a_missing_coordinate_is_malformed() {
        let what = malformed(&example().replace(r#""x": 100,"#, ""));
        assert!(what.contains("missing field `x`"), "{what}");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(record in strategies::movement()) {
            let encoded = encode(&record);
            prop_assert_eq!(with_serde(&encoded), Ok(record));
            prop_assert_eq!(plain(&encoded).map(MovementRecord::from), Some(record));
        }

        #[test]
        fn a_damaged_record_is_never_read_as_something_else(
            record in strategies::movement(),
            damage in strategies::damage(),
        ) {
            let damaged = damage.of(encode(&record));
            let expected = with_serde(&damaged);
            if let Some(plain) = plain(&damaged) {
                prop_assert_eq!(expected, Ok(plain.into()));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
