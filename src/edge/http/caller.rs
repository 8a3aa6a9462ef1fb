//! Who asks, and on behalf of which trace.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;

use super::auth::Principal;
use super::error::{Code, Error};
use crate::domain::{Tenant, TenantId};
use crate::engine::record::Cause;
use crate::wire::kafka::headers::{
    MAJOR_VERSION, MINOR_VERSION, REGION, Raw, TENANT_ID, TRACEPARENT, TRACESTATE,
};

/// Who makes a request, the tenant it is about, and what its events carry on.
pub struct Caller {
    pub principal: Principal,
    tenant: Arc<Tenant>,
    pub cause: Arc<Cause>,
}

impl Caller {
    /// Reads the headers; `default` stands in for a tenant that is not named, never for one
    /// that is named wrongly.
    ///
    /// # Errors
    /// [`Code::InvalidTenant`].
    pub fn of(
        principal: Principal,
        headers: &HeaderMap,
        default: Option<&Arc<Tenant>>,
    ) -> Result<Self, Error> {
        let tenant = match (tenant(headers)?, default) {
            (Some(tenant), _) => Arc::new(tenant),
            (None, Some(default)) => Arc::clone(default),
            (None, None) => return Err(invalid(format!("header {TENANT_ID} is missing"))),
        };
        let trace = [TRACEPARENT, TRACESTATE]
            .into_iter()
            .filter_map(|name| Some((name, headers.get(name)?.as_bytes())));
        let trace = Raw::collect(trace).without_tenant();
        let cause = Cause {
            trace: trace.traceparent,
            tracestate: trace.tracestate.map(Into::into),
            ..Cause::of(Arc::clone(&tenant))
        };
        Ok(Self { principal, tenant, cause: Arc::new(cause) })
    }

    pub fn tenant_id(&self) -> TenantId {
        self.tenant.id
    }
}

/// The headers of a record, but for the versions: text here, two bytes on Kafka.
fn tenant(headers: &HeaderMap) -> Result<Option<Tenant>, Error> {
    if [TENANT_ID, REGION, MAJOR_VERSION, MINOR_VERSION]
        .iter()
        .all(|name| !headers.contains_key(*name))
    {
        return Ok(None);
    }
    let versions = [version(headers, MAJOR_VERSION)?, version(headers, MINOR_VERSION)?];
    let texts = [TENANT_ID, REGION]
        .into_iter()
        .filter_map(|name| Some((name, headers.get(name)?.as_bytes())));
    let versions = [MAJOR_VERSION, MINOR_VERSION].into_iter().zip(versions.iter().map(|v| &v[..]));
    let named = Raw::collect(texts.chain(versions)).tenant();
    let named = named.map_err(|error| invalid(error.to_string()))?;
    // Part of a name is a name given wrongly: the default must not stand in for it.
    let named = named.ok_or_else(|| invalid(format!("header {TENANT_ID} is missing")))?;
    Ok(Some(named.to_tenant()))
}

fn version(headers: &HeaderMap, name: &'static str) -> Result<[u8; 2], Error> {
    let value = headers.get(name).ok_or_else(|| invalid(format!("header {name} is missing")))?;
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse::<u16>().ok()) {
        Some(version) => Ok(version.to_be_bytes()),
        None => Err(invalid(format!("header {name} is not a number from 0 to 65535"))),
    }
}

fn invalid(detail: String) -> Error {
    Error::new(Code::InvalidTenant, detail)
}

#[cfg(test)]
mod tests;
