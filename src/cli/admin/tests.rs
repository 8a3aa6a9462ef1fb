//! Where the API is looked for, whose token is sent, and what becomes of each answer.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::net::TcpListener;

use serde_json::json;

use super::fake::{Answer, Fake, TENANT, admin_args};
use super::*;
use crate::cli::exit::{self, Exit};

fn usage_of(flags: &str) -> String {
    let error = admin_args(flags).api().unwrap_err();
    assert_eq!(exit::code_of_failure(&error), Exit::Usage, "{error:#}");
    format!("{error:#}")
}

fn code_of(error: Error) -> Exit {
    exit::code_of_failure(&error.into())
}

#[test]
fn without_an_address_the_configuration_says_it() {
    let base = |flags| admin_args(flags).api().unwrap().base();
    assert_eq!(base("--set admin.listen=0.0.0.0:9191"), "http://127.0.0.1:9191");
    assert_eq!(base("--admin http://zoo:1/proxied/"), "http://zoo:1/proxied");
    assert_eq!(base("--admin zoo:9090"), "http://zoo:9090");
    // Whatever is wrong in a configuration nobody needs.
    assert_eq!(base("--admin zoo:9090 --set kafka.gruop=x"), "http://zoo:9090");
}

#[test]
fn what_is_no_address_of_an_api_is_bad_usage() {
    assert!(usage_of("--admin https://zoo").contains("plain HTTP"));
    assert!(usage_of("--admin http://zoo/?a=b").contains("path"));
    assert!(usage_of("--admin http://").contains("--admin"));
    assert!(usage_of("--set admin.listen=127.0.0.1:0").contains("port 0"));
    assert!(usage_of("--set admin.lisen=127.0.0.1:1").contains("admin.listen"));
}

#[test]
fn a_route_is_below_the_address_and_its_parts_are_encoded() {
    let api = Api::new("http://zoo:1/proxied/", None).unwrap();
    let url = api.url(&["dead-letters", "a/b?"], &[("q", "x y&z".to_owned())]);
    assert_eq!(url.as_str(), "http://zoo:1/proxied/admin/dead-letters/a%2Fb%3F?q=x+y%26z");
    assert_eq!(api.url(&["outbox"], &[]).as_str(), "http://zoo:1/proxied/admin/outbox");
}

