#![allow(clippy::unwrap_used)]

use actix_web::http::header::{HeaderName, HeaderValue};
use uuid::uuid;

use super::*;
use crate::domain::TenantId;

const TENANT: [(&str, &str); 4] = [
    ("TENANT_ID", "083839c6-c47c-42a6-9585-76492795d123"),
    ("REGION", "GMS"),
    ("MAJOR_VERSION", "83"),
    ("MINOR_VERSION", "1"),
];
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    pairs
        .into_iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn tenant_of(region: &str) -> Tenant {
    let id = TenantId(uuid!("083839c6-c47c-42a6-9585-76492795d123"));
    Tenant { id, region: region.into(), major: 83, minor: 1 }
}

fn of(headers: &HeaderMap, default: Option<&Arc<Tenant>>) -> Result<Caller, Error> {
    Caller::of(Principal::Anonymous, headers, default)
}

fn default() -> Arc<Tenant> {
    Arc::new(tenant_of("default"))
}

#[test]
fn the_four_headers_name_the_tenant() {
    let caller = of(&headers(TENANT), Some(&default())).unwrap();
    assert_eq!(*caller.tenant, tenant_of("GMS"));
    assert_eq!(caller.cause.tenant.as_deref(), Some(&tenant_of("GMS")));
}

#[test]
fn the_default_stands_in_for_a_tenant_that_is_not_named() {
    let caller = of(&HeaderMap::new(), Some(&default())).unwrap();
    assert_eq!(*caller.tenant, tenant_of("default"));
    let error = of(&HeaderMap::new(), None).err().unwrap();
    assert_eq!(error.code, Code::InvalidTenant);
}

#[test]
fn a_tenant_named_wrongly_is_refused_even_with_a_default() {
    for (index, value) in [(0, "x"), (1, ""), (2, "0x53"), (2, "65536"), (3, "+1"), (3, "")] {
        let mut pairs = TENANT;
        pairs[index].1 = value;
        let error = of(&headers(pairs), Some(&default())).err();
        assert_eq!(error.map(|error| error.code), Some(Code::InvalidTenant), "{:?}", pairs[index]);
    }
    for (missing, _) in TENANT {
        let rest = headers(TENANT.into_iter().filter(|(name, _)| *name != missing));
        assert!(of(&rest, Some(&default())).is_err(), "without {missing}");
    }
}

#[test]
fn the_trace_goes_on_into_what_the_request_causes() {
    let traced = headers([("traceparent", TRACE), ("tracestate", "a=b")]);
    let cause = of(&traced, Some(&default())).unwrap().cause;
    assert_eq!(cause.trace.unwrap().to_string(), TRACE);
    assert_eq!(cause.tracestate.as_deref(), Some("a=b"));
}

#[test]
fn an_invalid_trace_is_absent() {
    let traced = headers([("traceparent", "00-0-0-01"), ("tracestate", "a=b")]);
    let cause = of(&traced, Some(&default())).unwrap().cause;
    assert_eq!((cause.trace, cause.tracestate.as_deref()), (None, None));
}
