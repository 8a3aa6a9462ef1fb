//! The section `auth`, and the listeners it opens.

use super::*;
use crate::edge::http::auth::testing::{RSA_PUBLIC, SECRET, entry};

/// Name and role of each token.
fn tokens(loaded: &Loaded) -> Vec<(&str, Role)> {
    loaded.config.auth.tokens.iter().map(|token| (token.name.as_str(), token.role)).collect()
}

fn hash_of(entry: &str) -> &str {
    entry.rsplit(':').next().unwrap()
}

#[test]
fn tokens_are_tables_of_the_file() {
    let (shop, olga) = (entry("shop", "service"), entry("olga", "operator"));
    let (shop, olga) = (hash_of(&shop), hash_of(&olga).to_uppercase());
    for text in [
        format!(
            "[[auth.tokens]]\nname = 'shop'\nrole = 'service'\nsha256 = '{shop}'\n\
             [[auth.tokens]]\nname = 'olga'\nrole = 'operator'\nsha256 = '{olga}'"
        ),
        format!(
            "[auth]\ntokens = [{{ name = 'shop', role = 'service', sha256 = '{shop}' }},\n\
             {{ name = 'olga', role = 'operator', sha256 = '{olga}' }}]"
        ),
    ] {
        let loaded = load(&text, &[], &[]).unwrap();
        assert_eq!(tokens(&loaded), [("shop", Role::Service), ("olga", Role::Operator)]);
        let bytes = loaded.config.auth.tokens.iter().next().unwrap().sha256;
        let hex: String = bytes.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, shop);
    }
}

#[test]
fn a_variable_or_its_file_is_a_list() {
    let entries = [entry("shop", "service"), entry("eve", "viewer")];
    let both = [("shop", Role::Service), ("eve", Role::Viewer)];
    let loaded = from_env(&[("MENAGERIE_AUTH__TOKENS", &entries.join(" , "))]);
    assert_eq!(tokens(&loaded), both);
    let secret = file(&format!("{}\n", entries.join("\n")));
    let loaded = from_env(&[("MENAGERIE_AUTH__TOKENS_FILE", secret.path().to_str().unwrap())]);
    assert_eq!(tokens(&loaded), both);
    let hash = hash_of(&entries[0]);
    let inline = format!("[{{ name = 'shop', role = 'service', sha256 = '{hash}' }}]");
    assert_eq!(tokens(&from_env(&[("MENAGERIE_AUTH__TOKENS", &inline)])), both[..1]);
}

#[test]
fn a_bad_list_of_tokens_is_named_with_its_source_and_not_quoted() {
    let good = entry("shop", "service");
    let hash = hash_of(&good);
    for (text, reason) in [
        ("hunter2", "is neither a list of { name, role, sha256 } nor"),
        ("shop:service", "is neither a list"),
        ("[{ name = 'a', role = 'viewer' }]", "is neither a list"),
        ("shop:service:hunter2", "the sha256 of token 1 is not 64 hexadecimal digits"),
        (&format!("shop:service:{}g", &hash[1..]), "the sha256 of token 1"),
        (&format!("shop:service:{hash}0"), "the sha256 of token 1"),
        (&format!("{good},shop:hunter2:{hash}"), "the role of token 2 is none of service"),
        (&format!("hunter 2:service:{hash}"), "the name of token 1 is not"),
        (&format!(":service:{hash}"), "the name of token 1 is not"),
        (&format!("{good},{}", entry("shop", "viewer")), "tokens 1 and 2 are both named `shop`"),
        (&format!("{good},shop2:viewer:{hash}"), "tokens 1 and 2 have the same hash"),
    ] {
        let problem = problem("", &[("MENAGERIE_AUTH__TOKENS", text)], &[]);
        assert_says(&problem, &["`auth.tokens` (MENAGERIE_AUTH__TOKENS)", reason]);
        for secret in ["hunter", hash] {
            assert!(!problem.contains(secret), "{problem}");
        }
    }
    let in_file = problem("auth.tokens = [7]", &[], &[]);
    assert_says(&in_file, &["`auth.tokens`", ":1)", "is neither a list"]);
}