#[tokio::test]
async fn the_token_goes_with_each_request_and_is_shown_nowhere() {
    let fake = Fake::start([Answer::raw("{}"), Answer::raw("{}")]);
    let args = admin_args(&format!("--admin {} --token hunter2", fake.address));
    let api = args.api().unwrap();
    api.get(&["outbox"]).await.unwrap();
    api.post(&["outbox", "nats", "retry"], None).await.unwrap();
    let sent: Vec<_> = fake.asked().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(sent, [Some("Bearer hunter2".to_owned()), Some("Bearer hunter2".to_owned())]);
    assert!(!format!("{args:?}{api:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_token_may_stand_in_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"hunter2\r\n").unwrap();
    let fake = Fake::start([Answer::raw("{}")]);
    let flags = format!("--admin {} --token-file {}", fake.address, file.path().display());
    admin_args(&flags).api().unwrap().get(&["outbox"]).await.unwrap();
    assert_eq!(fake.asked()[0].authorization.as_deref(), Some("Bearer hunter2"));
}

#[tokio::test]
async fn without_a_token_none_is_sent_and_an_empty_one_is_none() {
    let fake = Fake::start([Answer::raw("{}")]);
    let args = admin_args(&format!("--admin {} --token= --token-file=", fake.address));
    args.api().unwrap().get(&["outbox"]).await.unwrap();
    assert_eq!(fake.asked()[0].authorization, None);
}

#[test]
fn a_token_that_cannot_be_told_is_bad_usage() {
    assert!(usage_of("--token a --token-file b").contains("only one"));
    let missing = usage_of("--token-file /nowhere/token");
    assert!(missing.contains("/nowhere/token") && missing.contains("No such file"), "{missing}");
    let odd = AdminArgs { token: Some(Secret::from("hunter\n2")), ..admin_args("--admin zoo:1") };
    let error = odd.api().unwrap_err();
    assert_eq!(exit::code_of_failure(&error), Exit::Usage);
    assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
}

#[tokio::test]
async fn a_refusal_ends_with_70_and_says_why() {
    for (status, code) in [
        (401, "unauthenticated"),
        (403, "forbidden"),
        (404, "unknown_character"),
        (409, "character_online"),
        (503, "not_serving"),
    ] {
        let fake = Fake::start([Answer::problem(status, code)]);
        let error = fake.api().get(&["outbox"]).await.unwrap_err();
        assert_eq!(error.to_string(), format!("No: that {code} ({code})"));
        assert_eq!(code_of(error), Exit::Internal);
    }
}

#[tokio::test]
async fn a_process_that_is_not_there_ends_with_69() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let api = Api::new(&address.to_string(), None).unwrap();
    let error = api.post(&["outbox", "nats", "retry"], None).await.unwrap_err();
    let expected = format!("http://{address} does not answer: connection refused");
    assert_eq!(error.to_string(), expected);
    assert_eq!(code_of(error), Exit::Unavailable);
}

#[tokio::test]
async fn of_a_change_without_an_answer_nobody_knows_whether_it_is_made() {
    let ask = async |is_change| {
        let api = Fake::start([Answer::Silence]).api();
        let answer = match is_change {
            true => api.delete(&["dead-letters", "1"]).await,
            false => api.get(&["dead-letters", "1"]).await.map(drop),
        };
        let error = answer.unwrap_err();
        assert!(error.is_away(), "{error}");
        error.to_string()
    };
    assert!(ask(true).await.ends_with("; what was asked may be done all the same"));
    assert!(!ask(false).await.contains("may be done"));
}

#[tokio::test]
async fn nobody_else_is_asked_instead() {
    // One header more.
    let content_type = "text/html\r\nLocation: http://127.0.0.1:1/";
    let fake = Fake::start([Answer::Full { status: 302, content_type, body: String::new() }]);
    let error = fake.api().get(&["outbox"]).await.unwrap_err();
    assert_eq!(error.to_string(), "302 Found");
}

#[tokio::test]
async fn an_answer_beside_the_contract_ends_with_70() {
    let fake = Fake::start([]);
    let error = fake.api().read::<Vec<u8>>("<html>").unwrap_err();
    assert!(error.to_string().contains("operator's API"), "{error}");
    assert_eq!(code_of(error), Exit::Internal);
}

#[tokio::test]
async fn what_is_no_stream_is_not_listened_to() {
    let fake = Fake::start([Answer::ok(&json!({})), Answer::problem(403, "forbidden")]);
    let api = fake.api();
    let error = api.events(&[]).await.unwrap_err();
    assert!(error.to_string().contains("application/json instead of a stream"), "{error}");
    let error = api.events(&[]).await.unwrap_err();
    assert_eq!(error.to_string(), "No: that forbidden (forbidden)");
}

#[test]
fn a_character_is_named_by_its_number_in_both_ways() {
    assert_eq!(number("12345"), Ok(12_345));
    assert_eq!(number("n:4294967295"), Ok(u32::MAX));
    for text in ["", "n:", "-1", "4294967296", "m:1", "n:n:1"] {
        assert!(number(text).is_err(), "{text}");
    }
    let key = character_key(&format!("{TENANT}/n:7")).unwrap();
    assert_eq!(key.to_string(), format!("{TENANT}/7"));
    for text in ["7", "zoo/7", &format!("{TENANT}/"), &format!("{TENANT}/1/2")] {
        assert!(character_key(text).is_err(), "{text}");
    }
}
