//! The records of `docs/spec/pet-kafka.md`: four topics read, one written.
//!
//! A field has the range of the upstream service's type, and anything outside it makes the
//! record malformed; so do a known key that stands twice and nesting deeper than 128 levels.
//! Unknown keys are skipped. `null` is the same as absent. Fields that no rule reads are not
//! looked at, so that no record is lost for their sake.

pub mod asset;
pub mod character;
pub mod command;
pub mod headers;
pub mod key;
pub mod movement;
mod plain;
mod refused;
pub mod status;

pub use asset::encode as encode_asset;
pub use character::encode as encode_status;
pub use command::encode as encode_command;
pub use key::key;
pub use movement::encode as encode_movement;
pub use refused::Refused;
pub use status::decode as decode_status;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{self, Object};

/// A body of which nothing is read.
#[derive(Deserialize)]
struct Empty {}

fn record<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, Refused> {
    // Once for the whole record, so that what is skipped is UTF-8 too.
    let text = std::str::from_utf8(payload).map_err(|error| Refused::malformed("", error))?;
    if json::is_deeper_than(json::MAX_DEPTH, text) {
        return Err(Refused::malformed("", "nested deeper than 128 levels"));
    }
    match serde_json::from_str(text) {
        Ok(Object(record)) => Ok(record),
        Err(error) => Err(Refused::malformed("", error)),
    }
}

/// An absent body reads like an empty one: what the type requires is then missing.
fn body<'a, T: Deserialize<'a>>(body: Option<&'a RawValue>) -> Result<T, Refused> {
    match serde_json::from_str(body.map_or("{}", RawValue::get)) {
        Ok(Object(body)) => Ok(body),
        Err(error) => Err(Refused::malformed("in body: ", error)),
    }
}

fn to_json(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("keys are text and writing to memory cannot fail")
}