#[test]
fn neither_hash_nor_secret_is_shown() {
    let shop = entry("shop", "service");
    let env = [("MENAGERIE_AUTH__TOKENS", &*shop), ("MENAGERIE_AUTH__JWT__SECRET", SECRET)];
    let loaded = from_env(&env);
    let text = loaded.print();
    assert_says(
        &text,
        &["auth.tokens = [", "\"shop\"", "\"service\"", "auth.jwt.secret = \"***\""],
    );
    for text in [text, format!("{loaded:?}")] {
        assert!(!text.contains(hash_of(&shop)) && !text.contains(SECRET), "{text}");
    }
}

#[test]
fn a_secret_of_players_is_long_enough_and_may_stand_in_a_file() {
    let short = problem("", &[("MENAGERIE_AUTH__JWT__SECRET", "hunter2")], &[]);
    assert_says(&short, &["`auth.jwt.secret` (MENAGERIE_AUTH__JWT__SECRET)", "at least 32 bytes"]);
    assert!(!short.contains("hunter2"), "{short}");
    let secret = file(SECRET);
    let env = [("MENAGERIE_AUTH__JWT__SECRET_FILE", secret.path().to_str().unwrap())];
    assert_eq!(from_env(&env).config.auth.jwt.secret.unwrap().expose(), SECRET);
}

#[test]
fn a_key_file_that_cannot_be_used_is_named_with_its_source() {
    for key in ["auth.jwt.public_key_file", "auth.jwt.jwks_file"] {
        let missing = problem_of_flag(key, "/nowhere/players");
        assert_says(&missing, &[&format!("`{key}` (--set)"), "/nowhere/players", "No such file"]);
        let other = file("hunter2");
        let bad = problem_of_flag(key, other.path().to_str().unwrap());
        assert_says(&bad, &[&format!("`{key}` (--set)"), other.path().to_str().unwrap()]);
    }
}

#[test]
fn only_one_kind_of_key_can_count() {
    let file = file(RSA_PUBLIC);
    let env = [("MENAGERIE_AUTH__JWT__SECRET", SECRET)];
    for key in ["auth.jwt.public_key_file", "auth.jwt.jwks_file"] {
        let flags = [(key, file.path().to_str().unwrap())];
        assert_says(&problem("", &env, &flags), &[&format!("`{key}`"), "only one of them"]);
    }
}

#[test]
fn claims_are_checked_of_tokens_only_that_are_verified() {
    for key in ["auth.jwt.issuer", "auth.jwt.audience"] {
        assert_says(&problem_of_flag(key, "zoo"), &[&format!("`{key}`"), "needs a key"]);
        load("", &[("MENAGERIE_AUTH__JWT__SECRET", SECRET)], &[(key, "zoo")]).unwrap();
    }
    assert_says(&problem_of_flag("auth.jwt.leeway", "61m"), &["auth.jwt.leeway", "at most 1h"]);
}

#[test]
fn a_listener_beyond_loopback_needs_credentials_of_its_own_or_allow_anonymous() {
    let [service, viewer, operator] =
        ["service", "viewer", "operator"].map(|role| entry("zoe", role));
    for (key, good, others) in [("http.listen", vec![&service], vec![&viewer, &operator])] {
        for address in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80"] {
            let flags = [(key, address)];
            let open = problem("", &[], &flags);
            assert_says(&open, &[&format!("`{key}` (--set)"), "auth.tokens", "allow_anonymous"]);
            load("allow_anonymous = true", &[], &flags).unwrap();
            for tokens in &good {
                load("", &[("MENAGERIE_AUTH__TOKENS", tokens)], &flags).unwrap();
            }
            for tokens in &others {
                problem("", &[("MENAGERIE_AUTH__TOKENS", tokens)], &flags);
            }
        }
        for address in ["[::1]:80", "127.0.0.2:80", "[::ffff:127.0.0.1]:80"] {
            load("", &[], &[(key, address)]).unwrap();
        }
    }
}

#[test]
fn keys_of_players_open_the_games_listener_and_no_other() {
    let pem = file(RSA_PUBLIC);
    let players = [("MENAGERIE_AUTH__JWT__PUBLIC_KEY_FILE", pem.path().to_str().unwrap())];
    load("", &players, &[("http.listen", "0.0.0.0:80")]).unwrap();
}

/// Without credentials it answers an orchestrator and nobody else.
#[test]
fn the_operators_listener_may_be_bound_beyond_loopback() {
    assert!(load("", &[], &[("admin.listen", "0.0.0.0:80")]).unwrap().config.admin.is_exposed());
    assert!(!load("", &[], &[("admin.listen", "[::1]:80")]).unwrap().config.admin.is_exposed());
}
