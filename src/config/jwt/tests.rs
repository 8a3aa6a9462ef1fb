#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::*;
use crate::edge::http::auth::testing::{RSA_PRIVATE, RSA_PUBLIC, RSA_PUBLIC_PKCS1, Signer};

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn of_pem(text: &str) -> Result<Vec<Key>, KeyError> {
    load(&Jwt { public_key_file: Some(file(text).path().into()), ..Jwt::default() })
}

fn of_set(keys: &[Value]) -> Result<Vec<Key>, KeyError> {
    let file = file(&json!({ "keys": keys }).to_string());
    load(&Jwt { jwks_file: Some(file.path().into()), ..Jwt::default() })
}

fn algorithms(keys: &[Key]) -> Vec<Algorithm> {
    keys.iter().map(|key| key.algorithm).collect()
}

#[test]
fn the_kind_of_a_key_fixes_the_algorithm() {
    let of_pem = |text: &str| algorithms(&of_pem(text).unwrap());
    assert_eq!(of_pem(RSA_PUBLIC), [Algorithm::RS256]);
    assert_eq!(of_pem(RSA_PUBLIC_PKCS1), [Algorithm::RS256]);
    assert_eq!(of_pem(&Signer::es256().pem()), [Algorithm::ES256]);
}

#[test]
fn what_is_no_public_key_is_refused_without_quoting_it() {
    let ed25519 = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let secret = RSA_PRIVATE.lines().nth(1).unwrap();
    for (text, reason) in [
        (RSA_PRIVATE, "is a private key"),
        ("hunter2", "has no `-----BEGIN PUBLIC KEY-----`"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "is no key of RS256"),
        (ed25519, "is no key of RS256"),
    ] {
        let error = of_pem(text).unwrap_err();
        assert_eq!(error.key, "auth.jwt.public_key_file");
        assert!(error.reason.contains(reason), "{error}");
        assert!(!error.reason.contains(secret) && !error.reason.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_file_that_is_missing_is_named() {
    let path = Some("/nowhere/players".into());
    for jwt in [
        Jwt { public_key_file: path.clone(), ..Jwt::default() },
        Jwt { jwks_file: path, ..Jwt::default() },
    ] {
        let error = load(&jwt).unwrap_err().to_string();
        assert!(error.contains("_file: /nowhere/players: No such file"), "{error}");
    }
}

#[test]
fn keys_for_something_else_are_left_out_of_a_set() {
    let [signer, rsa] = [Signer::es256(), Signer::rs256()];
    let other = |mut key: Value, name: &str, value: &str| {
        key[name] = value.into();
        key
    };
    let keys = [
        signer.jwk("good"),
        Signer::hs256().jwk("a secret"),
        other(rsa.jwk("a"), "use", "enc"),
        other(rsa.jwk("b"), "alg", "RS512"),
        other(rsa.jwk("c"), "alg", "RSA-OAEP"),
        other(signer.jwk("d"), "crv", "P-384"),
        other(signer.jwk("e"), "crv", "secp256k1"),
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}),
        json!({"kty": "new"}),
    ];
    let kept = of_set(&keys).unwrap();
    assert_eq!(algorithms(&kept), [Algorithm::ES256]);
    assert_eq!(kept[0].id.as_deref(), Some("good"));
    let error = of_set(&keys[1..]).unwrap_err().to_string();
    assert!(error.contains("auth.jwt.jwks_file") && error.contains("has no key of"), "{error}");
}

#[test]
fn a_broken_key_of_a_set_is_named() {
    let signer = Signer::es256();
    let mut short = signer.jwk("b");
    short["x"] = "AAAA".into();
    let weak = json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"});
    for (key, reason) in [
        (short, "key 2 is not an uncompressed point on P-256"),
        (weak, "key 2 is an RSA key of less than 2048 bits"),
        (json!({"kty": "RSA", "n": "??", "e": "AQAB"}), "key 2 "),
    ] {
        let error = of_set(&[signer.jwk("a"), key]).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    let error = load(&Jwt { jwks_file: Some(file("{}").path().into()), ..Jwt::default() });
    assert!(error.unwrap_err().reason.contains("is not a JWKS"));
}

#[test]
fn debug_shows_no_key() {
    let secret = serde_json::from_value(json!("0123456789abcdef0123456789abcdef")).unwrap();
    let keys = load(&Jwt { secret: Some(secret), ..Jwt::default() }).unwrap();
    assert_eq!(format!("{keys:?}"), "[HS256 None]");
}
