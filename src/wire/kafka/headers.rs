//! Record headers: tenant, trace, environment (`spec/rules.md` section 4).

use uuid::Uuid;

use crate::domain::{Tenant, TenantId};
use crate::wire::TraceParent;

/// 36 characters of UUID text.
pub const TENANT_ID: &str = "TENANT_ID";
/// Text.
pub const REGION: &str = "REGION";
/// Two bytes, big endian.
pub const MAJOR_VERSION: &str = "MAJOR_VERSION";
/// Two bytes, big endian.
pub const MINOR_VERSION: &str = "MINOR_VERSION";
/// W3C trace context, text.
pub const TRACEPARENT: &str = "traceparent";
/// W3C trace context, text.
pub const TRACESTATE: &str = "tracestate";
/// Echoed byte for byte into what a record causes.
pub const ENVIRONMENT: &str = "ENVIRONMENT";
/// On what we produce: the event's id, 36 characters of UUID text.
pub const EVENT_ID: &str = "event-id";

/// Longest region accepted, in bytes.
const MAX_REGION_BYTES: usize = 64;
/// Longest `tracestate` passed on, in bytes: what W3C asks every hop to carry at least.
const MAX_TRACESTATE_BYTES: usize = 512;

/// The tenant of one record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TenantHeaders<'a> {
    pub id: Uuid,
    /// Not empty, without control characters: it also travels as a NATS header.
    pub region: &'a str,
    pub major: u16,
    pub minor: u16,
}

impl TenantHeaders<'_> {
    pub fn to_tenant(self) -> Tenant {
        Tenant {
            id: TenantId(self.id),
            region: self.region.into(),
            major: self.major,
            minor: self.minor,
        }
    }
}

/// What the headers of one record say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecordHeaders<'a> {
    /// None when there is no `TENANT_ID` at all.
    pub tenant: Option<TenantHeaders<'a>>,
    /// None also when it is invalid: a new trace starts.
    pub traceparent: Option<TraceParent>,
    /// Only beside a valid `traceparent`.
    pub tracestate: Option<&'a str>,
    /// Present, possibly empty, when the header was.
    pub environment: Option<&'a [u8]>,
}

/// Tenant headers that are there but name no tenant. Its text is the detail of the dead
/// letter `missing_tenant`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("header {0} is missing")]
    Missing(&'static str),
    #[error("header {name} is not {expected}")]
    Malformed { name: &'static str, expected: &'static str },
}

/// The raw values of the headers we read. Of a header that stands twice, the last counts.
#[derive(Clone, Copy, Default, Debug)]
pub struct Raw<'a> {
    tenant: Option<&'a [u8]>,
    region: Option<&'a [u8]>,
    major: Option<&'a [u8]>,
    minor: Option<&'a [u8]>,
    traceparent: Option<&'a [u8]>,
    tracestate: Option<&'a [u8]>,
    environment: Option<&'a [u8]>,
}

impl<'a> Raw<'a> {
    /// Collects in one pass; a header without a value counts as an empty one.
    pub fn collect(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut raw = Self::default();
        for (name, value) in headers {
            let field = match name {
                TENANT_ID => &mut raw.tenant,
                REGION => &mut raw.region,
                MAJOR_VERSION => &mut raw.major,
                MINOR_VERSION => &mut raw.minor,
                TRACEPARENT => &mut raw.traceparent,
                TRACESTATE => &mut raw.tracestate,
                ENVIRONMENT => &mut raw.environment,
                _ => continue,
            };
            *field = Some(value);
        }
        raw
    }

    /// `Ok(None)` when there is no `TENANT_ID` at all.
    ///
    /// # Errors
    /// One of the four headers is missing or unreadable.
    pub fn tenant(&self) -> Result<Option<TenantHeaders<'a>>, HeaderError> {
        let Some(id) = self.tenant else { return Ok(None) };
        Ok(Some(TenantHeaders {
            id: tenant_id(id)?,
            region: region(self.region.ok_or(HeaderError::Missing(REGION))?)?,
            major: version(MAJOR_VERSION, self.major)?,
            minor: version(MINOR_VERSION, self.minor)?,
        }))
    }

    /// The values of the four tenant headers, if those are all that stand here of what we read.
    pub fn only_tenant(&self) -> Option<[&'a [u8]; 4]> {
        let Self { traceparent: None, tracestate: None, environment: None, .. } = self else {
            return None;
        };
        Some([self.tenant?, self.region?, self.major?, self.minor?])
    }

    /// Everything but the tenant, which `tenancy.default` may stand in for.
    pub fn without_tenant(&self) -> RecordHeaders<'a> {
        let traceparent = self.traceparent.and_then(TraceParent::parse);
        let tracestate = traceparent.and(self.tracestate).and_then(tracestate);
        RecordHeaders { tenant: None, traceparent, tracestate, environment: self.environment }
    }
}

/// The tenant of one record from its raw headers. `Ok(None)` when there is no `TENANT_ID`
/// at all.
///
/// # Errors
/// One of the four tenant headers is missing beside `TENANT_ID`, or unreadable.
pub fn tenant<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<Option<TenantHeaders<'a>>, HeaderError> {
    Raw::collect(headers).tenant()
}

/// Everything the headers of one record say, in one pass. Where a default tenant may stand
/// in for an unreadable one, [`Raw`] gives the rest all the same.
///
/// # Errors
/// As [`tenant`].
pub fn read<'a>(
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Result<RecordHeaders<'a>, HeaderError> {
    let raw = Raw::collect(headers);
    Ok(RecordHeaders { tenant: raw.tenant()?, ..raw.without_tenant() })
}

/// The four tenant headers of a record to produce.
pub fn of_tenant(tenant: &Tenant) -> [(&'static str, Vec<u8>); 4] {
    [
        (TENANT_ID, tenant.id.to_string().into_bytes()),
        (REGION, tenant.region.as_bytes().to_vec()),
        (MAJOR_VERSION, tenant.major.to_be_bytes().to_vec()),
        (MINOR_VERSION, tenant.minor.to_be_bytes().to_vec()),
    ]
}

fn tenant_id(value: &[u8]) -> Result<Uuid, HeaderError> {
    let malformed = HeaderError::Malformed { name: TENANT_ID, expected: "a uuid of 36 characters" };
    if value.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(malformed);
    }
    Uuid::try_parse_ascii(value).map_err(|_| malformed)
}

fn region(value: &[u8]) -> Result<&str, HeaderError> {
    std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.is_empty() && text.len() <= MAX_REGION_BYTES)
        .filter(|text| !text.contains(char::is_control))
        .ok_or(HeaderError::Malformed { name: REGION, expected: "text of 1 to 64 bytes" })
}

fn version(name: &'static str, value: Option<&[u8]>) -> Result<u16, HeaderError> {
    let value = value.ok_or(HeaderError::Missing(name))?;
    let bytes = value
        .try_into()
        .map_err(|_| HeaderError::Malformed { name, expected: "two bytes, big endian" })?;
    Ok(u16::from_be_bytes(bytes))
}

fn tracestate(value: &[u8]) -> Option<&str> {
    let is_passed_on = (1..=MAX_TRACESTATE_BYTES).contains(&value.len())
        && value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    if is_passed_on { std::str::from_utf8(value).ok() } else { None }
}

#[cfg(test)]
mod tests;
