//! Paging: `page[number]` from 1, `page[size]` up to 250; over NATS `{"number": …, "size": …}`.

use actix_web::web::Query;
use serde::Serialize;

use crate::edge::http::error::{Code, Error};

/// The largest page, and the one served when no size is given.
const MAX_SIZE: u64 = 250;

/// Which page is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    number: u64,
    size: u64,
}

/// The page that is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PageOfPets)]
pub struct Page {
    number: u64,
    size: u64,
    /// At least 1, also when there is nothing.
    last: u64,
}

/// Where this page and its neighbours are; null where there is none.
#[derive(PartialEq, Eq, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = PageLinks)]
pub struct Links {
    #[serde(rename = "self")]
    this: String,
    first: String,
    last: String,
    prev: Option<String>,
    next: Option<String>,
}

impl Default for Request {
    fn default() -> Self {
        Self { number: 1, size: MAX_SIZE }
    }
}

impl Request {
    /// # Errors
    /// [`Code::InvalidPage`].
    pub fn new(number: Option<u64>, size: Option<u64>) -> Result<Self, Error> {
        let first = Self::default();
        let page =
            Self { number: number.unwrap_or(first.number), size: size.unwrap_or(first.size) };
        if page.number == 0 || !(1..=MAX_SIZE).contains(&page.size) {
            let detail = "a page has a number from 1 on, and a size from 1 to 250";
            return Err(Error::new(Code::InvalidPage, detail));
        }
        Ok(page)
    }

    /// Reads a query string. Parameters that are not about pages are none of its business.
    ///
    /// # Errors
    /// [`Code::InvalidPage`].
    pub fn parse(query: &str) -> Result<Self, Error> {
        let invalid = |detail: String| Error::new(Code::InvalidPage, detail);
        let parameters = Query::<Vec<(String, String)>>::from_query(query)
            .map_err(|_| invalid("the query string is not readable".into()))?;
        let (mut number, mut size) = (None, None);
        for (name, value) in parameters.into_inner() {
            let (field, max) = match name.as_str() {
                "page[number]" => (&mut number, u64::MAX),
                "page[size]" => (&mut size, MAX_SIZE),
                other if other.starts_with("page[") => {
                    return Err(invalid(format!("there is no parameter {other}")));
                }
                _ => continue,
            };
            if field.is_some() {
                return Err(invalid(format!("{name} stands twice")));
            }
            let is_digits = value.bytes().all(|byte| byte.is_ascii_digit());
            let parsed =
                value.parse().ok().filter(|parsed| is_digits && (1..=max).contains(parsed));
            let bounds = if max == MAX_SIZE { "a number from 1 to 250" } else { "a number from 1" };
            *field = Some(parsed.ok_or_else(|| invalid(format!("{name} is not {bounds}")))?);
        }
        Self::new(number, size)
    }

    /// How many items stand before the page.
    pub fn offset(self) -> u64 {
        (self.number - 1).saturating_mul(self.size)
    }

    /// Most items of the page.
    pub fn size(self) -> u64 {
        self.size
    }

    /// The page among `total` items.
    pub fn among(self, total: u64) -> Page {
        let last = total.div_ceil(self.size).max(1);
        Page { number: self.number, size: self.size, last }
    }
}

impl Page {
    /// Brackets are percent-encoded: RFC 3986 allows none in a query.
    pub fn links(self, path: &str) -> Links {
        let Self { number, size, last } = self;
        let link = |number| format!("{path}?page%5Bnumber%5D={number}&page%5Bsize%5D={size}");
        Links {
            this: link(number),
            first: link(1),
            last: link(last),
            prev: (number > 1).then(|| link(last.min(number - 1))),
            next: (number < last).then(|| link(number + 1)),
        }
    }
}

#[cfg(test)]
mod tests;
