//! What is sent about pets. Over HTTP: a JSON:API document with a pet, or with its new name.
//! Over NATS, where there is no path to name the pet: the attributes alone, beside `petId`.

pub mod schema;

use chrono::{DateTime, Datelike as _, Days, SubsecRound as _, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use super::document::PETS;
use super::page;
use crate::domain::input::NewPet;
use crate::domain::pet::{DEFAULT_NAME, MAX_CLOSENESS, MAX_FULLNESS, MAX_LEVEL, MAX_NAME_CHARS};
use crate::domain::{Catalog, CharacterId, PetId};
use crate::edge::http::error::{Code, Error};

/// Characters of a new name, after trimming.
const RENAME_CHARS: std::ops::RangeInclusive<usize> = 4..=12;
/// Days that a pet lives which is created without an expiration, of a template that the catalog
/// does not have.
const DEFAULT_LIFE_DAYS: u32 = 90;
/// Attributes of a pet that a caller may send back and cannot set.
const READ_ONLY: [&str; 6] = ["id", "slot", "x", "y", "stance", "fh"];
/// Attributes a caller sets at creation.
const SETTABLE: [&str; 11] = [
    "cashId",
    "templateId",
    "name",
    "level",
    "closeness",
    "fullness",
    "expiration",
    "ownerId",
    "flag",
    "purchaseBy",
    "excludes",
];

/// A pet to be created, with all defaults, that has no id yet.
#[derive(PartialEq, Debug)]
pub struct Creation {
    pub owner: CharacterId,
    /// With pet id 0.
    pub pet: NewPet,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Exclude {
    item_id: u32,
}

impl Creation {
    /// Reads a document; `owner` as the path names it.
    ///
    /// # Errors
    /// A code of status 400 or 422.
    pub fn parse(
        body: &[u8],
        owner: Option<CharacterId>,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let fields = resource(body)?.required_object("attributes", &attributes())?;
        Self::of(fields, owner, catalog, now)
    }

    /// Reads attributes that stand in no document.
    ///
    /// # Errors
    /// A code of status 400 or 422.
    pub fn of_attributes(
        body: &[u8],
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        Self::of(flat(body, &attributes())?, None, catalog, now)
    }

    fn of(
        mut fields: Fields,
        owner: Option<CharacterId>,
        catalog: &Catalog,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let given = fields.take("ownerId")?.filter(|&owner| owner != 0).map(CharacterId);
        if let (Some(path), Some(given)) = (owner, given)
            && path != given
        {
            return Err(fields.invalid("ownerId", "another than the path's"));
        }
        let owner = owner.or(given).filter(|owner| owner.0 != 0);
        let template = fields.take("templateId")?.filter(|&template| template != 0);
        let template_id = template.ok_or_else(|| fields.missing("templateId"))?;
        let life_days = catalog.template(template_id).map(|template| template.life_days);
        let life = Days::new(life_days.unwrap_or(DEFAULT_LIFE_DAYS).into());
        let pet = NewPet {
            id: PetId(0),
            template_id,
            cash_id: fields.take("cashId")?.unwrap_or(0),
            name: fields.name()?,
            level: fields.level()?,
            closeness: fields.closeness()?,
            fullness: fields.fullness()?,
            expiration: Some(fields.expiration(now, life)?),
            flag: fields.take("flag")?.unwrap_or(0),
            purchase_by: fields.take("purchaseBy")?.unwrap_or(0),
            excludes: fields.excludes()?,
            asset: None,
        };
        Ok(Self { owner: owner.ok_or_else(|| fields.missing("ownerId"))?, pet })
    }
}

/// The new name in a document about `pet`, trimmed.
///
/// # Errors
/// A code of status 400 or 422.
pub fn rename(body: &[u8], pet: PetId) -> Result<Box<str>, Error> {
    let mut resource = resource(body)?;
    let id: Option<String> = resource.take("id")?;
    // Clients that marshal a struct send the zero value of what they left out.
    if id.is_some_and(|id| !matches!(&*id, "" | "0") && id != pet.to_string()) {
        return Err(resource.invalid("id", "another than the path's"));
    }
    resource.required_object("attributes", &["name"])?.new_name()
}

/// The pet of a request that says no more.
///
/// # Errors
/// A code of status 400 or 422.
pub fn pet(body: &[u8]) -> Result<PetId, Error> {
    flat(body, &["petId"])?.pet()
}

/// The pet and its new name, trimmed.
///
/// # Errors
/// A code of status 400 or 422.
pub fn renaming(body: &[u8]) -> Result<(PetId, Box<str>), Error> {
    let mut fields = flat(body, &["petId", "name"])?;
    Ok((fields.pet()?, fields.new_name()?))
}

/// Whose pets are asked for, and which of them.
///
/// # Errors
/// A code of status 400 or 422.
pub fn listing(body: &[u8]) -> Result<(CharacterId, page::Request), Error> {
    let mut fields = flat(body, &["characterId", "page"])?;
    let owner: u32 = fields.take("characterId")?.ok_or_else(|| fields.missing("characterId"))?;
    let page = match fields.members.remove("page").unwrap_or_default() {
        Value::Null => page::Request::default(),
        page => {
            let mut page = Fields::of(page, "page.".to_owned(), &["number", "size"])?;
            page::Request::new(page.take("number")?, page.take("size")?)?
        }
    };
    Ok((CharacterId(owner), page))
}

fn attributes() -> Vec<&'static str> {
    SETTABLE.into_iter().chain(READ_ONLY).collect()
}

fn flat(body: &[u8], known: &[&str]) -> Result<Fields, Error> {
    Fields::of(json(body)?, String::new(), known)
}

fn json(body: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(body).map_err(|error| Error::new(Code::InvalidJson, error.to_string()))
}

/// The primary data of a document about a pet.
fn resource(body: &[u8]) -> Result<Fields, Error> {
    let members = ["data", "jsonapi", "meta", "links", "included"];
    let mut document = Fields::of(json(body)?, String::new(), &members)?;
    let members = ["type", "id", "attributes", "relationships", "links", "meta"];
    let mut resource = document.required_object("data", &members)?;
    match resource.take::<String>("type")? {
        Some(given) if given == PETS => Ok(resource),
        Some(_) => Err(resource.invalid("type", "not `pets`")),
        None => Err(resource.missing("type")),
    }
}

/// The members of an object, and where it stands in the document.
struct Fields {
    members: Map<String, Value>,
    /// Ends with a full stop, unless it is the document itself.
    path: String,
}

impl Fields {
    fn of(value: Value, path: String, known: &[&str]) -> Result<Self, Error> {
        let Value::Object(members) = value else {
            let what = path.strip_suffix('.').unwrap_or("the document");
            return Err(Error::new(Code::InvalidDocument, format!("{what} is not an object")));
        };
        match members.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => {
                let detail = format!("there is no field {path}{unknown}");
                Err(Error::new(Code::UnknownField, detail))
            }
            None => Ok(Self { members, path }),
        }
    }

    fn required_object(&mut self, name: &str, known: &[&str]) -> Result<Self, Error> {
        let value = self.members.remove(name).ok_or_else(|| self.missing(name))?;
        Self::of(value, format!("{}{name}.", self.path), known)
    }

    /// A field that may be absent; null is the same.
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let value = self.members.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|error| {
            Error::new(Code::InvalidField, format!("{}{name}: {error}", self.path))
        })
    }

    fn name(&mut self) -> Result<Box<str>, Error> {
        let name: String = self.take("name")?.unwrap_or_default();
        if name.contains(char::is_control) {
            return Err(self.invalid("name", "text with control characters"));
        }
        if name.chars().count() > MAX_NAME_CHARS {
            return Err(self.invalid("name", "longer than 13 characters"));
        }
        Ok(if name.trim().is_empty() { DEFAULT_NAME.into() } else { name.into() })
    }

    /// As a number, or as the text that documents have for an id.
    fn pet(&mut self) -> Result<PetId, Error> {
        let id = match self.members.remove("petId").unwrap_or_default() {
            Value::Null => return Err(self.missing("petId")),
            Value::String(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok()
            }
            id => id.as_u64().and_then(|id| u32::try_from(id).ok()),
        };
        id.map(PetId).ok_or_else(|| self.invalid("petId", "no number of 32 bits"))
    }

    /// Of a pet that has one already; trimmed.
    fn new_name(&mut self) -> Result<Box<str>, Error> {
        let name: String = self.take("name")?.ok_or_else(|| self.missing("name"))?;
        let name = name.trim();
        if name.contains(char::is_control) {
            return Err(self.invalid("name", "text with control characters"));
        }
        if !RENAME_CHARS.contains(&name.chars().count()) {
            return Err(self.invalid("name", "not 4 to 12 characters long"));
        }
        Ok(name.into())
    }

    /// Any number is a level; those that no pet can have are the first.
    fn level(&mut self) -> Result<u8, Error> {
        let level = self.take::<Number>("level")?.and_then(|level| level.as_u64());
        let level = level.and_then(|level| u8::try_from(level).ok());
        Ok(level.filter(|level| (1..=MAX_LEVEL).contains(level)).unwrap_or(1))
    }

    fn closeness(&mut self) -> Result<u16, Error> {
        match self.take("closeness")?.unwrap_or(0) {
            closeness @ 0..=MAX_CLOSENESS => Ok(closeness),
            _ => Err(self.invalid("closeness", "above 30000")),
        }
    }

    fn fullness(&mut self) -> Result<u8, Error> {
        match self.take("fullness")?.unwrap_or(0) {
            0 => Ok(MAX_FULLNESS),
            fullness @ 1..=MAX_FULLNESS => Ok(fullness),
            _ => Err(self.invalid("fullness", "above 100")),
        }
    }

    /// Year 1 is the zero of the callers' clocks.
    fn expiration(&mut self, now: DateTime<Utc>, life: Days) -> Result<DateTime<Utc>, Error> {
        let given: Option<DateTime<Utc>> = self.take("expiration")?;
        let at = match given {
            Some(at) if at.year() > 9999 => {
                return Err(self.invalid("expiration", "after the year 9999"));
            }
            Some(at) if at.year() > 1 => at,
            _ => now + life,
        };
        // As exact as the database, so that every answer names the same instant.
        Ok(at.trunc_subsecs(6))
    }

    fn excludes(&mut self) -> Result<Box<[u32]>, Error> {
        let excludes: Vec<Exclude> = self.take("excludes")?.unwrap_or_default();
        Ok(excludes.into_iter().map(|exclude| exclude.item_id).collect())
    }

    fn missing(&self, name: &str) -> Error {
        Error::new(Code::MissingField, format!("{}{name} is missing", self.path))
    }

    fn invalid(&self, name: &str, problem: &str) -> Error {
        Error::new(Code::InvalidField, format!("{}{name} is {problem}", self.path))
    }
}

#[cfg(test)]
mod tests;
