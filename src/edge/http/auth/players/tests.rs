#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::*;
use crate::edge::http::auth::testing::{RSA_PUBLIC, SECRET, Signer, USER, claims, in_seconds};

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn players(config: Jwt) -> Players {
    Players::new(&config).unwrap().unwrap()
}

/// Verifies HS256.
fn with_secret(config: Jwt) -> Players {
    let secret = serde_json::from_value(json!(SECRET)).unwrap();
    players(Jwt { secret: Some(secret), ..config })
}

fn with_public_key(pem: &str) -> Players {
    players(Jwt { public_key_file: Some(file(pem).path().into()), ..Jwt::default() })
}

fn with_set(keys: &[Value]) -> Players {
    let file = file(&json!({ "keys": keys }).to_string());
    players(Jwt { jwks_file: Some(file.path().into()), ..Jwt::default() })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn accepts(players: &Players, token: &str) -> bool {
    match players.user(token) {
        Ok(user) => {
            assert_eq!(user.to_string(), USER);
            true
        }
        Err(error) => {
            assert_eq!(error.code, Code::Unauthenticated);
            assert!(!error.to_string().contains(token));
            false
        }
    }
}

/// What the sender of a token that is refused hears.
fn refused(players: &Players, token: &str) -> String {
    players.user(token).unwrap_err().to_string()
}

const UNKNOWN: &str = "unauthenticated: this token is not accepted";

#[test]
fn each_kind_of_key_verifies_its_algorithm() {
    let signer = Signer::es256();
    assert!(accepts(&with_secret(Jwt::default()), &Signer::hs256().sign(&claims())));
    assert!(accepts(&with_public_key(RSA_PUBLIC), &Signer::rs256().sign(&claims())));
    assert!(accepts(&with_public_key(&signer.pem()), &signer.sign(&claims())));
}

#[test]
fn the_signature_of_another_key_is_refused() {
    let [signer, other] = [Signer::es256(), Signer::es256()];
    assert_eq!(refused(&with_public_key(&signer.pem()), &other.sign(&claims())), UNKNOWN);
    let forged = Signer::Hs256(b"another secret of thirty-two bytes".to_vec()).sign(&claims());
    assert_eq!(refused(&with_secret(Jwt::default()), &forged), UNKNOWN);
}

#[test]
fn claims_that_were_changed_are_refused() {
    for (players, signer) in [
        (with_secret(Jwt::default()), Signer::hs256()),
        (with_public_key(RSA_PUBLIC), Signer::rs256()),
    ] {
        let token = signer.sign(&claims());
        let parts: Vec<&str> = token.split('.').collect();
        let changed = with("sub", json!("083839c6-c47c-42a6-9585-76492795d123"));
        let changed = URL_SAFE_NO_PAD.encode(changed.to_string());
        let token = format!("{}.{changed}.{}", parts[0], parts[2]);
        assert_eq!(refused(&players, &token), UNKNOWN);
    }
}

#[test]
fn the_token_does_not_choose_the_algorithm() {
    let rsa = with_public_key(RSA_PUBLIC);
    // The classic: what is public taken for a secret.
    let confused = Signer::Hs256(RSA_PUBLIC.into()).sign(&claims());
    assert_eq!(refused(&rsa, &confused), UNKNOWN);
    for algorithm in ["HS384", "RS384", "RS512", "PS256", "ES256", "EdDSA", "none", "NONE", ""] {
        let token = Signer::rs256().sign_as(&json!({ "alg": algorithm }), &claims());
        assert_eq!(refused(&rsa, &token), UNKNOWN, "{algorithm}");
        let token = Signer::hs256().sign_as(&json!({ "alg": algorithm }), &claims());
        assert_eq!(refused(&with_secret(Jwt::default()), &token), UNKNOWN, "{algorithm}");
    }
}

#[test]
fn a_token_without_signature_is_refused() {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let players = with_secret(Jwt::default());
    for algorithm in ["none", "HS256"] {
        let message = format!("{}.{}", part(&json!({ "alg": algorithm })), part(&claims()));
        assert_eq!(refused(&players, &format!("{message}.")), UNKNOWN);
        assert_eq!(refused(&players, &message), UNKNOWN);
    }
    for token in ["", ".", "..", "a.b.c", "x"] {
        assert_eq!(refused(&players, token), UNKNOWN);
    }
}

#[test]
fn a_key_in_the_token_itself_counts_for_nothing() {
    let [signer, forger] = [Signer::es256(), Signer::es256()];
    let header = json!({ "alg": "ES256", "jwk": forger.jwk("mine") });
    let players = with_public_key(&signer.pem());
    assert_eq!(refused(&players, &forger.sign_as(&header, &claims())), UNKNOWN);
}

#[test]
fn an_extension_that_must_be_understood_is_refused() {
    let header = json!({ "alg": "HS256", "crit": ["exp"] });
    let token = Signer::hs256().sign_as(&header, &claims());
    assert_eq!(refused(&with_secret(Jwt::default()), &token), UNKNOWN);
}

#[test]
fn a_token_counts_until_it_expires_and_a_little_longer() {
    let players = with_secret(Jwt { leeway: Duration::from_secs(30), ..Jwt::default() });
    let ending = |seconds| Signer::hs256().sign(&with("exp", json!(in_seconds(seconds))));
    assert!(accepts(&players, &ending(-10)));
    assert!(refused(&players, &ending(-40)).ends_with("the token has expired"));
    for exp in [json!("tomorrow"), json!(null), json!(-1)] {
        assert!(!accepts(&players, &Signer::hs256().sign(&with("exp", exp))));
    }
    assert!(!accepts(&players, &Signer::hs256().sign(&without("exp"))));
}

#[test]
fn a_token_counts_from_its_beginning_and_a_little_earlier() {
    let players = with_secret(Jwt::default());
    let beginning = |seconds| Signer::hs256().sign(&with("nbf", json!(in_seconds(seconds))));
    assert!(accepts(&players, &beginning(10)));
    assert!(refused(&players, &beginning(60)).ends_with("not valid yet"));
}

#[test]
fn the_issuer_must_be_the_configured_one() {
    let players = with_secret(Jwt { issuer: Some("login".into()), ..Jwt::default() });
    let of = |issuer| Signer::hs256().sign(&with("iss", issuer));
    assert!(accepts(&players, &of(json!("login"))));
    assert!(refused(&players, &of(json!("other"))).ends_with("another issuer"));
    for token in [of(json!(7)), Signer::hs256().sign(&without("iss"))] {
        assert!(!accepts(&players, &token));
    }
    assert!(accepts(&with_secret(Jwt::default()), &of(json!("other"))));
}

#[test]
fn the_audience_must_hold_the_configured_one() {
    let players = with_secret(Jwt { audience: Some("zoo".into()), ..Jwt::default() });
    let to = |audience| Signer::hs256().sign(&with("aud", audience));
    assert!(accepts(&players, &to(json!("zoo"))));
    assert!(accepts(&players, &to(json!(["farm", "zoo"]))));
    for other in [json!("farm"), json!(["farm"])] {
        assert!(refused(&players, &to(other)).ends_with("another audience"));
    }
    for token in [to(json!(7)), to(json!([])), Signer::hs256().sign(&without("aud"))] {
        assert!(!accepts(&players, &token));
    }
    assert!(accepts(&with_secret(Jwt::default()), &to(json!("farm"))));
}

#[test]
fn the_subject_must_be_a_users_id() {
    let players = with_secret(Jwt::default());
    for sub in [json!("tom"), json!(""), json!(Uuid::nil().to_string()), json!(7), json!(null)] {
        assert!(!accepts(&players, &Signer::hs256().sign(&with("sub", sub.clone()))), "{sub}");
    }
    assert!(!accepts(&players, &Signer::hs256().sign(&without("sub"))));
}

#[test]
fn the_id_chooses_a_key_of_a_set() {
    let [a, b, rsa] = [Signer::es256(), Signer::es256(), Signer::rs256()];
    let players = with_set(&[a.jwk("a"), b.jwk("b"), rsa.jwk("r")]);
    for (signer, id, is_accepted) in [
        (&a, "a", true),
        (&b, "b", true),
        (&rsa, "r", true),
        (&a, "b", false),
        (&a, "c", false),
        (&a, "r", false),
        (&rsa, "a", false),
    ] {
        assert_eq!(accepts(&players, &signer.sign_with_id(id, &claims())), is_accepted, "{id}");
    }
    for signer in [&a, &b, &rsa] {
        assert!(accepts(&players, &signer.sign(&claims())));
    }
    assert_eq!(refused(&players, &Signer::es256().sign(&claims())), UNKNOWN);
}

#[test]
fn what_is_wrong_is_said_if_any_key_of_a_set_signed() {
    let [a, b] = [Signer::es256(), Signer::es256()];
    let players = with_set(&[a.jwk("a"), b.jwk("b")]);
    for signer in [a, b] {
        let token = signer.sign(&with("exp", json!(in_seconds(-60))));
        assert!(refused(&players, &token).ends_with("the token has expired"));
    }
}

#[test]
fn a_file_is_read_again_and_a_bad_one_keeps_the_old_keys() {
    let [old, new] = [Signer::es256(), Signer::es256()];
    let file = file(&old.pem());
    let path: PathBuf = file.path().into();
    let players = players(Jwt { public_key_file: Some(path.clone()), ..Jwt::default() });
    std::fs::write(&path, "nonsense").unwrap();
    let error = players.reload().unwrap_err().to_string();
    assert!(error.contains("auth.jwt.public_key_file") && !error.contains("nonsense"), "{error}");
    assert!(accepts(&players, &old.sign(&claims())));
    std::fs::write(&path, new.pem()).unwrap();
    assert!(players.reload().unwrap());
    assert!(accepts(&players, &new.sign(&claims())));
    assert!(!accepts(&players, &old.sign(&claims())));
    assert!(!with_secret(Jwt::default()).reload().unwrap());
}
