//! Reading the JSON of requests about characters: what is wrong with it is told by field.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::CharacterId;
use crate::domain::catalog::characters::color;
use crate::domain::character::{MAX_COORDINATE, MAX_TEXT_CHARS, Name, NameProblem, Place, Trait};
use crate::edge::http::error::{Code, Error};
use crate::edge::operations::characters::character_ref;
use crate::store::CharacterRef;

/// Most fields of an appearance, or stats, in one request.
pub(super) const MAX_ENTRIES: usize = 64;
/// The reason of a change for which the caller gave none.
const DEFAULT_REASON: &str = "user_requested";

/// The members of a request's object that were not read yet.
pub struct Body(Map<String, Value>);

impl Body {
    /// An object, or nothing at all where nothing is required.
    ///
    /// # Errors
    /// [`Code::InvalidJson`], [`Code::InvalidDocument`] for JSON that is no object, and
    /// [`Code::InvalidField`] where it holds something beyond all bounds.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) => {
                Err(Error::new(Code::InvalidDocument, "the body is not an object").unprocessable())
            }
            // JSON all the same, but for what no number can be and nobody nests so deep.
            Err(error) if serde_json::from_slice::<&RawValue>(bytes).is_ok() => {
                Err(Error::new(Code::InvalidField, error.to_string()).unprocessable())
            }
            Err(error) => Err(Error::new(Code::InvalidJson, error.to_string())),
        }
    }

    /// Everything was read.
    ///
    /// # Errors
    /// [`Code::UnknownField`].
    pub fn end(self) -> Result<(), Error> {
        match self.0.keys().next() {
            Some(unknown) => {
                Err(Error::new(Code::UnknownField, format!("there is no field {unknown}")))
            }
            None => Ok(()),
        }
    }

    /// Nothing is left to be read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The character a request is about that has no path to name it.
    pub fn character(&mut self) -> Result<CharacterRef, Error> {
        match (self.optional::<String>("character_id")?, self.optional::<u32>("number")?) {
            (Some(id), None) => character_ref(&id)
                .ok_or_else(|| invalid("character_id", "must be a UUID, or a number as n:12345")),
            (None, Some(number)) => Ok(CharacterRef::Number(CharacterId(number))),
            (None, None) => Err(missing("character_id")),
            (Some(_), Some(_)) => Err(invalid("number", "must not stand beside character_id")),
        }
    }

    /// A field that may be absent; null is the same.
    pub fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Error> {
        match self.0.remove(name).unwrap_or_default() {
            Value::Null => Ok(None),
            value => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| invalid(name, &error.to_string())),
        }
    }

    pub fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Error> {
        self.optional(name)?.ok_or_else(|| missing(name))
    }

    /// A word of the catalog; whether it has it, the character's step says.
    pub fn word(&mut self, name: &str) -> Result<Option<Box<str>>, Error> {
        self.text(name)
    }

    /// Text that goes into events as it is.
    pub fn text(&mut self, name: &str) -> Result<Option<Box<str>>, Error> {
        let Some(text) = self.optional::<String>(name)? else { return Ok(None) };
        let num_chars = text.chars().count();
        if num_chars == 0 || num_chars > MAX_TEXT_CHARS || text.contains(char::is_control) {
            return Err(invalid(name, "must be 1 to 64 characters, none of them a control"));
        }
        Ok(Some(text.into()))
    }

    pub fn reason(&mut self) -> Result<Box<str>, Error> {
        Ok(self.text("reason")?.unwrap_or_else(|| DEFAULT_REASON.into()))
    }

    /// Not the nil UUID, which stands for nobody.
    pub fn uuid(&mut self, name: &str) -> Result<Option<Uuid>, Error> {
        match self.optional::<Uuid>(name)? {
            Some(uuid) if uuid.is_nil() => Err(invalid(name, "must not be the nil uuid")),
            uuid => Ok(uuid),
        }
    }

    pub fn name(&mut self) -> Result<Option<Name>, Error> {
        let Some(text) = self.optional::<String>("name")? else { return Ok(None) };
        Name::chosen(&text).map(Some).map_err(name_problem)
    }

    pub fn place(&mut self) -> Result<Place, Error> {
        Ok(Place {
            world: self.text("world_id")?.ok_or_else(|| missing("world_id"))?,
            zone: self.text("zone_id")?.ok_or_else(|| missing("zone_id"))?,
            x: self.coordinate("position_x")?,
            y: self.coordinate("position_y")?,
            z: self.coordinate("position_z")?,
        })
    }

    fn coordinate(&mut self, name: &str) -> Result<f64, Error> {
        let number: f64 = self.required(name)?;
        if number.is_finite() && number.abs() <= MAX_COORDINATE {
            Ok(number)
        } else {
            Err(invalid(name, "must be a number within 10000000 of zero"))
        }
    }

    /// Fields of an appearance, under `name` or all that is left.
    pub fn appearance(&mut self, name: Option<&str>) -> Result<Vec<(Box<str>, Trait)>, Error> {
        let fields = match name {
            Some(name) => self.optional::<Map<String, Value>>(name)?.unwrap_or_default(),
            None => std::mem::take(&mut self.0),
        };
        bounded(fields.len())?;
        fields
            .into_iter()
            .map(|(name, value)| Ok((look(&name, &value)?, name)))
            .map(|read| read.map(|(value, name)| (name.into(), value)))
            .collect()
    }

    /// All that is left: points for each stat.
    pub fn points(&mut self) -> Result<Vec<(Box<str>, u32)>, Error> {
        let stats = std::mem::take(&mut self.0);
        bounded(stats.len())?;
        if stats.is_empty() {
            let detail = "points for at least one stat are needed";
            return Err(Error::new(Code::MissingField, detail).unprocessable());
        }
        stats
            .into_iter()
            .map(|(name, points)| {
                match points.as_u64() {
                    // Nobody has more than can be counted.
                    Some(points @ 1..) => {
                        Ok((name.into(), u32::try_from(points).unwrap_or(u32::MAX)))
                    }
                    _ => Err(invalid(&name, "must be a whole number from 1 on")),
                }
            })
            .collect()
    }
}

pub fn missing(name: &str) -> Error {
    Error::new(Code::MissingField, format!("{name} is missing")).unprocessable()
}

pub fn invalid(name: &str, problem: &str) -> Error {
    Error::new(Code::InvalidField, format!("{name}: {problem}")).unprocessable()
}

pub fn name_problem(problem: NameProblem) -> Error {
    match problem {
        NameProblem::Length => Error::new(Code::InvalidName, "a name has 3 to 30 characters"),
        NameProblem::Character => Error::new(
            Code::InvalidName,
            "a name has letters, digits, single spaces, hyphens and apostrophes",
        ),
        NameProblem::Reserved => crate::domain::Reason::NameReserved.into(),
    }
}

fn look(name: &str, value: &Value) -> Result<Trait, Error> {
    let color = value.as_str().and_then(color).map(Trait::Color);
    color
        .or_else(|| value.as_i64().map(Trait::Number))
        .ok_or_else(|| invalid(name, "must be a whole number or a colour like #5A3825"))
}

fn bounded(num_entries: usize) -> Result<(), Error> {
    if num_entries > MAX_ENTRIES {
        return Err(Error::new(Code::InvalidField, "too many fields").unprocessable());
    }
    Ok(())
}
