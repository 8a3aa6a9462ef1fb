#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

const ID: &str = "083839c6-c47c-42a6-9585-76492795d123";
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

type Headers = Vec<(&'static str, Vec<u8>)>;

fn gms() -> Headers {
    vec![
        (TENANT_ID, ID.into()),
        (REGION, "GMS".into()),
        (MAJOR_VERSION, vec![0, 83]),
        (MINOR_VERSION, vec![1, 0]),
    ]
}

fn with(name: &'static str, value: impl Into<Vec<u8>>) -> Headers {
    let mut headers = gms();
    headers.retain(|(other, _)| *other != name);
    headers.push((name, value.into()));
    headers
}

fn without(name: &str) -> Headers {
    gms().into_iter().filter(|(other, _)| *other != name).collect()
}

fn iter(headers: &Headers) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (*name, value.as_slice()))
}

#[test]
fn versions_are_two_bytes_big_endian() {
    let headers = gms();
    let expected = TenantHeaders { id: ID.parse().unwrap(), region: "GMS", major: 83, minor: 256 };
    assert_eq!(tenant(iter(&headers)), Ok(Some(expected)));
}

#[test]
fn what_we_write_is_byte_for_byte_what_we_read() {
    let headers = gms();
    let read = tenant(iter(&headers)).unwrap().unwrap();
    assert_eq!(of_tenant(&read.to_tenant()).to_vec(), headers);
}

#[test]
fn without_a_tenant_id_there_is_no_tenant() {
    assert_eq!(tenant(iter(&without(TENANT_ID))), Ok(None));
}

#[test]
fn a_tenant_id_needs_the_other_three_headers() {
    for name in [REGION, MAJOR_VERSION, MINOR_VERSION] {
        assert_eq!(tenant(iter(&without(name))), Err(HeaderError::Missing(name)));
    }
}

#[test]
fn an_unreadable_tenant_header_is_an_error_that_names_it() {
    let unreadable: [(&str, Vec<u8>); 11] = [
        (TENANT_ID, vec![]),
        (TENANT_ID, ID.replace('-', "").into()),
        (TENANT_ID, format!("{{{ID}}}").into()),
        (TENANT_ID, ID.replace('8', "x").into()),
        (REGION, vec![]),
        (REGION, vec![0xff]),
        (REGION, b"GMS\r\nX: y".to_vec()),
        (REGION, vec![b'x'; 65]),
        (MAJOR_VERSION, vec![83]),
        (MAJOR_VERSION, b"083".to_vec()),
        (MINOR_VERSION, vec![0, 0, 0, 1]),
    ];
    for (name, value) in unreadable {
        let error = tenant(iter(&with(name, value))).unwrap_err();
        assert!(error.to_string().starts_with(&format!("header {name} is not ")), "{error}");
    }
}

#[test]
fn the_last_of_two_equal_headers_counts() {
    let mut headers = gms();
    headers.push((REGION, "JMS".into()));
    assert_eq!(tenant(iter(&headers)).unwrap().unwrap().region, "JMS");
}

#[test]
fn one_pass_reads_tenant_trace_and_environment() {
    let mut headers = with(TRACEPARENT, TRACE);
    headers.push((TRACESTATE, "vendor=1".into()));
    headers.push((ENVIRONMENT, vec![0xff, 0x00]));
    headers.push(("unknown", vec![1]));
    let read = read(iter(&headers)).unwrap();
    assert_eq!(read.tenant, tenant(iter(&headers)).unwrap());
    assert_eq!(read.traceparent.unwrap().to_string(), TRACE);
    assert_eq!(read.tracestate, Some("vendor=1"));
    assert_eq!(read.environment, Some(&[0xff, 0x00][..]));
}

#[test]
fn an_invalid_trace_is_absent_and_takes_its_state_with_it() {
    let mut headers = with(TRACEPARENT, TRACE.to_uppercase());
    headers.push((TRACESTATE, "vendor=1".into()));
    let read = read(iter(&headers)).unwrap();
    assert_eq!((read.traceparent, read.tracestate), (None, None));
}

#[test]
fn a_trace_state_that_no_header_could_carry_is_dropped() {
    for state in ["", "a=1\r\nb: 2", "a=ж", &"x".repeat(513)] {
        let mut headers = with(TRACEPARENT, TRACE);
        headers.push((TRACESTATE, state.into()));
        assert_eq!(read(iter(&headers)).unwrap().tracestate, None, "{state}");
    }
}

#[test]
fn beside_an_unreadable_tenant_the_rest_can_still_be_read() {
    let mut headers = with(TENANT_ID, "nobody");
    headers.push((ENVIRONMENT, "blue".into()));
    let raw = Raw::collect(iter(&headers));
    assert!(raw.tenant().is_err());
    assert_eq!(raw.without_tenant().environment, Some(&b"blue"[..]));
}

proptest! {
    #[test]
    fn arbitrary_values_never_panic(values: [Vec<u8>; 7]) {
        let names = [
            TENANT_ID, REGION, MAJOR_VERSION, MINOR_VERSION, TRACEPARENT, TRACESTATE, ENVIRONMENT,
        ];
        let headers: Headers = names.into_iter().zip(values).collect();
        let _ = read(iter(&headers));
    }
}
