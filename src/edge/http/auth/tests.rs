#![allow(clippy::unwrap_used)]

use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use uuid::uuid;

use super::testing::{self, Signer, entry};
use super::*;
use crate::config::{Config, Sources};

/// An authority with these keys of the section `auth`.
pub fn authority(settings: &[(&str, &str)]) -> Authority {
    let flags = settings.iter().map(|(key, text)| (format!("auth.{key}"), (*text).to_owned()));
    let sources = Sources { flags: flags.collect(), ..Sources::default() };
    Authority::new(&Config::load(sources).unwrap().config.auth).unwrap()
}

fn with_tokens() -> Authority {
    let tokens = [("shop", "service"), ("eve", "viewer"), ("olga", "operator")]
        .map(|(name, role)| entry(name, role));
    authority(&[("tokens", &tokens.join(",")), ("jwt.secret", testing::SECRET)])
}

fn headers(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
    headers
}

fn bearing(token: &str) -> HeaderMap {
    headers(&format!("Bearer {token}"))
}

fn code<T>(result: Result<T, Error>) -> Option<Code> {
    result.err().map(|error| error.code)
}

#[test]
fn without_credentials_every_caller_is_anonymous_and_may_all() {
    let authority = Authority::default();
    let caller = authority.caller(&bearing("whatever")).unwrap();
    assert_eq!(caller, Principal::Anonymous);
    assert!(caller.acts_for(None) && caller.acts_for(Some(Uuid::nil())));
    let staff = authority.staff(&HeaderMap::new()).unwrap();
    staff.require(Role::Operator).unwrap();
}

#[test]
fn each_listener_is_guarded_by_its_own_roles() {
    let service = authority(&[("tokens", &entry("shop", "service"))]);
    assert_eq!(code(service.caller(&HeaderMap::new())), Some(Code::Unauthenticated));
    assert_eq!(code(service.staff(&HeaderMap::new())), Some(Code::Unauthenticated));
    let viewer = authority(&[("tokens", &entry("eve", "viewer"))]);
    assert_eq!(code(viewer.staff(&HeaderMap::new())), Some(Code::Unauthenticated));
    assert_eq!(viewer.caller(&HeaderMap::new()).unwrap(), Principal::Anonymous);
    let players = authority(&[("jwt.secret", testing::SECRET)]);
    assert_eq!(code(players.caller(&HeaderMap::new())), Some(Code::Unauthenticated));
    assert_eq!(code(players.staff(&HeaderMap::new())), Some(Code::Unauthenticated));
}

#[test]
fn a_services_token_acts_for_any_user_and_for_no_operator() {
    let authority = with_tokens();
    let caller = authority.caller(&bearing("shop")).unwrap();
    assert_eq!(caller, Principal::Service { name: "shop".into() });
    assert!(caller.acts_for(None) && caller.acts_for(Some(Uuid::max())));
    assert_eq!(code(authority.staff(&bearing("shop"))), Some(Code::Forbidden));
}

#[test]
fn an_operators_token_is_none_of_the_game() {
    let authority = with_tokens();
    for token in ["eve", "olga"] {
        assert_eq!(code(authority.caller(&bearing(token))), Some(Code::Forbidden));
    }
}

#[test]
fn a_player_acts_for_their_own_user_only_and_is_nobody_to_operators() {
    let authority = with_tokens();
    let token = bearing(&Signer::hs256().sign(&testing::claims()));
    let user: Uuid = testing::USER.parse().unwrap();
    let caller = authority.caller(&token).unwrap();
    assert_eq!(caller, Principal::Player { user });
    assert!(caller.acts_for(Some(user)));
    let other = uuid!("083839c6-c47c-42a6-9585-76492795d123");
    for owner in [None, Some(Uuid::nil()), Some(other)] {
        assert!(!caller.acts_for(owner), "{owner:?}");
    }
    assert_eq!(code(authority.staff(&token)), Some(Code::Unauthenticated));
}

#[test]
fn nobody_acts_as_the_user_that_stands_for_none() {
    let player = Principal::Player { user: Uuid::nil() };
    assert!(!player.acts_for(Some(Uuid::nil())));
}

#[test]
fn an_operator_may_what_a_viewer_may_and_not_the_other_way() {
    let authority = with_tokens();
    let [viewer, operator] = ["eve", "olga"].map(|token| authority.staff(&bearing(token)).unwrap());
    assert_eq!(viewer.name.as_deref(), Some("eve"));
    viewer.require(Role::Viewer).unwrap();
    operator.require(Role::Viewer).unwrap();
    operator.require(Role::Operator).unwrap();
    assert_eq!(code(viewer.require(Role::Operator)), Some(Code::Forbidden));
}

#[test]
fn what_is_no_bearer_token_is_no_credential() {
    let authority = with_tokens();
    for given in ["shop", "Basic shop", "Bearer", "Bearer ", "Bearer shop2", "Bearer sho"] {
        assert_eq!(code(authority.caller(&headers(given))), Some(Code::Unauthenticated), "{given}");
    }
    authority.caller(&headers("bearer  shop")).unwrap();
    let mut twice = bearing("shop");
    twice.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer shop"));
    assert_eq!(code(authority.caller(&twice)), Some(Code::Unauthenticated));
}

#[test]
fn the_hash_of_a_token_is_no_token() {
    let entry = entry("shop", "service");
    let hash = entry.rsplit(':').next().unwrap();
    let result = with_tokens().caller(&bearing(hash));
    assert_eq!(code(result), Some(Code::Unauthenticated));
}

#[test]
fn a_route_that_no_middleware_guards_refuses_whoever_asks_who_calls() {
    let request = TestRequest::default().to_http_request();
    assert_eq!(code(Principal::of(&request)), Some(Code::Unauthenticated));
    assert_eq!(code(Staff::of(&request)), Some(Code::Unauthenticated));
}
